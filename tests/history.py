"""A site's past, told by hand: readings at moments, and what the monitor makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from resilience.assess import Assessment, assess_design, assess_live
from resilience.finding import Finding
from resilience.findings import live_findings, noticed
from resilience.latching import latched
from resilience.memory import Memory, remember
from resilience.model import ProbeSpec, Site
from resilience.reading import Observation, Reading, Reason, State
from resilience.survival import Live, live_basis

UP = Reading(State.UP)
SILENT = Reading(State.DOWN, Reason.TIMEOUT, "no answer")
BLIND = Reading(State.UNKNOWN, Reason.TIMEOUT, "the card does not answer")


def probe(
    component: str, *, type: str = "icmp", name: str = "", fall: int = 1, via: tuple[str, ...] = ()
) -> tuple[ProbeSpec, ...]:
    """One probe each minute that decides at once."""
    return (
        ProbeSpec(
            component=component,
            type=type,
            name=name or type,
            interval=60_000,
            timeout=5_000,
            confirm=10_000,
            retries=0,
            rise=1,
            fall=fall,
            expires=185_000,
            via=via,
            settings=(),
        ),
    )


def ups(*, on_battery: bool = False, runtime: float | None = None, **more: float) -> Reading:
    """What a UPS says; `runtime` in seconds, further quantities by name without the prefix `ups_`."""
    observations = [Observation("ups_on_battery", float(on_battery)), Observation("ups_unprotected", 0.0)]
    if runtime is not None:
        observations += [Observation("ups_runtime_seconds", runtime), Observation("ups_runtime_credible", 1.0)]
    observations = [o for o in observations if o.quantity.removeprefix("ups_") not in more]
    observations += [Observation(f"ups_{name}", value) for name, value in more.items()]
    return Reading(State.DEGRADED if on_battery else State.UP, None, "", tuple(observations))


def says(state: State = State.UP, text: Mapping[str, str] | None = None, **values: float) -> Reading:
    return Reading(
        state,
        None,
        "",
        tuple(Observation(name, value, text=(text or {}).get(name, "")) for name, value in values.items()),
    )


@dataclass
class History:
    site: Site
    memory: Memory = field(default_factory=Memory)
    open: tuple[Finding, ...] = ()

    def read(self, at: float, readings: Mapping[str, Reading]) -> None:
        """At `at`, each named component's probe (`component` or `component/probe`) gives its reading."""
        for name, reading in readings.items():
            component, _, probe_name = name.partition("/")
            (spec,) = (p for p in self.site.components[component].probes if probe_name in ("", p.name))
            self.memory = remember(self.memory, spec, reading, at)

    def at(self, now: float) -> tuple[Live, Assessment]:
        live = live_basis(self.site, self.memory, now)
        assessment = assess_live(live, now)
        design = assess_design(self.site, now)
        self.open = latched(self.open, live_findings(live, assessment, design, self.memory), live, assessment)
        self.memory = noticed(self.memory, live)
        return live, assessment

    def assess(self, now: float) -> Assessment:
        return self.at(now)[1]

    def state(self, name: str, now: float) -> State:
        return next(c.state for c in self.assess(now).components if c.name == name)

    def codes(self) -> set[tuple[str, str]]:
        return {finding.key for finding in self.open}
