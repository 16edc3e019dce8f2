"""Digest access authentication (RFC 7616, RFC 8760, RFC 2617) as a SIP client: challenges in, credentials out. Pure.

aiosipua's digest takes one challenge a message and neither `auth-int`, the `-sess` algorithms nor SHA-512-256.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from probes.sip import ProtocolError

LONGEST = 1_024
"""Characters of a realm, nonce or opaque: more would not fit a datagram that repeats them."""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a secret may hold any bytes


def _md5(text: str) -> str:
    return hashlib.md5(_bytes(text), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(_bytes(text)).hexdigest()


def _sha512_256(text: str) -> str:
    return hashlib.new("sha512_256", _bytes(text)).hexdigest()


HASHES: dict[str, Callable[[str], str]] = {"MD5": _md5, "SHA-256": _sha256, "SHA-512-256": _sha512_256}
"""By the name in a challenge, weakest first; `-sess` may follow each."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One Digest challenge. Its quoted texts are kept as they stood, for they are sent back."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @property
    def strength(self) -> int:
        """0 for what cannot be answered; else the stronger, the more."""
        name = self.algorithm.upper().removesuffix("-SESS")
        if name not in HASHES or (self.qop and not {"auth", "auth-int"} & set(self.qop)):
            return 0
        return 1 + list(HASHES).index(name)


_SCHEME = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9_-]*)[ \t]+(?=[A-Za-z][A-Za-z0-9_-]*[ \t]*=)")
_PARAMETER = re.compile(r'[\s,]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')


def challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """Every Digest challenge in the values of WWW-Authenticate or Proxy-Authenticate headers, in their order.

    One value may hold several. ProtocolError where a value is not of the syntax of RFC 7235 §4.1.
    """
    found = []
    for value in values:
        for scheme, parameters in _split(value):
            if scheme.lower() == "digest":
                found.append(_challenge(parameters))
    return tuple(found)


def _split(value: str) -> list[tuple[str, dict[str, str]]]:
    parts: list[tuple[str, dict[str, str]]] = []
    at = 0
    while value[at:].strip(" \t,"):
        if scheme := _SCHEME.match(value, at):
            parts.append((scheme[1], {}))
            at = scheme.end()
        parameter = _PARAMETER.match(value, at)
        if parameter is None or not parts:
            raise ProtocolError(f"an authentication challenge that is none: {value[at : at + 40]!a}")
        name = parameter[1].lower()
        if name in parts[-1][1]:
            raise ProtocolError(f"an authentication challenge with two values of {name}")
        parts[-1][1][name] = parameter[2] if parameter[2] is not None else parameter[3]
        at = parameter.end()
    return parts


def _challenge(parameters: dict[str, str]) -> Challenge:
    for name in ("realm", "nonce"):
        if name not in parameters:
            raise ProtocolError(f"a digest challenge without {name}")
    if any(len(parameters.get(name, "")) > LONGEST for name in ("realm", "nonce", "opaque")):
        raise ProtocolError(f"a digest challenge with a text of more than {LONGEST} characters")
    return Challenge(
        realm=parameters["realm"],
        nonce=parameters["nonce"],
        algorithm=parameters.get("algorithm", "MD5"),
        qop=tuple(word.strip().lower() for word in parameters.get("qop", "").split(",") if word.strip()),
        opaque=parameters.get("opaque"),
        stale=parameters.get("stale", "").lower() == "true",
    )


def strongest(offered: Iterable[Challenge]) -> Challenge | None:
    """The challenge to answer: the strongest that can be, the first of equals; None where none can be.

    RFC 8760 §2.4 takes the topmost unless local policy says otherwise; ours is that a weak hash of the password
    does not leave while a stronger one is accepted.
    """
    return max((challenge for challenge in offered if challenge.strength), key=lambda one: one.strength, default=None)


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the password, which is never shown."""

    user: str
    password: str = field(repr=False)


def credentials(challenge: Challenge, account: Account, method: str, uri: str, cnonce: str) -> str:
    """The value of Authorization or Proxy-Authorization that answers `challenge` for a request without body, once."""
    name = challenge.algorithm.upper()
    digest = HASHES[name.removesuffix("-SESS")]
    secret = digest(f"{account.user}:{challenge.realm}:{account.password}")
    if name.endswith("-SESS"):
        secret = digest(f"{secret}:{challenge.nonce}:{cnonce}")
    qop = next((word for word in ("auth", "auth-int") if word in challenge.qop), "")
    asked = digest(f"{method}:{uri}" + (f":{digest('')}" if qop == "auth-int" else ""))
    count = "00000001"
    proof = f"{challenge.nonce}:{count}:{cnonce}:{qop}" if qop else challenge.nonce
    user = re.sub(r'(["\\])', r"\\\1", account.user)
    said = [f'username="{user}"', f'realm="{challenge.realm}"', f'nonce="{challenge.nonce}"', f'uri="{uri}"']
    said += [f'response="{digest(f"{secret}:{proof}:{asked}")}"', f"algorithm={challenge.algorithm}"]
    if qop or name.endswith("-SESS"):
        said.append(f'cnonce="{cnonce}"')
    if qop:
        said += [f"qop={qop}", f"nc={count}"]
    if challenge.opaque is not None:
        said.append(f'opaque="{challenge.opaque}"')
    return f"Digest {', '.join(said)}"
