"""The monitor over probes that are passed in: bounded, debounced, reloaded, never taken down by a peer."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from builders import site
from resilience.assess import SiteState
from resilience.drills.record import Entry, Prediction, Running
from resilience.fitness import Fitness
from resilience.model import Component, Drill, Kind, ProbeSpec, Secret, Site, any_of
from resilience.monitor import Monitor, Recorder
from resilience.prober import Prober, prepare
from resilience.probing import Later, ProbeType, Run
from resilience.reading import Observation, Reading, Reason, State, failure
from resilience.records import Records
from resilience.snapshot import Snapshot

Answer = Callable[[], Awaitable[Reading]]


@dataclass(frozen=True)
class Peer:
    """Settings of the scripted probe: which script answers."""

    name: str


class Script:
    """A probe type whose answers the test writes."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: dict[str, int] = {}

    @property
    def types(self) -> dict[str, ProbeType]:
        return {"scripted": ProbeType(name="scripted", settings=Peer, fields={}, probe=self._probe)}

    async def _probe(self, settings: Peer, run: Run) -> Reading:
        self.asked[settings.name] = self.asked.get(settings.name, 0) + 1
        return await self.answers[settings.name]()

    def says(self, name: str, reading: Reading) -> None:
        async def answer() -> Reading:
            return reading

        self.answers[name] = answer


UP = Reading(State.UP)
SILENT = failure(Reason.TIMEOUT, "no answer", says=State.DOWN)


def scripted(component: str, peer: str = "", **fields: int) -> tuple[ProbeSpec, ...]:
    timing = {"interval": 1000, "timeout": 300, "confirm": 20, "rise": 2, "fall": 3, "expires": 3300} | fields
    return (
        ProbeSpec(
            component=component, type="scripted", name="scripted", retries=0, settings=Peer(peer or component), **timing
        ),
    )


def two_wans(**fields: int) -> Site:
    return site(
        {
            "wan-a": {"kind": "wan", "probes": scripted("wan-a", **fields)},
            "wan-b": {"kind": "wan", "probes": scripted("wan-b", **fields)},
        },
        {"desk": [any_of("wan-a", "wan-b")]},
    )


def watching(
    script: Script,
    declared: Site,
    story: Callable[[Monitor], Awaitable[None]],
    *,
    vantage: str = "central",
    recorder: Recorder | None = None,
) -> None:
    async def run() -> None:
        fitness = Fitness()
        prober = Prober(script.types, secret=lambda secret: secret.name, fitness=fitness)
        monitor = Monitor(prober, fitness, grid=0.2, vantage=vantage, recorder=recorder)
        await monitor.start({declared.id: declared})
        try:
            await story(monitor)
        finally:
            await monitor.stop()

    asyncio.run(run())


async def until(true: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.02)


def shot(monitor: Monitor, name: str = "test") -> Snapshot:
    taken = monitor.watches[name].snapshot
    assert taken is not None
    return taken


def state(monitor: Monitor) -> SiteState | None:
    taken = monitor.watches["test"].snapshot
    return taken.now.state if taken and taken.now else None


@pytest.fixture
def script() -> Script:
    made = Script()
    made.says("wan-a", UP)
    made.says("wan-b", UP)
    return made


def test_a_cut_is_seen_after_fall_answers_and_repaired_after_rise(script: Script) -> None:
    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.PROTECTED)
        script.says("wan-a", SILENT)
        asked = script.asked["wan-a"]
        await until(lambda: state(monitor) is SiteState.AT_RISK)
        assert script.asked["wan-a"] - asked == 3
        assert [point.component for point in shot(monitor).now.single_points] == ["wan-b"]  # type: ignore[union-attr]
        script.says("wan-a", UP)
        await until(lambda: state(monitor) is SiteState.PROTECTED)

    watching(script, two_wans(), story)


def test_a_hanging_peer_costs_its_own_reading_and_nothing_else(script: Script) -> None:
    async def hang() -> Reading:
        await asyncio.sleep(60)
        raise AssertionError

    async def story(monitor: Monitor) -> None:
        script.answers["wan-a"] = hang
        await until(lambda: script.asked.get("wan-b", 0) >= 3)
        await until(lambda: shot(monitor).now is not None)
        track = shot(monitor).memory.tracks["wan-a", "scripted"]
        assert track.reading is not None
        assert track.reading.reason is Reason.TIMEOUT
        assert state(monitor) is SiteState.AT_RISK, "unknown is not counted on, and not called down"

    watching(script, two_wans(), story)


def test_a_probe_that_raises_is_a_failed_reading(script: Script) -> None:
    async def fail() -> Reading:
        raise ZeroDivisionError

    async def story(monitor: Monitor) -> None:
        script.answers["wan-a"] = fail
        await until(lambda: monitor.watches["test"].snapshot and shot(monitor).now)
        track = shot(monitor).memory.tracks["wan-a", "scripted"]
        assert track.reading is not None
        assert track.reading.reason is Reason.INTERNAL
        assert track.state is State.UNKNOWN

    watching(script, two_wans(), story)


def test_a_plug_in_that_cannot_be_imported_costs_its_own_readings(script: Script) -> None:
    broken = ProbeType(name="broken", settings=Peer, fields={}, probe=Later("no_such_module:probe"))
    declared = two_wans()
    (spec,) = declared.components["wan-b"].probes
    torn = replace(declared.components["wan-b"], probes=(replace(spec, type="broken"),))
    declared = replace(declared, components={**declared.components, "wan-b": torn})
    types = {**script.types, "broken": broken}
    prepare(types, [declared])

    async def run() -> Reading:
        prober = Prober(types, secret=_no_secret, fitness=Fitness())
        reading = await prober.read(torn.probes[0])
        await prober.aclose()
        return reading

    assert asyncio.run(run()).reason is Reason.INTERNAL


def test_while_the_loop_is_blocked_failures_say_nothing(script: Script) -> None:
    async def starve() -> Reading:
        time.sleep(1.2)  # noqa: ASYNC251  # the monitor itself is stuck: that is the point
        return SILENT

    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.PROTECTED)
        script.answers["wan-a"] = starve
        asked = script.asked["wan-a"]
        await until(lambda: script.asked["wan-a"] >= asked + 2)
        script.says("wan-a", UP)
        track = shot(monitor).memory.tracks["wan-a", "scripted"]
        assert track.state is not State.DOWN
        assert track.contrary == 0
        codes = {finding.code for finding in shot(monitor).findings}
        assert "monitor_impaired" in codes

    watching(script, two_wans(), story)


def test_equal_probes_under_way_run_once(script: Script) -> None:
    async def slow() -> Reading:
        await asyncio.sleep(0.1)
        return UP

    async def run() -> None:
        prober = Prober(script.types, secret=_no_secret, fitness=Fitness())
        script.answers["shared"] = slow
        (one,) = scripted("a", "shared")
        (other,) = scripted("b", "shared")
        readings = await asyncio.gather(prober.read(one), prober.read(other))
        assert readings == [UP, UP]
        await prober.aclose()

    asyncio.run(run())
    assert script.asked["shared"] == 1


def _no_secret(secret: Secret) -> str:
    raise AssertionError


def test_a_reload_keeps_what_is_known_of_unchanged_probes_and_forgets_the_rest(script: Script) -> None:
    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.PROTECTED)
        before = monitor.watches["test"].memory.tracks
        declared = two_wans()
        changed = {**declared.components, "wan-b": replace(declared.components["wan-b"], probes=())}
        monitor.adopt({"test": replace(declared, components=changed)}, {})
        tracks = monitor.watches["test"].memory.tracks
        assert set(tracks) == {("wan-a", "scripted")}
        assert tracks["wan-a", "scripted"] is before["wan-a", "scripted"]
        monitor.adopt({}, {})
        assert not monitor.watches

    watching(script, two_wans(), story)


def test_a_bad_file_keeps_the_old_version_and_says_so(script: Script) -> None:
    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.PROTECTED)
        monitor.adopt({}, {"test": "sites/test.yaml:3:1: unknown key 'compnents'"})
        await until(lambda: any(finding.code == "file_invalid" for finding in shot(monitor).findings))
        assert monitor.watches["test"].families["site_file_valid"] == ['resilience_site_file_valid{site="test"} 0\n']
        assert state(monitor) is SiteState.PROTECTED
        monitor.adopt({"test": two_wans()}, {})
        await until(lambda: not any(finding.code == "file_invalid" for finding in shot(monitor).findings))

    watching(script, two_wans(), story)


def test_a_quantity_that_no_catalogue_has_fails_the_reading(script: Script) -> None:
    script.says("odd", Reading(State.UP, None, "", (Observation("ups_colour", 1.0),)))

    async def run() -> Reading:
        prober = Prober(script.types, secret=_no_secret, fitness=Fitness())
        (spec,) = scripted("odd")
        reading = await prober.read(spec)
        await prober.aclose()
        return reading

    reading = asyncio.run(run())
    assert reading.reason is Reason.INTERNAL
    assert "ups_colour" in reading.text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_fails_the_reading_and_not_the_site(script: Script, value: float) -> None:
    script.says("wan-b", Reading(State.UP, None, "", (Observation("ups_runtime_seconds", value),)))

    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.AT_RISK)
        read = monitor.watches["test"].memory.tracks["wan-b", "scripted"].reading
        assert read is not None
        assert read.reason is Reason.INTERNAL

    watching(script, two_wans(), story)


def test_a_site_that_cannot_be_assessed_is_not_shown_as_it_was(script: Script) -> None:
    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.PROTECTED)
        watch = monitor.watches["test"]
        tangled = {"loop": Component(name="loop", kind=Kind.UPS, power=("loop-2",), runtime=None)}
        watch.site = replace(watch.site, components={**watch.site.components, **tangled})
        await until(lambda: watch.snapshot is None)
        assert watch.families == {}

    watching(script, two_wans(), story)


class NoBook:
    """A recorder that takes no drill."""

    fault = ""

    def took(self, taken: Snapshot) -> None: ...

    def forget(self, site: str, now: float) -> None: ...

    def begin_drill(self, number: int, prediction: Prediction) -> None:
        raise ZeroDivisionError

    def happened(self, number: int, entry: Entry) -> None: ...


def test_a_drill_that_cannot_be_recorded_does_not_end_the_watching(script: Script) -> None:
    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.PROTECTED)
        running = Running(id=1, drill=Drill(name="cut", fail=("wan-a",)), started=time.time(), vantage="")
        monitor.record({"test": Records(running=running)})
        script.says("wan-a", SILENT)
        await until(lambda: state(monitor) is SiteState.AT_RISK)

    watching(script, two_wans(), story, recorder=NoBook())


def test_what_a_probe_saw_is_forgotten_with_it(script: Script) -> None:
    on_battery = Reading(State.DEGRADED, None, "on battery", (Observation("ups_on_battery", 1.0),))
    script.says("ups", on_battery)
    declared = site(
        {"utility": {"kind": "utility"}, "ups": {"kind": "ups", "power": ["utility"], "probes": scripted("ups")}},
        {"desk": ["ups"]},
    )

    async def story(monitor: Monitor) -> None:
        watch = monitor.watches["test"]
        await until(lambda: "ups" in watch.memory.discharges)
        unprobed = {**declared.components, "ups": replace(declared.components["ups"], probes=())}
        monitor.adopt({"test": replace(declared, components=unprobed)}, {})
        assert watch.memory.discharges == {}

    watching(script, declared, story)


def test_what_one_probe_saw_is_forgotten_though_another_of_the_component_stays(script: Script) -> None:
    script.says("card", Reading(State.DEGRADED, None, "on battery", (Observation("ups_on_battery", 1.0),)))
    script.says("ping", UP)
    (card,), (ping,) = scripted("ups", "card"), scripted("ups", "ping")
    both = (replace(card, name="card"), replace(ping, name="ping"))
    ups = {"kind": "ups", "power": ["utility"], "probes": both}
    declared = site({"utility": {"kind": "utility"}, "ups": ups}, {"desk": ["ups"]})

    async def story(monitor: Monitor) -> None:
        watch = monitor.watches["test"]
        await until(lambda: ("ups_on_battery", "ups") in {finding.key for finding in watch.findings})
        pinged = {**declared.components, "ups": replace(declared.components["ups"], probes=both[1:])}
        monitor.adopt({"test": replace(declared, components=pinged)}, {})
        assert watch.memory.discharges == {}
        await until(lambda: ("ups_on_battery", "ups") not in {finding.key for finding in watch.findings})

    watching(script, declared, story)


def test_a_witness_tells_what_its_probes_see_and_leaves_the_judgement_to_the_judge(script: Script) -> None:
    async def story(monitor: Monitor) -> None:
        await until(lambda: state(monitor) is SiteState.PROTECTED)
        watch = monitor.watches["test"]
        assert watch.families
        assert {name.partition("_")[0] for name in watch.families} == {"probe"}
        assert 'vantage="east"' in watch.families["probe_success"][0]
        looked = await monitor.look(watch.site, 5)
        assert {name.partition("_")[0] for name in looked} == {"probe"}
        judged = replace(two_wans(), watched_by="east")
        monitor.adopt({"test": judged}, {})
        await until(lambda: "emergency_calling_up" in watch.families)

    watching(script, two_wans(), story, vantage="east")
