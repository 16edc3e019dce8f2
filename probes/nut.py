"""The `nut` probe: one UPS as a upsd of Network UPS Tools reports it.

The connection, and what upsd's variables mean as `UpsFacts`; the protocol is in `probes.upsd`, the
judgement in `probes.ups`. Only STARTTLS, USERNAME, PASSWORD, LIST VAR and LOGOUT are ever sent: LOGIN would make
the UPS's primary wait for this monitor before it shuts down.

Tokens: NUT docs/new-drivers.txt "Status data", and those of single drivers. Variables: docs/nut-names.txt. What
real devices send instead: the dumps of NUT's device library. A value that is wrong and plausible cannot be told:
one CyberPower driver scaled twice and sent 133,200 s for 2,220.
"""

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Iterator, Mapping

from probes import upsd
from probes.declared.nut import Nut
from probes.trust import client_context
from probes.ups import Figure, Output, Refused, UpsFacts, credible_runtime, judge, ratio
from resilience.duration import spoken
from resilience.probing import Run, SecretMissing
from resilience.reading import Reading, Reason, failure

# --- The connection -------------------------------------------------------------------------------------------


async def probe(settings: Nut, run: Run) -> Reading:
    """Silence, refusal and errors are all unknown: the way to upsd is not the UPS."""
    try:
        requests = list(_requests(settings, run))
        context = client_context(True, settings.ca) if settings.tls else None
    except (SecretMissing, upsd.Unsendable) as error:
        return failure(Reason.CONFIG, str(error))
    except OSError as error:
        return failure(Reason.CONFIG, f"the CA file {settings.ca} cannot be used: {error.strerror or error}")
    link = _Link()
    try:
        async with asyncio.timeout(run.timeout):
            return _told(await link.converse(settings, requests, context), settings)
    except TimeoutError:
        reason, text = Reason.TIMEOUT, f"no {link.awaited} within {spoken(run.timeout * 1000)}"
    except upsd.ProtocolError as error:
        reason, text = Reason.PROTOCOL, f"what answers is not upsd: {error}"
    except EOFError:
        reason, text = Reason.CLOSED, f"closed before the {link.awaited} was complete"
    except OSError as error:
        reason, text = _network(error)
    finally:
        link.close()
    return failure(reason, f"{settings.host} port {settings.port}: {text}")


def _requests(settings: Nut, run: Run) -> Iterator[upsd.Request]:
    if settings.user:
        yield upsd.username(settings.user)
    if settings.password:
        yield upsd.password(run.secret(settings.password))
    yield upsd.list_variables(settings.ups)


class _Link:
    """One connection for one reading. Never used again: after a timeout the late answer would be taken for the next."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self.awaited = "connection"

    async def converse(
        self, settings: Nut, requests: list[upsd.Request], context: ssl.SSLContext | None
    ) -> upsd.Answer:
        """The answer to the last of `requests`, or the first refusal. With a `context`, nothing is said before TLS."""
        local = (settings.source, 0) if settings.source else None
        reader, writer = await asyncio.open_connection(settings.host, settings.port, local_addr=local)
        self._writer = writer
        if context is not None:
            answer = await self._exchange(upsd.STARTTLS, reader, writer)
            if _refused(answer):
                return answer
            self.awaited = "TLS handshake"
            await _secure(writer, context, settings.host)
        for request in requests:
            answer = await self._exchange(request, reader, writer)
            if _refused(answer):
                break
        writer.write(upsd.LOGOUT.wire)
        return answer

    async def _exchange(
        self, request: upsd.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> upsd.Answer:
        self.awaited = f"answer to {request.command}"
        writer.write(request.wire)
        answering = upsd.AnswerReader(request)
        while True:
            # Everything that the stream holds: bytes left behind in clear would be read as if they had come by TLS.
            chunk = await reader.read(upsd.MAX_BYTES)
            if not chunk:
                raise EOFError
            if (answer := answering.feed(chunk)) is not None:
                return answer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()  # a TLS farewell could wait for a peer that never answers


def _refused(answer: upsd.Answer) -> bool:
    return isinstance(answer, upsd.Verdict) and bool(answer.error)


async def _secure(writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str) -> None:
    try:
        await writer.start_tls(context, server_hostname=host)
    except ConnectionError as error:
        raise ssl.SSLError("closed during the handshake") from error


_NETWORK: Mapping[int, tuple[Reason, str]] = {
    errno.ECONNREFUSED: (Reason.REFUSED, "refused: is upsd running, and does it LISTEN on this address?"),
    errno.ECONNRESET: (Reason.CLOSED, "reset by the peer"),
    errno.EPIPE: (Reason.CLOSED, "closed by the peer"),
    errno.EADDRNOTAVAIL: (Reason.CONFIG, "this machine does not have the source address"),
    errno.EMFILE: (Reason.IMPAIRED, "this process has no file descriptor left"),
    errno.ENOBUFS: (Reason.IMPAIRED, "this machine has no buffers left"),
}


def _network(error: OSError) -> tuple[Reason, str]:
    if isinstance(error, socket.gaierror):
        return Reason.RESOLVE, f"the name does not resolve ({error.strerror})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reason.TLS, f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return Reason.TLS, f"TLS failed: {error.strerror or error}"
    return _NETWORK.get(error.errno or 0, (Reason.UNREACHABLE, error.strerror or str(error)))


_AUTH = "upsd refuses this user: check upsd.users, and any access list in front of it"
_REFUSALS: Mapping[str, tuple[Reason, str]] = {
    "DATA-STALE": (Reason.DEVICE, "the driver has lost the UPS: check its cable or management card"),
    "DRIVER-NOT-CONNECTED": (Reason.DEVICE, "the driver of this UPS does not run: check nut-driver and ups.conf there"),
    "UNKNOWN-UPS": (Reason.DEVICE, "upsd has no UPS of this name: compare 'ups' with the output of upsc -l"),
    "ACCESS-DENIED": (Reason.AUTH, _AUTH),
    "INVALID-USERNAME": (Reason.AUTH, _AUTH),
    "INVALID-PASSWORD": (Reason.AUTH, _AUTH),
    "USERNAME-REQUIRED": (Reason.AUTH, "upsd wants a user: declare 'user' and 'password'"),
    "PASSWORD-REQUIRED": (Reason.AUTH, "upsd wants a password: declare 'user' and 'password'"),
}
"""Tokens of NUT server/neterr.h that can answer what is sent here, and what to check."""


def _told(answer: upsd.Answer, settings: Nut) -> Reading:
    if not isinstance(answer, upsd.Verdict):
        return read(answer)
    reason, text = _REFUSALS.get(answer.error, (Reason.DEVICE, f"upsd refuses {answer.command}"))
    if answer.command == upsd.STARTTLS.command:
        reason, text = Reason.TLS, "upsd offers no TLS (CERTFILE or CERTIDENT in upsd.conf); nothing is sent in clear"
    return failure(reason, f"{settings.ups} at {settings.host}: {text} ({answer.error})")


# --- What the variables mean ----------------------------------------------------------------------------------

_NOT_A_UPS = frozenset({"pdu", "ats", "psu"})
"""Values of device.type with no battery behind them; some say OL none the less."""

_BLIND: Mapping[str, str] = {
    "WAIT": "upsd has no reading from the driver yet",
    "COMMFAULT": "the driver reports a fault of the UPS or on the way to it",
}
"""Tokens that make every other variable worthless."""

_OUTPUT: tuple[tuple[frozenset[str], Output, str], ...] = (
    (frozenset({"OB", "BYPASS"}), Output.UNKNOWN, "on battery and on bypass at once"),
    (frozenset({"OL", "OFF"}), Output.UNKNOWN, "on line and off at once, which some units always say"),
    (frozenset({"BYPASS", "OFF"}), Output.UNKNOWN, "on bypass and off at once"),
    (frozenset({"OFF"}), Output.OFF, ""),
    (frozenset({"BYPASS"}), Output.BYPASS, ""),
    (frozenset({"OL", "OB"}), Output.BATTERY, "on line and on battery at once, taken as on battery"),
    (frozenset({"OB"}), Output.BATTERY, ""),
    (frozenset({"OL"}), Output.LINE, ""),
    (frozenset({"TRIM"}), Output.LINE, ""),
    (frozenset({"BOOST"}), Output.LINE, ""),
)
"""The first row whose tokens are all there decides; the text names a contradiction.

OL with OFF is unknown, neither up nor down: dumps show it both on units that feed 7 A and on units that feed
nothing. Trimming or boosting needs mains, so either means on line even where OL is missing.
"""

_SYNONYMS = {"BY": "BYPASS"}

_FLAGS: Mapping[str, str] = {
    "LB": "low_battery",
    "FSD": "low_battery",
    "DEPLETED": "low_battery",
    "RB": "replace",
    "OVER": "overload",
    "CAL": "testing",
    "TEST": "testing",
}
"""Token → the flag of `UpsFacts` it sets. CHRG, DISCHRG, HE, ECO and tokens nobody knows set none."""

_ALARM_TOKENS: Mapping[str, str] = {
    "FSD": "forced shutdown (FSD), latched until upsd restarts",
    "HB": "battery voltage too high (HB)",
    "OVERHEAT": "too hot (OVERHEAT)",
    "ACFAIL": "mains failure (ACFAIL)",
}

_ALARM_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), flag)
    for words, flag in (
        (r"\bno[ _]batter", "no_battery"),
        (r"batter(y|ies)[ _](packs?[ _])?(disconnected|missing|removed|absent)", "no_battery"),
        (r"batter(y|ies)[ _]not[ _](present|installed|connected)", "no_battery"),
        (r"(replace|bad|change)[ _](the[ _])?batter|batter(y|ies)[ _](bad|fault|fail)", "replace"),
        (r"test[ _]fail", "test_failed"),
        (r"shutdown[ _]imminent|batter(y|ies)[ _](totally[ _])?(discharged|depleted)", "low_battery"),
    )
)
"""What `ups.alarm` says of the battery where the status has no token for it: usbhid-ups "No battery installed!",
bcmxcp "BATTERIES_DISCONNECTED" on a unit that goes on reporting 1,476 s, snmp-ups "Battery bad!"."""

_TEST_FAILED = re.compile(r"error|fail|bad|^(bt|ng)$", re.IGNORECASE)
"""`ups.test.result`; BT and NG are apcsmart's raw answers for too little capacity and for overload."""
_TEST_WARNED = re.compile(r"warning", re.IGNORECASE)

_LEAST_RUNTIME_LOW = 10
"""Seconds. Old snmp-ups drivers publish minutes here ("2", "3"): what is smaller is not known to be seconds."""

_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,9})?", re.ASCII)


def read(variables: upsd.Variables) -> Reading:
    """The reading that one UPS's variables amount to. Pure."""
    kind = variables.get("device.type", "").strip().lower()
    if kind in _NOT_A_UPS:
        text = f"this is a {kind} (device.type), which has no battery: name the UPS that feeds it"
        return failure(Reason.NOT_OFFERED, text)
    tokens = frozenset(_SYNONYMS.get(word, word) for word in variables.get("ups.status", "").upper().split())
    for token in sorted(_BLIND.keys() & tokens):
        return failure(Reason.DEVICE, f"{_BLIND[token]} ({token})")
    return judge(_facts(variables, tokens))


def _facts(variables: upsd.Variables, tokens: frozenset[str]) -> UpsFacts:
    output, contradiction = next(
        ((output, text) for wanted, output, text in _OUTPUT if wanted <= tokens), (Output.UNKNOWN, "")
    )
    status, alarm = _shown(variables, "ups.status"), _shown(variables, "ups.alarm")
    test = _shown(variables, "ups.test.result")
    flags = {flag for token, flag in _FLAGS.items() if token in tokens}
    flags |= {flag for words, flag in _ALARM_WORDS if words.search(alarm)}
    if _TEST_FAILED.search(test):
        flags.add("test_failed")
    alarms = [contradiction] if output is Output.BATTERY and contradiction else []
    alarms += [text for token, text in _ALARM_TOKENS.items() if token in tokens]
    if alarm or "ALARM" in tokens:
        alarms.append(alarm or "not named (ups.alarm is empty)")
    if _TEST_WARNED.search(test):
        alarms.append(f"last battery test: {test}")
    draining = output is Output.BATTERY and "low_battery" in flags
    return UpsFacts(
        output=output,
        output_source="ups.status",
        output_text=f"{status} ({contradiction})" if contradiction else status,
        alarms=tuple(alarms),
        runtime=_runtime(variables, draining=draining),
        runtime_low=_runtime_low(variables),
        charge=_charge(variables, draining=draining),
        load=_percent(variables, "ups.load", most=200),
        **dict.fromkeys(flags, True),
    )


def _shown(variables: upsd.Variables, name: str) -> str:
    """A variable for people: one line, printable, short."""
    text = "".join(char if char.isprintable() else " " for char in variables.get(name, ""))
    return " ".join(text.split())[:200]


def _number(variables: upsd.Variables, name: str) -> float | None:
    text = variables.get(name, "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _runtime(variables: upsd.Variables, *, draining: bool) -> Figure | Refused | None:
    source = "battery.runtime"
    said = _shown(variables, source)
    if not said:
        return None
    seconds = _number(variables, source)
    if seconds is None:
        return Refused(said, source, "not a number of seconds")  # cpsups sent 36:00
    runtime = credible_runtime(seconds, 1, source, draining=draining)
    if isinstance(runtime, Figure) and seconds > 0 and _number(variables, "battery.charge") == 0:
        return Refused(said, source, "battery.charge says 0 at the same time")
    return runtime


def _runtime_low(variables: upsd.Variables) -> Figure | None:
    source = "battery.runtime.low"
    seconds = _number(variables, source)
    if seconds is None or seconds < _LEAST_RUNTIME_LOW:
        return None
    low = credible_runtime(seconds, 1, source, draining=False)
    return low if isinstance(low, Figure) else None


def _charge(variables: upsd.Variables, *, draining: bool) -> Figure | None:
    """Dropped where it is 0 and the battery is not known to be empty: several drivers send 0 for "not known"."""
    charge = _percent(variables, "battery.charge", most=100)
    return None if charge is not None and charge.value == 0 and not draining else charge


def _percent(variables: upsd.Variables, name: str, *, most: float) -> Figure | None:
    percent = _number(variables, name)
    return None if percent is None else ratio(percent, name, most=most)
