"""When a finding is over: by contrary evidence or another declaration, never because something was not seen."""

from builders import site
from history import BLIND, SILENT, UP, History, probe, ups
from resilience.model import ProbeSpec, Site, any_of
from resilience.reading import Observation, Reading, State
from resilience.report import as_json
from resilience.store.remembered import Remembered, decoded, encoded

T0 = 1_790_000_000.0


def stale(history: History) -> dict[tuple[str, str], bool]:
    return {finding.key: finding.stale for finding in history.open}


def registered(name: str, value: float) -> Reading:
    seen = (Observation("trunk_registered", value, target=name),)
    return Reading(State.UP if value else State.DOWN, None, "", seen)


def test_one_registration_that_stands_does_not_end_the_finding_about_another_that_nobody_sees() -> None:
    both = (*probe("trunk", type="asterisk", name="a"), *probe("trunk", type="asterisk", name="b"))
    history = History(site({"trunk": {"kind": "sip-trunk", "probes": both}}, {"desk": ["trunk"]}))
    key = ("trunk_unregistered", "trunk")
    history.read(T0, {"trunk/a": registered("carrier-a", 0), "trunk/b": registered("carrier-b", 1)})
    history.at(T0)
    assert stale(history)[key] is False
    for minute in range(1, 6):
        history.read(T0 + minute * 60, {"trunk/a": BLIND, "trunk/b": registered("carrier-b", 1)})
        history.at(T0 + minute * 60)
    assert stale(history)[key] is True
    history.read(T0 + 360, {"trunk/a": registered("carrier-a", 1)})
    history.at(T0 + 360)
    assert key not in stale(history)


def test_a_target_that_is_no_longer_asked_holds_no_finding_open() -> None:
    history = History(
        site({"trunk": {"kind": "sip-trunk", "probes": probe("trunk", type="sip-options")}}, {"desk": ["trunk"]})
    )
    expired = Observation("tls_certificate_expiry_timestamp_seconds", T0 - 60, target="old:5061")
    history.read(T0, {"trunk": Reading(State.UP, None, "", (expired,))})
    history.at(T0)
    assert ("certificate_expiring", "trunk") in stale(history)
    moved = Observation("tls_certificate_expiry_timestamp_seconds", T0 + 90 * 86400, target="new:5061")
    history.read(T0 + 60, {"trunk": Reading(State.UP, None, "", (moved,))})
    history.at(T0 + 60)
    assert ("certificate_expiring", "trunk") not in stale(history)


def test_a_contradiction_stands_while_nobody_sees_the_component() -> None:
    declared = {
        "wan": {"kind": "wan", "probes": probe("wan")},
        "pbx": {"kind": "pbx", "needs": ["wan"], "probes": probe("pbx", type="tcp")},
    }
    history = History(site(declared, {"desk": ["pbx"]}))
    for minute in (0, 1):
        history.read(T0 + minute * 60, {"wan": SILENT, "pbx": UP})
        history.at(T0 + minute * 60)
    key = ("evidence_conflict", "pbx")
    assert key in stale(history)
    for minute in range(2, 8):
        history.read(T0 + minute * 60, {"wan": SILENT, "pbx": BLIND})
        history.at(T0 + minute * 60)
    assert stale(history)[key] is True
    history.read(T0 + 480, {"wan": UP, "pbx": UP})
    history.at(T0 + 480)
    assert key not in stale(history)


def test_a_blind_probe_is_not_mended_by_the_others_going_blind() -> None:
    both = (*probe("wan", name="one"), *probe("wan", type="tcp", name="two"))
    history = History(site({"wan": {"kind": "wan", "probes": both}}, {"desk": ["wan"]}))
    key = ("probe_blind", "wan")
    history.read(T0, {"wan/one": UP, "wan/two": BLIND})
    history.at(T0)
    assert stale(history)[key] is False
    history.read(T0 + 60, {"wan/one": BLIND, "wan/two": BLIND})
    history.at(T0 + 300)
    assert stale(history)[key] is True
    history.read(T0 + 360, {"wan/one": UP, "wan/two": UP})
    history.at(T0 + 360)
    assert key not in stale(history)


def test_that_a_ups_has_lost_its_input_stands_while_nobody_sees_the_utility() -> None:
    declared = {
        "utility": {"kind": "utility", "probes": probe("utility", type="meter")},
        "ups": {"kind": "ups", "power": ["utility"], "probes": probe("ups", type="nut")},
        "pbx": {"kind": "pbx", "power": ["ups"]},
    }
    history = History(site(declared, {"desk": ["pbx"]}))
    draining = ups(on_battery=True, runtime=7200)
    history.read(T0, {"utility": UP, "ups": draining})
    history.at(T0)
    key = ("ups_input_lost", "ups")
    assert stale(history)[key] is False
    for minute in range(1, 6):
        history.read(T0 + minute * 60, {"utility": BLIND, "ups": draining})
        history.at(T0 + minute * 60)
    assert stale(history)[key] is True
    history.read(T0 + 360, {"utility": BLIND, "ups": ups(runtime=7200)})
    history.at(T0 + 360)
    assert key not in stale(history)


def test_a_utility_is_not_down_for_ever_because_the_card_of_a_ups_died_in_an_outage() -> None:
    declared = {
        "utility": {"kind": "utility"},
        "ups": {"kind": "ups", "power": ["utility"], "probes": probe("ups", type="nut")},
        "pbx": {"kind": "pbx", "power": ["ups"]},
        "light": {"kind": "switch", "power": ["utility"]},
    }
    history = History(site(declared, {"desk": ["pbx"], "lobby": ["light"]}))
    history.read(T0, {"ups": ups(on_battery=True, runtime=1200)})
    assert history.state("light", T0) is State.DOWN
    history.read(T0 + 86_400, {"ups": BLIND})
    assert history.state("light", T0 + 86_400) is State.UNKNOWN


def test_where_the_clock_was_set_back_an_answer_does_not_stand_until_the_clock_has_caught_up() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "probes": probe("ups", type="nut")},
        },
        {"desk": ["ups"]},
    )
    history = History(declared)
    history.read(T0, {"ups": ups(runtime=7200)})
    assert history.state("ups", T0 - 5) is State.UP, "a clock that is set by seconds"
    assert history.state("ups", T0 - 86_400) is State.UNKNOWN
    live, _ = history.at(T0 - 86_400)
    assert not live.seen["ups"]
    kept = encoded(declared, Remembered(at=T0, memory=history.memory))
    assert decoded(declared, kept, T0, T0 + 60).memory.tracks
    assert not decoded(declared, kept, T0, T0 - 86_400).memory.tracks


def test_what_a_probe_told_is_gone_with_it_over_a_restart_too() -> None:
    card, ping = probe("ups", type="nut"), probe("ups", type="icmp")

    def declared(*probes: ProbeSpec) -> Site:
        ups = {"kind": "ups", "power": ["utility"], "probes": probes}
        return site({"utility": {"kind": "utility"}, "ups": ups}, {"desk": ["ups"]})

    history = History(declared(*card, *ping))
    history.read(T0, {"ups/nut": ups(on_battery=True), "ups/icmp": UP})
    history.at(T0)
    kept = encoded(history.site, Remembered(at=T0, memory=history.memory, findings=history.open))
    for later in (60, 86_400):
        same = decoded(history.site, kept, T0, T0 + later)
        assert set(same.memory.discharges) == {"ups"}
        assert ("ups_on_battery", "ups") in {finding.key for finding in same.findings}
        pinged = decoded(declared(*ping), kept, T0, T0 + later)
        assert not pinged.memory.discharges
        assert ("ups_on_battery", "ups") not in {finding.key for finding in pinged.findings}


def test_what_is_told_of_a_component_is_what_still_stands() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "probes": probe("ups", type="nut")},
        },
        {"desk": ["ups"]},
    )
    history = History(declared)
    history.read(T0, {"ups": ups(runtime=7200)})

    def runtimes(now: float) -> list[float]:
        told = as_json(history.assess(now), history.open, history.memory)["observations"]
        return [seen["value"] for seen in told if seen["quantity"] == "ups_runtime_seconds"]

    assert runtimes(T0 + 60) == [7200]
    history.read(T0 + 60, {"ups": BLIND})
    assert runtimes(T0 + 3600) == []


def test_a_line_that_was_left_by_another_way_is_not_up_because_nobody_sees_the_way_any_more() -> None:
    both = (*probe("wan", type="icmp"), *probe("wan", type="egress"))
    history = History(site({"wan": {"kind": "wan", "probes": both}}, {"desk": ["wan"]}))
    astray = Observation("egress_expected", 0.0, target="stun", text="left by 203.0.113.9")
    history.read(T0, {"wan/icmp": UP, "wan/egress": Reading(State.UNKNOWN, None, "another way", (astray,))})
    assert history.state("wan", T0) is State.UNKNOWN
    for minute in range(1, 10):
        history.read(T0 + minute * 60, {"wan/icmp": UP, "wan/egress": BLIND})
        assert history.state("wan", T0 + minute * 60) is State.UNKNOWN
    back = Observation("egress_expected", 1.0, target="stun")
    history.read(T0 + 600, {"wan/icmp": UP, "wan/egress": Reading(State.UP, None, "", (back,))})
    assert history.state("wan", T0 + 600) is State.UP


def test_what_one_kind_of_probe_said_was_down_is_not_up_because_that_kind_went_blind() -> None:
    both = (*probe("trunk", type="asterisk"), *probe("trunk", type="sip-options"))
    history = History(site({"trunk": {"kind": "sip-trunk", "probes": both}}, {"desk": ["trunk"]}))
    history.read(T0, {"trunk/asterisk": registered("carrier", 0), "trunk/sip-options": UP})
    assert history.state("trunk", T0) is State.DOWN
    for minute in range(1, 10):
        history.read(T0 + minute * 60, {"trunk/asterisk": BLIND, "trunk/sip-options": UP})
        history.at(T0 + minute * 60)
    assert history.state("trunk", T0 + 540) is State.UNKNOWN
    history.read(T0 + 600, {"trunk/asterisk": registered("carrier", 1)})
    assert history.state("trunk", T0 + 600) is State.UP


def test_a_probe_that_was_up_and_went_blind_leaves_the_word_to_the_others() -> None:
    both = (*probe("trunk", type="asterisk"), *probe("trunk", type="sip-options"))
    history = History(site({"trunk": {"kind": "sip-trunk", "probes": both}}, {"desk": ["trunk"]}))
    history.read(T0, {"trunk/asterisk": registered("carrier", 1), "trunk/sip-options": UP})
    history.read(T0 + 540, {"trunk/asterisk": BLIND, "trunk/sip-options": UP})
    assert history.state("trunk", T0 + 540) is State.UP
    assert ("probe_blind", "trunk") in history.codes()


def test_what_two_lines_share_is_not_parted_by_one_of_them_going_blind() -> None:
    lines = {name: {"kind": "wan", "probes": probe(name, type="traceroute")} for name in ("wan-a", "wan-b")}
    history = History(site(lines, {"desk": [any_of("wan-a", "wan-b")]}))

    def by(router: str) -> Reading:
        return Reading(State.UP, None, "", (Observation("wan_first_hop_info", 1.0, target=router, text=router),))

    key = ("hidden_sharing", "wan-a")
    history.read(T0, {"wan-a": by("203.0.113.1"), "wan-b": by("203.0.113.1")})
    history.at(T0)
    assert stale(history)[key] is False
    for minute in range(1, 6):
        history.read(T0 + minute * 60, {"wan-a": by("203.0.113.1"), "wan-b": BLIND})
        history.at(T0 + minute * 60)
    assert stale(history)[key] is True
    history.read(T0 + 360, {"wan-a": by("203.0.113.1"), "wan-b": by("198.51.100.1")})
    history.at(T0 + 360)
    assert key not in stale(history)


def test_a_clock_that_was_set_back_lengthens_no_battery_no_start_and_no_test() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "gen": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "ups": {"kind": "ups", "power": ["utility", "gen"], "probes": probe("ups", type="nut")},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
    )
    history = History(declared)
    history.read(T0, {"ups": ups(on_battery=True, runtime=7200)})
    life = history.assess(T0 - 86_400).scenario("now")
    assert life is not None
    assert life.low == 0, "neither the battery nor the generator is there a day longer"

    history = History(declared)
    history.read(T0, {"ups": ups(testing=1, discharging=1)})
    assert not history.memory.discharges
    history.read(T0 - 86_400, {"ups": ups(testing=1, discharging=1)})
    assert history.memory.discharges
