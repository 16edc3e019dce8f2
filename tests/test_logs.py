"""One line an event, whatever a device says in it."""

import logging

import pytest

from resilience.logs import KeyValue


@pytest.mark.parametrize("said", ["a\nlevel=error", "\x1b[2J", "\x9b2J", "\x7f", "\u202e", "\u2028x", 'a"b', "a b"])
def test_what_a_device_says_stays_in_its_quotes(said: str) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (said,), "levelname": "INFO", "levelno": logging.INFO})
    line = KeyValue().format(record)
    assert line.isprintable()
    assert line.partition("event=")[2].startswith('"')
    assert " level=" not in line.partition("event=")[2].replace(r"\nlevel=", "")
