"""What the probes of bare targets have in common: an exhausted monitor, and a flood of what nobody asked for."""

import asyncio
import errno
import os
import resource
import socket
import threading
from typing import Any

import pytest

from probes.asking import ask_each
from probes.declared.certificate import CERTIFICATE
from probes.declared.dns import DNS
from probes.declared.egress import EGRESS
from probes.declared.http import HTTP
from probes.declared.targets import Targets
from probes.declared.tcp import TCP
from probes.sip_silence import what_came_instead
from probes.sip_transport import Exchange
from probes.targets import Address
from resilience.probing import Channels, ProbeType, Run
from resilience.reading import Reading, Reason, State

EACH: list[tuple[ProbeType, dict[str, Any]]] = [
    (TCP, {"port": 9}),
    (DNS, {"query": "a.test"}),
    (EGRESS, {}),
    (HTTP, {}),
    (CERTIFICATE, {}),
]
NAMES = [probe_type.name for probe_type, _ in EACH]


async def once(probe_type: ProbeType, settings: dict[str, Any], seconds: float = 1) -> Reading:
    channels = Channels()
    try:
        declared = probe_type.settings(host="127.0.0.1", **settings)
        return await probe_type.probe(declared, Run(seconds, 0, channels, lambda secret: secret.name))
    finally:
        await channels.aclose()


@pytest.mark.parametrize(("probe_type", "settings"), EACH, ids=NAMES)
def test_a_monitor_without_file_descriptors_says_nothing_of_the_target(
    probe_type: ProbeType, settings: dict[str, Any]
) -> None:
    async def starved() -> Reading:
        await once(probe_type, settings, 0.2)  # everything is imported, and whatever stays open is open
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        last = os.open(os.devnull, os.O_RDONLY)  # takes the lowest number that is free
        resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1, hard))
        try:
            return await once(probe_type, settings)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            os.close(last)

    reading = asyncio.run(starved())
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.IMPAIRED), reading.text
    assert "no file descriptor left" in reading.text


@pytest.mark.parametrize(("probe_type", "settings"), [EACH[1], EACH[2]], ids=["dns", "egress"])
def test_a_flood_of_strays_neither_answers_nor_holds_up_the_loop(
    probe_type: ProbeType, settings: dict[str, Any]
) -> None:
    ended = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def flood() -> None:
            _, sender = server.recvfrom(4096)
            while not ended.is_set():
                server.sendto(b"\xff\xfe" * 500, sender)

        flooding = threading.Thread(target=flood)
        flooding.start()

        async def beside() -> tuple[Reading, int]:
            asked = asyncio.ensure_future(once(probe_type, {**settings, "port": server.getsockname()[1]}, 0.5))
            turns = 0
            while not asked.done():
                await asyncio.sleep(0.01)
                turns += 1
            return await asked, turns

        try:
            reading, turns = asyncio.run(beside())
        finally:
            ended.set()
            flooding.join()
    assert reading.reason is Reason.TIMEOUT
    assert turns > 5


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.ENOBUFS, errno.ENETDOWN, errno.EMFILE, errno.EIO])
def test_a_fault_that_is_not_the_network_s_says_nothing_of_the_target(number: int) -> None:
    async def ask(target: str, family: socket.AddressFamily, address: Address, until: float) -> Reading:
        raise OSError(number, os.strerror(number))

    async def run() -> Reading:
        return await ask_each(Targets(host="127.0.0.1"), 9, Run(1.0, 0, Channels(), lambda secret: ""), ask)

    reading = asyncio.run(run())
    assert (reading.state, reading.failed) == (State.UNKNOWN, True)


@pytest.mark.parametrize("number", [errno.ENETDOWN, errno.ENOBUFS, errno.ENFILE])
def test_the_monitor_s_own_interface_is_not_the_trunk(number: int) -> None:
    _, state, _ = what_came_instead(Exchange(error=OSError(number, os.strerror(number))))
    assert state is State.UNKNOWN
