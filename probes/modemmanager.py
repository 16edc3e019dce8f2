"""The `modemmanager` probe: a modem in the monitor's own machine, as ModemManager tells it through `mmcli -J`.

What may live here: running mmcli with fixed arguments, bounded in time and output, and its JSON as values. Nothing
is enabled, unlocked or set up: signal figures are there only where someone has had ModemManager poll for them
(`mmcli --modem=… --signal-setup=10`).
"""

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.cellular import judge
from probes.declared.modemmanager import Modem
from probes.modem_table import MODEM
from probes.snmp import Value
from probes.snmp_rows import decode, shown
from resilience.probing import Run
from resilience.reading import Reading, Reason, State, failure

PROGRAM = "mmcli"
LONGEST = 256 * 1024
"""Bytes of output that are read; a modem with all its bands and bearers takes 4 KiB."""
ABSENT = "--"
"""What mmcli prints for a value that there is none of."""

INDEX = "it"
"""mmcli is asked for one modem: its row needs no other name."""


@dataclass(frozen=True, slots=True)
class Printed:
    code: int
    out: bytes
    error: bytes


class NoModemJson(Exception):
    """mmcli printed something else; the message says what."""


def values(printed: bytes) -> dict[str, Value]:
    """Every value in the JSON of `mmcli -J`, by its path; lists are joined. NoModemJson where it is none."""
    try:
        told = json.loads(printed)
    except (ValueError, RecursionError) as error:
        raise NoModemJson(f"mmcli printed no JSON ({type(error).__name__})") from None
    if not isinstance(told, dict) or not isinstance(told.get("modem"), dict):
        raise NoModemJson("mmcli printed JSON that tells of no modem")
    return {f"{path}.{INDEX}": text.encode(errors="replace") for path, text in _flat(told, "", 8)}


def _flat(told: Mapping[str, object], above: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, value in told.items():
        path = f"{above}.{key}" if above else key
        if isinstance(value, dict) and depth:
            yield from _flat(value, path, depth - 1)
        elif isinstance(value, list):
            if words := [word for word in value if isinstance(word, str) and word != ABSENT]:
                yield path, ", ".join(words)
        elif isinstance(value, str) and value != ABSENT:
            yield path, value


def refused(printed: Printed) -> Reading:
    """Why mmcli ended with an error. Only that there is no such modem says something of the modem."""
    said = shown(printed.error.split(b"\n")[0]) or f"exit status {printed.code}"
    if b"couldn't find modem" in printed.error:
        return failure(Reason.DEVICE, f"ModemManager has no such modem ({said})", says=State.DOWN)
    return failure(Reason.DEVICE, f"ModemManager does not answer ({said})")


async def _run(program: str, arguments: Sequence[str], deadline: float) -> Printed | Reading:
    """mmcli's output; a reading where it could not be had. `deadline` in the loop's time."""
    environment = {key: os.environ[key] for key in ("PATH", "DBUS_SYSTEM_BUS_ADDRESS") if key in os.environ}
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=nothing,
            stdout=pipe,
            stderr=pipe,
            env={**environment, "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        return failure(Reason.CONFIG, f"{program} cannot be run: {error.strerror} (Debian package modemmanager)")
    try:
        async with asyncio.timeout_at(deadline):
            out, complaint = await _bounded(process.stdout), await _bounded(process.stderr)
            return Printed(await process.wait(), out, complaint)
    except _TooLong:
        return failure(Reason.PROTOCOL, f"{program} printed more than {LONGEST} bytes")
    except TimeoutError:
        return failure(Reason.TIMEOUT, f"{program} did not end in the time given")
    finally:
        if process.returncode is None:  # else its number may be another's by now
            os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()  # its end is told only once its pipes are read to theirs


class _TooLong(Exception):
    pass


async def _bounded(stream: asyncio.StreamReader | None) -> bytes:
    """All of `stream`; _TooLong where that is more than LONGEST bytes."""
    taken = bytearray()
    while stream and (chunk := await stream.read(LONGEST)):
        taken += chunk
        if len(taken) > LONGEST:
            raise _TooLong
    return bytes(taken)


async def probe(settings: Modem, run: Run) -> Reading:
    return await ask(PROGRAM, settings, run)


async def ask(program: str, settings: Modem, run: Run) -> Reading:
    deadline = asyncio.get_running_loop().time() + run.timeout
    named = f"--modem={settings.modem}"
    printed = await _run(program, ("-J", named), deadline)
    if isinstance(printed, Reading):
        return printed
    if printed.code:
        return refused(printed)
    try:
        found = values(printed.out)
        more = await _run(program, ("-J", named, "--signal-get"), deadline)
        if isinstance(more, Printed) and not more.code:
            found |= values(more.out)
    except NoModemJson as error:
        return failure(Reason.PROTOCOL, str(error))
    return judge(decode(MODEM, INDEX, found), roaming=settings.roaming, least_rsrp=settings.least_rsrp)
