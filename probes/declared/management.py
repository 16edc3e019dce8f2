"""What every probe of a PBX's management interface has in its declaration: where it listens, and TLS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resilience.fields import Field, described, flag, host, port, required, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    host: str
    port: int
    tls: bool = False
    verify: bool = True
    ca: str = ""

    @property
    def place(self) -> str:
        """`host:port`, for people and for a Host header."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def management_fields(whose: str, usual_port: int) -> Mapping[str, Field[Any]]:
    return {
        "host": required(host(), f"the machine on which {whose} listens"),
        "port": described(port(), f"its port ({usual_port})"),
        "tls": described(flag(), "whether it is served over TLS (false)"),
        "verify": described(flag(), "whether its certificate is verified (true)"),
        "ca": described(text(), "a PEM file with the CA of its certificate, instead of the system's"),
    }


def check_management(settings: Management) -> str | None:
    if not settings.tls and (settings.ca or not settings.verify):
        return "ca and verify are for TLS; write tls: true"
    return None
