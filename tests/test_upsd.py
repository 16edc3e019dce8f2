"""The reader of upsd's protocol: every case fed whole and byte by byte, and what may not be sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import upsd
from probes.upsd import AnswerReader, ProtocolError, Request, Unsendable, Verdict

LIST = upsd.list_variables("mdf")
USER = upsd.username("monitor")
PASSWORD = upsd.password("hunter2")


def read(request: Request, sent: bytes, step: int) -> object:
    """The answer, None while incomplete, or the error as text."""
    reader, answer = AnswerReader(request), None
    try:
        for start in range(0, len(sent), step):
            answer = reader.feed(sent[start : start + step])
    except ProtocolError as error:
        return f"wrong: {error}"
    return answer if answer is None or isinstance(answer, Verdict) else dict(answer)


def table(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in ("BEGIN LIST VAR mdf", *lines, "END LIST VAR mdf")).encode()


ANSWERS = {
    "a table": (
        LIST,
        table('VAR mdf ups.status "OL"', 'VAR mdf ups.load "12"'),
        {"ups.status": "OL", "ups.load": "12"},
    ),
    "an empty table": (LIST, table(), {}),
    "an empty value": (LIST, table('VAR mdf ups.alarm ""'), {"ups.alarm": ""}),
    "quotes": (LIST, table(r'VAR mdf ups.model "say \"hi\""'), {"ups.model": 'say "hi"'}),
    "backslashes": (LIST, table(r'VAR mdf ups.model "\\ 500i\\"'), {"ups.model": "\\ 500i\\"}),
    "any escape": (LIST, table(r'VAR mdf ups.id "\#1"'), {"ups.id": "#1"}),
    "spaces and END inside": (LIST, table('VAR mdf ups.id "END LIST VAR mdf"'), {"ups.id": "END LIST VAR mdf"}),
    "UTF-8": (LIST, table('VAR mdf ups.id "Büro"'), {"ups.id": "Büro"}),
    "Latin-1": (
        LIST,
        b'BEGIN LIST VAR mdf\nVAR mdf ups.id "B\xfcro"\nVAR mdf x "\x80\xff"\nEND LIST VAR mdf\n',
        {"ups.id": "Büro", "x": "\x80\xff"},
    ),
    "a NUL": (LIST, table('VAR mdf ups.id "a\0b"'), {"ups.id": "a\0b"}),
    "CRLF": (LIST, table('VAR mdf ups.status "OL"').replace(b"\n", b"\r\n"), {"ups.status": "OL"}),
    "stale": (LIST, b"ERR DATA-STALE\n", Verdict("LIST VAR", "DATA-STALE")),
    "an error with words": (LIST, b"ERR ACCESS-DENIED go away\n", Verdict("LIST VAR", "ACCESS-DENIED")),
    "OK": (USER, b"OK\n", Verdict("USERNAME")),
    "OK with words": (upsd.STARTTLS, b"OK STARTTLS\n", Verdict("STARTTLS")),
    "no TLS": (upsd.STARTTLS, b"ERR FEATURE-NOT-CONFIGURED\n", Verdict("STARTTLS", "FEATURE-NOT-CONFIGURED")),
    "nothing": (LIST, b"", None),
    "half a line": (LIST, b"BEGIN LIST V", None),
    "half a table": (LIST, table('VAR mdf ups.status "OL"')[:-20], None),
    "no last newline": (LIST, table()[:-1], None),
    "no newline after OK": (USER, b"OK", None),
}

WRONG = {
    "garbage": (LIST, b"\x00\x01\x02\n", r"not upsd's answer to LIST VAR: b'\x00\x01\x02'"),
    "another service": (LIST, b"HTTP/1.1 400 Bad Request\r\n", "not upsd's answer"),
    "OK to a list": (LIST, b"OK\n", "not upsd's answer"),
    "an empty line": (LIST, b"\n", "not upsd's answer"),
    "a list of another UPS": (LIST, b"BEGIN LIST VAR idf\n", "not upsd's answer"),
    "a list of others": (LIST, b"BEGIN LIST UPS\n", "not upsd's answer"),
    "a table to USERNAME": (USER, b"BEGIN LIST VAR mdf\n", "not upsd's answer to USERNAME"),
    "OKAY": (USER, b"OKAY\n", "not upsd's answer"),
    "an error in small letters": (LIST, b"ERR data-stale\n", "not upsd's answer"),
    "an error without token": (LIST, b"ERR \n", "not upsd's answer"),
    "END of another list": (LIST, b"BEGIN LIST VAR mdf\nEND LIST VAR idf\n", "not a variable"),
    "a variable of another UPS": (LIST, table('VAR idf ups.status "OL"'), "a variable of another UPS"),
    "an error inside the list": (LIST, table("ERR DATA-STALE"), "not a variable"),
    "BEGIN twice": (LIST, table("BEGIN LIST VAR mdf"), "not a variable"),
    "a value without quotes": (LIST, table("VAR mdf ups.status OL"), "not a variable"),
    "a value cut off": (LIST, table('VAR mdf ups.status "OL'), "not a variable"),
    "an escape at the end": (LIST, table('VAR mdf ups.status "OL\\"'), "not a variable"),
    "words after the value": (LIST, table('VAR mdf ups.status "OL" "OB"'), "not a variable"),
    "two lines run together": (LIST, table('VAR mdf a "longVAR mdf ups.status "OL"'), "not a variable"),
    "a variable twice": (LIST, table('VAR mdf ups.status "OL"', 'VAR mdf ups.status "OB"'), "a variable stands twice"),
    "bytes after the table": (LIST, table() + b"E", "more bytes after the answer"),
    "a line after the table": (LIST, table() + b"END LIST VAR mdf\n", "more bytes after the answer"),
    "bytes after OK STARTTLS": (upsd.STARTTLS, b"OK STARTTLS\nBEGIN", "more bytes after the answer"),
    "a line after ERR": (LIST, b"ERR DATA-STALE\nOK\n", "more bytes after the answer"),
    "an endless line": (LIST, b"B" * (upsd.MAX_LINE + 1), "a line of more than 4096 bytes"),
    "a line too long": (LIST, table(f'VAR mdf x "{"x" * upsd.MAX_LINE}"'), "a line of more than 4096 bytes"),
    "too many variables": (
        LIST,
        table(*(f'VAR mdf x{number} ""' for number in range(upsd.MAX_VARIABLES + 1))),
        "more than 5000 variables",
    ),
}


@pytest.mark.parametrize(("request_", "sent", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_whole_and_byte_by_byte(request_: Request, sent: bytes, answer: object) -> None:
    assert read(request_, sent, len(sent) or 1) == answer
    assert read(request_, sent, 1) == answer


@pytest.mark.parametrize(("request_", "sent", "why"), WRONG.values(), ids=WRONG)
def test_what_is_no_answer_is_named_whole_and_byte_by_byte(request_: Request, sent: bytes, why: str) -> None:
    whole = read(request_, sent, len(sent))
    assert str(whole).startswith(f"wrong: {why}")
    assert str(read(request_, sent, 1)).startswith(f"wrong: {why}")


def test_an_answer_without_end_is_refused_before_it_fills_memory() -> None:
    lines = [f'VAR mdf x{number} "{"y" * 1000}"' for number in range(1100)]
    too_long = f"wrong: an answer of more than {upsd.MAX_BYTES} bytes"
    assert read(LIST, table(*lines), 1000) == too_long
    assert read(LIST, table(*lines)[: upsd.MAX_BYTES - 2000], 1000) is None


def test_an_error_shows_little_of_what_came_and_nothing_after_a_password() -> None:
    assert str(read(LIST, b"A" * 4000 + b"\n", 4001)).endswith(f": b'{'A' * 60}'")
    assert read(PASSWORD, b"what is PASSWORD hunter2\n", 99) == "wrong: not upsd's answer to PASSWORD"
    assert "hunter2" not in repr(PASSWORD)


PIECES = [
    "BEGIN LIST VAR mdf",
    "END LIST VAR mdf",
    'VAR mdf ups.status "OL"',
    'VAR mdf ups.id "a \\"b\\" \\\\"',
    'VAR idf ups.status "OL"',
    "ERR DATA-STALE",
    "OK",
    "BEGIN LIST VAR idf",
]
STREAMS = st.lists(
    st.one_of(st.sampled_from(PIECES).map(lambda line: line.encode() + b"\n"), st.binary(max_size=20)), max_size=8
).map(b"".join)


@given(sent=STREAMS, step=st.integers(1, 40), request=st.sampled_from([LIST, USER, upsd.STARTTLS]))
def test_pieces_of_any_size_give_the_same_result(sent: bytes, step: int, request: Request) -> None:
    assert read(request, sent, step) == read(request, sent, len(sent) or 1)


NAMES = st.from_regex(r"[a-z.]{1,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=50)


@given(values=st.dictionaries(NAMES, VALUES))
def test_every_value_comes_through_its_quoting(values: dict[str, str]) -> None:
    def escaped(value: str) -> str:
        return "".join(f"\\{char}" if char in '"\\' else char for char in value)

    assert read(LIST, table(*(f'VAR mdf {name} "{escaped(value)}"' for name, value in values.items())), 7) == values


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("monitor", b"USERNAME monitor\n"),
        ("two words", b'USERNAME "two words"\n'),
        ('a"b\\c#d', b'USERNAME "a\\"b\\\\c\\#d"\n'),
        ("a=b", b'USERNAME "a=b"\n'),
        ("", b'USERNAME ""\n'),
    ],
)
def test_a_word_is_quoted_only_where_it_must_be(text: str, wire: bytes) -> None:
    assert upsd.username(text).wire == wire


@pytest.mark.parametrize("text", ["line\nLOGIN mdf", "tab\t", "B\u00fcro", "\x00", "\x7f"])
def test_what_upsd_would_drop_or_take_for_a_line_is_never_sent(text: str) -> None:
    for build in (upsd.username, upsd.password, upsd.list_variables):
        with pytest.raises(Unsendable) as caught:
            build(text)
        assert text not in str(caught.value)


@pytest.mark.parametrize("name", ["", "two words", 'a"b', "a\\b", "a#b"])
def test_a_name_that_the_answer_could_not_repeat_is_never_asked_for(name: str) -> None:
    with pytest.raises(Unsendable, match="the name of the UPS"):
        upsd.list_variables(name)
