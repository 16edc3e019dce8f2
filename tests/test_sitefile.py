"""Reading site files: what they become, what is said of bad ones, and directories of them."""

import math
import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import peers
import probes
from probetypes import TYPES, Icmp, Nut, SipOptions, Tcp
from resilience.model import (
    AcceptedRisk,
    Attestation,
    Drill,
    Gate,
    Kind,
    Maintenance,
    Owner,
    Secret,
    Site,
    Tier,
    all_of,
    any_of,
)
from resilience.sitefile import read_path, read_site

HERE = Path(__file__).parent
BAD = sorted((HERE / "badsites").glob("*.yaml"))
EXAMPLES = sorted((HERE.parent / "sites").glob("*.yaml"))

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

GOOD = """
site: good
name: Good site
owner: {team: operations}
components:
  pbx: {kind: pbx, power: []}
emergency_paths:
  - {name: desk, tier: primary, needs: pbx}
"""


def good(text: str) -> Site:
    """The site of `text`, which has no fault at all."""
    found = read_site(text.encode(), "site.yaml", TYPES)
    assert [str(fault) for fault in found.faults] == []
    assert found.site is not None
    return found.site


def with_components(lines: str, more: str = "") -> str:
    return GOOD.replace("emergency_paths:", f"{lines}\nemergency_paths:") + more


def told(text: str) -> list[str]:
    return [str(fault) for fault in read_site(text.encode(), "site.yaml", TYPES).faults]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_told_all_its_faults_and_nothing_else(path: Path) -> None:
    text = path.read_bytes()
    expected = re.findall(r"^# expect: (.*)$", text.decode(), re.MULTILINE)
    found = read_site(text, path.name, TYPES)
    assert [str(fault) for fault in found.faults] == [f"{path.name}:{line}" for line in expected]
    assert (found.site is None) == any(not fault.warning for fault in found.faults)
    assert expected


def test_no_message_repeats_a_secret() -> None:
    assert all("hunter" not in line for path in BAD for line in told(path.read_text()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_good(path: Path) -> None:
    found = read_site(path.read_bytes(), path.name, {**TYPES, **probes.registry()})
    assert [str(fault) for fault in found.faults] == []
    assert found.site is not None
    assert found.site.id == path.stem


def test_the_worked_cases_of_the_law_are_good() -> None:
    cases = sorted(peers.shared("cases").glob("*.yaml"))
    assert [path.name for path in cases if read_site(path.read_bytes(), path.name, TYPES).site is None] == []
    assert len(cases) >= 6


def test_a_whole_site() -> None:
    site = good(
        """
schema: 1
site: hq
name: Headquarters
region: west
owner: {team: operations, email: ops@example.org, x-since: 2019}
people: 240
x-note: {anything: [goes]}
location: {lat: 39.7392, lon: -104.9903, civic: {country: US, HNO: 0112}}
requires: {power_outage: 2h}
labels: {class: "a"}
components:
  utility: {kind: utility}
  gen: {kind: generator, starts_within: 30s, fuel: unlimited}
  ups: {kind: ups, power: [utility, gen], runtime: 1.5h}
  air: {kind: service, needs: [gen], holds: 40m}
  pbx:
    kind: pbx
    power: [ups]
    needs: [air]
    x-serial: 12:30
  phones: {kind: phones, units: 180, power: [], attest: 90d, shared: handsets, description: all of them}
  red: {kind: phones, power: [], attest: {valid: 30d, on: 2026-11-01, by: me, method: lifted, result: fail}}
emergency_paths:
  - {name: desk, tier: primary, needs: [phones, pbx], instructions: Dial 911., serves: [north, south]}
  - {name: hall, tier: emergency, needs: red}
accepted_risks:
  - {component: ups, reason: ordered, by: me, until: 2027-06-30}
drills:
  - {name: dark, fail: [utility, gen], every: 90d, expect: {path: hall, within: 30s}}
maintenance:
  - {components: [gen], from: 2026-12-01T08:00:00-07:00, until: 2026-12-01T16:00:00Z, by: me, reason: oil}
alerting: {needs: [pbx]}
"""
    )
    assert (site.id, site.name, site.region, site.people) == ("hq", "Headquarters", "west", 240)
    assert site.owner == Owner(team="operations", email="ops@example.org")
    assert (site.location.lat, site.location.lon) == (39.7392, -104.9903)
    assert site.location.civic == {"country": "US", "HNO": "0112"}
    assert site.power_outage == 2 * HOUR
    assert site.labels == {"class": "a"}
    assert site.alerting == all_of("pbx")
    assert site.utilities == ("utility",)
    parts = site.components
    assert list(parts) == ["utility", "gen", "ups", "air", "pbx", "phones", "red"]
    assert (parts["gen"].starts_within, parts["gen"].fuel, parts["gen"].power) == (30_000, math.inf, None)
    assert (parts["ups"].power, parts["ups"].runtime) == (("utility", "gen"), 90 * MINUTE)
    assert parts["air"].holds == 40 * MINUTE
    assert (parts["pbx"].kind, parts["pbx"].needs, parts["pbx"].power) == (Kind.PBX, all_of("air"), ("ups",))
    assert (parts["phones"].units, parts["phones"].shared, parts["phones"].power) == (180, "handsets", ())
    assert parts["phones"].attest == Attestation(valid=90 * DAY)
    assert parts["red"].attest == Attestation(
        valid=30 * DAY, on=date(2026, 11, 1), by="me", method="lifted", passed=False
    )
    desk, hall = site.emergency_paths
    assert (desk.tier, desk.needs, desk.serves) == (Tier.PRIMARY, all_of("phones", "pbx"), ("north", "south"))
    assert (hall.tier, hall.needs, hall.instructions) == (Tier.EMERGENCY, all_of("red"), "")
    assert site.accepted_risks == (AcceptedRisk(component="ups", reason="ordered", by="me", until=date(2027, 6, 30)),)
    assert site.drills == (
        Drill(name="dark", fail=("utility", "gen"), every=90 * DAY, expect_path="hall", expect_within=30_000),
    )
    assert site.maintenance == (
        Maintenance(
            components=("gen",),
            start=datetime(2026, 12, 1, 15, tzinfo=UTC),
            end=datetime(2026, 12, 1, 16, tzinfo=UTC),
            by="me",
            reason="oil",
        ),
    )


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("pbx", all_of("pbx")),
        ("[pbx, b]", all_of("pbx", "b")),
        ("{all_of: [pbx, b]}", all_of("pbx", "b")),
        ("{any_of: [pbx, b]}", any_of("pbx", "b")),
        ("{at_least: {count: 2, of: [pbx, b, b]}}", Gate(2, ("pbx", "b", "b"))),
        ("[pbx, {any_of: [b, [pbx, b]]}]", all_of("pbx", any_of("b", all_of("pbx", "b")))),
        ("{at_least: {count: 1, of: [{any_of: [pbx]}]}}", Gate(1, (any_of("pbx"),))),
    ],
)
def test_the_grammar_of_needs(written: str, means: Gate) -> None:
    site = good(with_components(f"  b: {{kind: service}}\n  a: {{kind: service, needs: {written}}}"))
    assert site.components["a"].needs == means


def test_a_probe_takes_what_is_not_written_from_its_type() -> None:
    site = good(with_components("  a: {kind: router, power: [], probes: [{type: icmp, host: 10.1.0.1, count: 5}]}"))
    (probe,) = site.components["a"].probes
    assert probe.key == ("a", "icmp")
    assert (probe.interval, probe.timeout, probe.confirm) == (30_000, 2_000, 5_000)
    assert (probe.retries, probe.rise, probe.fall, probe.expires) == (0, 3, 3, 92_000)
    assert probe.settings == Icmp(host="10.1.0.1", count=5)


def test_what_a_probe_writes_stands() -> None:
    site = good(
        with_components(
            "  a: {kind: router, power: [], probes: [{type: tcp, name: web, host: a.example, port: 80, interval: 10s,"
            " timeout: 1s, confirm: 10s, retries: 2, rise: 1, fall: 4, expires: 5m}]}"
        )
    )
    (probe,) = site.probes
    assert (probe.name, probe.interval, probe.timeout, probe.confirm) == ("web", 10_000, 1_000, 10_000)
    assert (probe.retries, probe.rise, probe.fall, probe.expires) == (2, 1, 4, 5 * MINUTE)


def test_a_short_interval_shortens_the_confirmation_of_the_type() -> None:
    site = good(
        with_components(
            "  a: {kind: router, power: [], probes: [{type: tcp, host: h, port: 80, interval: 6s, timeout: 1s}]}"
        )
    )
    assert site.probes[0].confirm == 6_000


def test_a_device_lends_what_the_type_knows_beneath_what_is_written() -> None:
    site = good(
        with_components(
            """
  a:
    kind: router
    power: []
    probes:
      - {type: nut, device: box, ups: main}
      - {type: tcp, device: box, port: 80, host: 10.1.0.2, interval: 1m}
""",
            """
devices:
  box: {host: 10.1.0.1, user: monitor, password: {file: nut}, interval: 2m, x-rack: 7}
""",
        )
    )
    nut, tcp = site.probes
    assert nut.settings == Nut(host="10.1.0.1", ups="main", user="monitor", password=Secret("file", "nut"))
    assert nut.interval == 2 * MINUTE
    assert tcp.settings == Tcp(host="10.1.0.2", port=80)
    assert tcp.interval == MINUTE


def test_a_device_that_is_not_declared_is_one_fault() -> None:
    probe = "{type: nut, device: bix}"
    text = with_components(f"  a: {{kind: router, power: [], probes: [{probe}]}}", "devices: {box: {host: h}}\n")
    assert told(text) == ["site.yaml:7:61: components.a.probes[0].device: 'bix' is not declared; did you mean 'box'?"]


def test_the_site_wide_road() -> None:
    site = good(
        with_components(
            """
  conduit: {kind: shared-risk, probes: [{type: icmp, host: 10.1.0.9}]}
  ups: {kind: ups, power: [utility], probes: [{type: nut, host: 10.1.0.5, ups: main}]}
  utility: {kind: utility}
  edge: {kind: router, power: [ups], needs: [{any_of: [conduit]}], probes: [{type: icmp, host: 10.1.0.1}]}
  wan: {kind: wan, needs: [edge], probes: [{type: icmp, host: 10.1.0.2}]}
  switch:
    kind: switch
    power: [ups]
    probes:
      - {type: icmp, host: 10.1.0.3}
      - {type: icmp, name: out-of-band, host: 10.1.0.3, via: []}
      - {type: tcp, host: 10.1.0.3, port: 22, via: [wan]}
""",
            "via: [edge]\n",
        )
    )
    roads = {probe.key: probe.via for probe in site.probes}
    assert roads == {
        ("conduit", "icmp"): (),  # the road stands on it
        ("ups", "nut"): ("edge",),  # feeds the road, and is reached over it
        ("edge", "icmp"): (),
        ("wan", "icmp"): ("edge",),
        ("switch", "icmp"): ("edge",),
        ("switch", "out-of-band"): (),
        ("switch", "tcp"): ("wan",),
    }


def test_a_planned_type_is_read_with_a_warning_and_its_keys_unlooked_at() -> None:
    text = with_components(
        "  a: {kind: sip-trunk, probes: [{type: cucm, registration: carrier-a, interval: 2m, odd: [1]}]}"
    )
    found = read_site(text.encode(), "site.yaml", TYPES)
    assert [str(fault) for fault in found.faults] == [
        "site.yaml:7:40: warning: components.a.probes[0]: "
        "'cucm' is not part of this version: the probe will never answer"
    ]
    assert found.site is not None
    (probe,) = found.site.probes
    assert (probe.type, probe.settings, probe.interval, probe.timeout) == ("cucm", None, 2 * MINUTE, 5_000)


def test_a_type_that_is_there_is_no_longer_planned() -> None:
    text = with_components("  a: {kind: sip-trunk, probes: [{type: cucm, uri: 'sip:a.example'}]}")
    found = read_site(text.encode(), "site.yaml", {"cucm": TYPES["sip-options"]})
    assert found.faults == ()
    assert found.site is not None
    assert found.site.probes[0].settings == SipOptions(uri="sip:a.example")


def test_warnings_carry_the_code_of_their_finding() -> None:
    text = with_components(
        "  a: {kind: router, probes: [{type: nut, host: h, ups: u, password: hunter2}]}\n"
        "  b: {kind: phones, power: [pbx]}"
    )
    found = read_site(text.encode(), "site.yaml", TYPES)
    assert found.site is not None
    assert [(fault.code, fault.warning) for fault in found.faults] == [
        ("power_not_declared", True),
        ("secret_in_clear", True),
        ("", True),
    ]
    assert "hunter2" not in repr(found)


def test_power_over_ethernet_is_no_odd_feed() -> None:
    good(with_components("  sw: {kind: switch, power: []}\n  phones: {kind: phones, power: [sw]}"))


def test_loops_are_told_one_by_one_and_not_without_end() -> None:
    count = 60
    lines = "\n".join(
        f"  c{n}: {{kind: service, needs: [{', '.join(f'c{m}' for m in range(count) if m != n)}]}}"
        for n in range(count)
    )
    loops = told(with_components(lines))
    assert len(loops) == 20
    assert all("a loop: c" in loop for loop in loops)


def test_a_chain_of_thousands_is_read_and_refused_for_its_size_alone() -> None:
    count = 5000
    lines = "\n".join(f"  c{n}: {{kind: service, needs: [c{n + 1}]}}" for n in range(count))
    (too_large,) = told(with_components(f"{lines}\n  c{count}: {{kind: service}}"))
    assert "components: too large to analyse; divide the site" in too_large
    assert any(
        "a loop: c0 -> c1 -> " in line
        for line in told(with_components(f"{lines}\n  c{count}: {{kind: service, needs: c0}}"))
    )


# Directories


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_directory_is_read_whole(tmp_path: Path) -> None:
    first = write(tmp_path, "a.yaml", GOOD)
    second = write(tmp_path, "west/b.yml", GOOD.replace("site: good", "site: other"))
    for name in (".hidden.yaml", "_draft.yaml", "notes.txt", ".git/c.yaml"):
        write(tmp_path, name, "not: read")
    read = read_path(tmp_path, TYPES)
    assert list(read) == [first, second]
    assert [found.site.id for found in read.values() if found.site] == ["good", "other"]


def test_one_file(tmp_path: Path) -> None:
    path = write(tmp_path, "_draft.conf", GOOD)
    assert [found.site is not None for found in read_path(path, TYPES).values()] == [True]


def test_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_path(tmp_path / "nowhere", TYPES)


def test_two_files_of_one_site(tmp_path: Path) -> None:
    first = write(tmp_path, "a.yaml", GOOD.replace("name: Good site", "nome: Good site"))
    second = write(tmp_path, "b.yaml", GOOD)
    read = read_path(tmp_path, TYPES)
    assert read[second].site is None
    assert [str(fault) for fault in read[second].faults] == [
        f"{second}:2:7: site: 'good' is the site of {first} already"
    ]


def test_what_cannot_be_read_is_a_fault_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.yaml")
    write(tmp_path, "long.yaml", "#" * (1 << 20) + "\n")
    write(tmp_path, "z.yaml", GOOD)
    messages = [str(fault) for found in read_path(tmp_path, TYPES).values() for fault in found.faults]
    assert messages == [
        f"{tmp_path}/dangling.yaml:1:1: cannot be read: No such file or directory",
        f"{tmp_path}/long.yaml:1:1: the file is longer than 1048576 bytes",
        f"{tmp_path}/pipe.yaml:1:1: not a file",
    ]


def test_folders_that_are_linked_are_read_once(tmp_path: Path) -> None:
    write(tmp_path, "real/a.yaml", GOOD)
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "zlink").symlink_to(tmp_path / "real")
    assert len(read_path(tmp_path, TYPES)) == 1


# Nothing in a file makes the reader raise


def holds(text: bytes) -> None:
    found = read_site(text, "x.yaml", TYPES)
    assert (found.site is None) == any(not fault.warning for fault in found.faults)
    assert [(f.mark.line, f.mark.column) for f in found.faults] == sorted(
        (f.mark.line, f.mark.column) for f in found.faults
    )


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes(text: bytes) -> None:
    holds(text)


SOURCE = (HERE.parent / "sites" / "hq-denver.yaml").read_bytes()


@given(st.lists(st.tuples(st.integers(0, len(SOURCE)), st.integers(0, 30), st.binary(max_size=6)), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_spoiled_site(edits: list[tuple[int, int, bytes]]) -> None:
    text = SOURCE
    for place, gone, put in edits:
        text = text[:place] + put + text[place + gone :]
    holds(text)


# fmt: off
WORDS = st.sampled_from([
    "site", "name", "owner", "components", "emergency_paths", "needs", "power", "kind", "ups", "generator", "utility",
    "pbx", "a", "b", "any_of", "all_of", "at_least", "count", "of", "probes", "type", "icmp", "nut", "device",
    "devices", "via", "box", "host", "interval", "30s", "0", "attest", "valid", "on", "drills", "fail", "2026-11-01",
    "from", "maintenance", "until", "location", "lat", "lon", "x-y",
]) | st.text(max_size=4)
# fmt: on
TREES = st.recursive(
    WORDS | st.integers(-1, 3) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(WORDS, TREES, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_tree(tree: object) -> None:
    holds(yaml.safe_dump(tree, allow_unicode=True).encode())


@pytest.mark.parametrize("nest", [b"[", b"{a: ", b"- ", b"? ", b"a:\n" + b" "])
def test_depth_is_bounded(nest: bytes) -> None:
    holds(nest * 20_000)
