"""discover: real upsd, recorded devices and a SIP server; what it prints is a file that `check` accepts."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import peers
import probes
import snmp_peer
from bench import simulated
from probes.discovery import Asking, Found, Look, listed, look_at
from resilience.commands.discover import as_text, flow, names
from resilience.model import Site
from resilience.simulate.sip import SipSimulator
from resilience.sitefile import read_site
from upsd_peer import upsd

TYPES = probes.registry()
HEAD = "schema: 1\nsite: found\nname: Found\nowner: {team: operations, email: ops@example.org}\n"
GATEWAY = """1.3.6.1.2.1.1.1.0|4|Gateway {"x": 1} # of the lobby
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1
1.3.6.1.2.1.2.2.1.3.1|2|6
1.3.6.1.2.1.2.2.1.3.2|2|101
1.3.6.1.2.1.2.2.1.3.3|2|101
1.3.6.1.2.1.2.2.1.8.2|2|1
1.3.6.1.2.1.2.2.1.8.3|2|2
1.3.6.1.2.1.31.1.1.1.1.1|4|eth0
1.3.6.1.2.1.31.1.1.1.1.2|4|FXO-2:1
1.3.6.1.2.1.31.1.1.1.1.3|4|FXO "2": {a, b} #
"""
ROUTER = """1.3.6.1.2.1.1.1.0|4|RouterOS
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.14988.1
1.3.6.1.4.1.14988.1.1.14.1.1.2.3|4|lte1
1.3.6.1.4.1.14988.1.1.16.1.1.4.3|2|-95
1.3.6.1.4.1.14988.1.1.16.1.1.6.3|2|7
"""
UPS = """1.3.6.1.2.1.1.1.0|4|A card
1.3.6.1.2.1.1.2.0|6|1.3.6.1.2.1.33
1.3.6.1.2.1.33.1.2.1.0|2|2
1.3.6.1.2.1.33.1.2.3.0|2|31
1.3.6.1.2.1.33.1.2.4.0|2|100
1.3.6.1.2.1.33.1.4.1.0|2|3
1.3.6.1.2.1.33.1.6.1.0|66|0
"""


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    records = tmp_path_factory.mktemp("records")
    for name, record in (("gateway", GATEWAY), ("router", ROUTER), ("ups", UPS)):
        (records / f"{name}.snmprec").write_text(record)
    with snmp_peer.snmpsim(records, tmp_path_factory.mktemp("snmpsim"), first="ups") as port:
        yield port


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "resilience", "discover", "--timeout", "500ms", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=120
    )


def as_site(printed: str) -> Site:
    """What was printed, as the components of a file."""
    text = f"{HEAD}{printed}\nemergency_paths: [{{name: way, tier: primary, needs: [utility]}}]\n"
    read = read_site(text.encode(), "f", TYPES)
    assert read.site, [str(fault) for fault in read.faults]
    return read.site


@contextmanager
def a_site_with_all(folder: Path, agents: int) -> Iterator[list[str]]:
    devices = {"mdf": {"ups.status": "OL", "ups.model": 'Rack "A" # {x}'}, "idf": {"ups.status": "OL"}}
    with upsd(folder, devices) as nut, simulated(SipSimulator) as sip:
        yield ["--nut-port", str(nut.port), "--snmp-port", str(agents), "--sip-port", str(sip)]


def test_what_is_found_is_a_file_that_check_accepts(tmp_path: Path, agents: int) -> None:
    with a_site_with_all(tmp_path, agents) as ports:
        printed = run("127.0.0.1", "--community", "env:READ", *ports, READ="ups")
        assert printed.returncode == 0, printed.stderr
        site = as_site(printed.stdout)
        assert {name: str(c.kind) for name, c in site.components.items()} == {
            "utility": "utility",
            "ups-mdf": "ups",
            "ups-idf": "ups",
            "ups-127-0-0-1": "ups",
            "trunk-127-0-0-1": "sip-trunk",
        }
        assert [p.type for c in site.components.values() for p in c.probes] == ["nut", "nut", "snmp-ups", "sip-options"]
        told = json.loads(run("127.0.0.1", "--community", "env:READ", *ports, "--format", "json", READ="ups").stdout)
        [host] = told["hosts"]
        assert host["device"] == "A card"
        assert [it["probe"]["type"] for it in host["found"]] == ["nut", "nut", "snmp-ups", "sip-options"]
        assert host["found"][2]["probe"]["community"] == {"env": "READ"}
        assert host["found"][2]["says"] == "up now"


@pytest.mark.parametrize(
    ("community", "kinds"),
    [
        ("gateway", {"line-fxo-2-1": "FXO-2:1", "line-fxo-2-a-b": 'FXO "2": {a, b} #'}),
        ("router", {"cellular-lte1": "lte1"}),
    ],
)
def test_lines_and_modems_are_found_by_name(agents: int, community: str, kinds: dict[str, str]) -> None:
    unused = str(peers.free_port())
    ports = ["--snmp-port", str(agents), "--nut-port", unused, "--sip-port", unused]
    printed = run("127.0.0.1", "--community", "env:READ", *ports, READ=community)
    assert printed.returncode == 0, printed.stderr
    site = as_site(printed.stdout + "\n  utility: {kind: utility}")
    found = {name: c.probes[0].settings.row for name, c in site.components.items() if c.probes}  # type: ignore[union-attr]
    assert found == kinds
    if community == "gateway":
        assert "# also: {type: snmp-interface, host: 127.0.0.1, port:" in printed.stdout


def test_a_host_that_answers_nothing_says_why(tmp_path: Path) -> None:
    unused = str(peers.free_port())
    printed = run("127.0.0.1", "--nut-port", unused, "--sip-port", unused)
    assert printed.returncode == 1
    assert "components:" not in printed.stdout
    for why in (f"NUT: port {unused}: Connection refused", "SNMP: not asked: no community is given", "SIP: no answer"):
        assert why in printed.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("10.0.0.0/24",),
        ("10.0.0.1-20",),
        ("*",),
        (),
        ("127.0.0.1", "--community", "public"),
        ("127.0.0.1", "--community", "env:"),
        tuple(f"h{number}.example" for number in range(65)),
    ],
)
def test_what_is_no_list_of_hosts_is_refused_before_anything_is_asked(arguments: tuple[str, ...]) -> None:
    refused = run(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")


def test_a_secret_is_in_nothing_that_is_printed(agents: int) -> None:
    ports = ["--snmp-port", str(agents), "--nut-port", str(peers.free_port()), "--sip-port", str(peers.free_port())]
    for shape in ("text", "json"):
        for community in ("gateway", "no-such-community-here"):
            printed = run("127.0.0.1", "--community", "env:READ", "--format", shape, *ports, READ=community)
            assert community not in printed.stdout.replace("Gateway", "") + printed.stderr
    missing = run("127.0.0.1", "--community", "env:NOT_SET", *ports)
    assert "SNMP: the environment variable NOT_SET is not set" in missing.stdout


def test_a_list_of_ups_is_read_with_its_quotes_and_without_names_that_no_file_could_say() -> None:
    answer = (
        'BEGIN LIST UPS\nUPS mdf "Rack \\"A\\""\nUPS a=b "x"\nUPS "y" "z"\nnoise\nUPS idf "Unavailable"\nEND LIST UPS\n'
    )
    assert list(listed(answer)) == [("mdf", 'Rack "A"'), ("idf", "Unavailable")]


class Stalling(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"BEGIN LIST UPS\n" + b'UPS x "y"\n' * 20_000)  # type: ignore[attr-defined]


def test_what_never_ends_is_given_up() -> None:
    async def go() -> Look:
        server = await asyncio.get_running_loop().create_server(Stalling, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        unused = peers.free_port()
        asking = Asking(secret=lambda secret: secret.name, nut_port=port, sip_port=unused, patience=0.3)
        try:
            return await look_at("127.0.0.1", asking)
        finally:
            server.close()

    look = asyncio.run(go())
    assert not look.found
    assert look.nothing[0].why.endswith("lists no UPS")


def test_an_emergency_number_is_no_host() -> None:
    asking = Asking(secret=lambda secret: secret.name, nut_port=peers.free_port(), patience=0.2)
    look = asyncio.run(look_at("911", asking))
    assert not look.found
    assert any("911" in nothing.why for nothing in look.nothing if nothing.by == "SIP"), look.nothing


@pytest.mark.parametrize(
    "word", ["", "a: b", "#", "'", '"', "{x}", "- a", "a\\b", "x, y", "ü", "no", "a ", "~", "*a", "&a", "☎", "😀"]
)
def test_whatever_a_device_calls_itself_is_one_word_of_a_file(word: str) -> None:
    look = Look("h", found=[Found(name="n", kind="fallback-line", probe=probe_of(word))])
    printed = as_text([look], names([look]))
    site = as_site(printed + "\n  utility: {kind: utility}")
    assert site.components["line-n"].probes[0].settings.row == word  # type: ignore[union-attr]


def probe_of(word: str) -> dict[str, Any]:
    return {"type": "snmp-line", "host": "10.0.0.1", "community": {"env": "READ"}, **({"port": word} if word else {})}


def test_names_are_told_apart() -> None:
    looks = [Look(f"10.0.0.{n}", found=[Found(name="lte1", kind="cellular", probe={})] * 1) for n in (1, 2)]
    looks.append(Look("10.0.0.2", found=[Found(name="LTE 1", kind="cellular", probe={}) for _ in range(2)]))
    assert sorted(names(looks).values()) == [
        "cellular-lte-1",
        "cellular-lte-1-10-0-0-2",
        "cellular-lte1",
        "cellular-lte1-10-0-0-2",
    ]
    assert flow({"community": {"file": "snmp"}, "n": 7}) == "{community: {file: snmp}, n: 7}"
