"""Structured logs: one `key=value` line an event, site, component and probe always under the same keys."""

import json
import logging
import sys
import time

_FIELDS = ("site", "component", "probe", "reason", "state", "code")


class KeyValue(logging.Formatter):
    """logfmt: `time=… level=… event="…" site=… component=…`."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        parts = [("time", self.formatTime(record)), ("level", record.levelname.lower()), ("event", record.getMessage())]
        parts += [(name, str(value)) for name in _FIELDS if (value := getattr(record, name, "")) != ""]
        if record.exc_info:
            parts.append(("trace", self.formatException(record.exc_info)))
        return " ".join(f"{key}={_quoted(value)}" for key, value in parts)


def _quoted(value: str) -> str:
    shown = value.isprintable()
    plain = value and shown and not any(char in '= "' for char in value)
    # Printable text stays readable; what a terminal would obey does not reach it.
    return value if plain else json.dumps(value, ensure_ascii=not shown)


def configure(level: int = logging.INFO) -> None:
    """Logs to stderr. Libraries speak only when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = KeyValue()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("resilience").setLevel(level)
