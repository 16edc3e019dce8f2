"""The one function that refuses emergency numbers and service URNs. Nothing else may live here.

Every SIP request a probe builds, and every SIP URI a site file declares, passes through `permitted`. It sees
through what a dial plan or a URI parser sees through: percent-encoding (also twice), full-width and other
scripts' digits, visual separators, outside-line prefixes, country codes, feature codes, pauses. In doubt it
refuses: a monitor never needs a number so short that a switch could take it for one of these.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

CODES = {
    "911": "North America, and any GSM phone",
    "112": "Europe, and any GSM phone",
    "999": "United Kingdom and others",
    "000": "Australia",
    "110": "police: Germany, China, Japan",
    "118": "ambulance: Italy; fire: Indonesia",
    "119": "fire and ambulance: Japan, Korea, China",
    "988": "United States, suicide and crisis line",
    "933": "911 test service: only by a person's order, for each event",
}
"""Emergency numbers (3GPP TS 22.101 §10.1.1 has those a phone without SIM dials) and who answers."""

_CODE = "|".join(CODES)
_DIALLED = re.compile(rf"[089]{{0,2}}({_CODE})|[089]{{0,2}}1(911)|(08)", re.ASCII)
"""Outside-line digits 9, 8, 0, at most two of them, and a long-distance 1 before 911. 08 is in TS 22.101 too."""
_ABROAD = re.compile(rf"\d{{0,3}}({_CODE})", re.ASCII)
"""After a plus or an international prefix: country code and short code. A real E.164 number is longer."""
_INTERNATIONAL_PREFIX = re.compile(r"(?:00|011)(?=\d)", re.ASCII)
_FEATURE_CODE = re.compile(r"[*#]+\d\d(?=\d)", re.ASCII)
"""Star codes such as *67, dialled before a number to hide the caller."""
_WITH_PAUSE = re.compile(r"([\d+*#]+)(?:[pwx][\dpwx*#]*)?", re.ASCII)
"""A number, and what is dialled after a pause (RFC 2806 `p` and `w`)."""
_SERVICE_URN = re.compile(r"urn:(?:service|nena|emergency)\b")
"""RFC 5031 and NENA i3: `urn:service:sos`, `test.sos`, `counseling`. No probe asks for any service by URN."""
_SCHEME = re.compile(r"[^a-z0-9+*#]*([a-z][a-z0-9.-]*):")
_HOST = re.compile(r"(\[[^\]]*\]|[^:;?<>]*)(?::\d*(?![^;?>]))?(.*)", re.DOTALL)
"""Host, a port that is passed over (9911 is a fine port), and what follows."""
_DOTTED_QUAD = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_BETWEEN_TOKENS = re.compile(r"[@:;,?&=<>\"']")
_DECODINGS = 8


class EmergencyRefused(ValueError):
    """The destination is an emergency number or URN, or could be taken for one."""


@lru_cache(maxsize=16_384)  # looking through a destination takes as long as writing the request to it
def permitted(destination: str) -> str:
    """`destination`, unchanged: a URI, or a bare user or number. EmergencyRefused says why it may not be used."""
    plain = _plain(destination)
    if _SERVICE_URN.search(plain):
        raise EmergencyRefused("a service URN is never used by the monitor: it may reach an emergency service")
    for token in _tokens(plain):
        if token == "sos" or token.startswith("sos."):
            raise EmergencyRefused("the user 'sos' is never used by the monitor: it may reach an emergency service")
        if code := _emergency_code(token):
            raise EmergencyRefused(
                f"could be taken for the emergency number {code} ({CODES.get(code, 'any GSM phone')}), "
                "which the monitor never uses; name a host without a user, or a full subscriber number"
            )
    return destination


def _plain(text: str) -> str:
    """`text` decoded until nothing changes: ASCII digits, small letters, no white space, no invisible signs."""
    for _ in range(_DECODINGS):
        decoded = unicodedata.normalize("NFKC", unquote(text))
        decoded = "".join(_ascii(char) for char in decoded if not _invisible(char)).lower()
        if decoded == text:
            return decoded
        text = decoded
    raise EmergencyRefused(f"is encoded more than {_DECODINGS} times over, which hides what it is")


def _ascii(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def _invisible(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in {"Cc", "Cf", "Mn", "Me"}


def _tokens(plain: str) -> list[str]:
    """Every part of a URI or bare text that something could dial; the host only where it is no address."""
    scheme = _SCHEME.match(plain)
    rest = plain[scheme.end() :] if scheme else plain
    is_sip = scheme is not None and scheme[1] in ("sip", "sips")
    user, at, host_part = rest.rpartition("@")
    if not (is_sip or at):
        return _BETWEEN_TOKENS.split(rest)
    parts = _HOST.fullmatch(host_part)
    if parts is None:
        raise AssertionError(f"every text has a host part: {host_part!r}")
    host, tail = parts.groups()
    tokens = _BETWEEN_TOKENS.split(user) + _BETWEEN_TOKENS.split(tail)
    is_address = host.startswith("[") or _DOTTED_QUAD.fullmatch(host)
    return tokens if is_address or host.startswith("sos.") else [*tokens, host]


def _emergency_code(token: str) -> str:
    """The emergency number that `token` dials, or an empty text."""
    without_separators = "".join(char for char in token if char.isalnum() or char in "+*#")
    number = _WITH_PAUSE.fullmatch(without_separators)
    if number is None:
        return ""
    dialled = _FEATURE_CODE.sub("", number[1])
    digits = re.sub(r"\D", "", dialled)
    abroad = _INTERNATIONAL_PREFIX.match(digits)
    match = (
        _DIALLED.fullmatch(digits)
        or _DIALLED.fullmatch(re.sub(r"\D", "", number[1]))
        or ("+" in dialled and _ABROAD.fullmatch(digits))
        or (abroad and _ABROAD.fullmatch(digits, abroad.end()))
    )
    return next(filter(None, match.groups())) if match else ""
