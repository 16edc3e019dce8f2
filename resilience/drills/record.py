"""What is kept of a drill that was really done: the plan, what was predicted, and everything that then happened. Pure.

Values and their JSON. Moments are seconds since 1970, durations seconds; None is "never".
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from resilience.assess import Assessment
from resilience.drills.rehearsal import Rehearsal
from resilience.duration import Ms, seconds
from resilience.model import Drill, Kind
from resilience.reading import State
from resilience.state import Status
from resilience.survival import Live

Body = Mapping[str, Any]


class Outcome(StrEnum):
    """How it ended, before anyone has judged it."""

    RUNNING = "running"
    FINISHED = "finished"
    ABORTED = "aborted"


class Mark(StrEnum):
    """What a person says has just been done."""

    FAULT = "fault"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Step:
    """Predicted: `what` goes off (or on again) so many seconds after the fault, by either bound."""

    what: str
    kind: str
    on: bool
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Turn:
    """Predicted: from `start` to `end` the calls of `area` go by `path`; an empty path is none."""

    area: str
    start: float
    end: float | None
    path: str
    assured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the model said at the moment the drill began, from what was seen then. Never written again."""

    at: float
    steps: tuple[Step, ...]
    turns: tuple[Turn, ...]
    low: float | None
    high: float | None
    exposed: tuple[str, ...]
    runtimes: Mapping[str, float]
    """What each UPS promised then."""
    before: Mapping[str, str]
    """The state of each component that was watched, by its own evidence."""
    states: Mapping[str, str]
    """The state of every component, by all that was known."""
    paths: Mapping[str, str]
    calling: str
    """Whether 911 was `assured`, `possible` or `lost` before."""
    path: str
    """What carried the calls before; several areas' are joined."""


def predicted(rehearsal: Rehearsal, live: Live, now: Assessment) -> Prediction:
    """What is written down before anything is cut."""
    quantity = ("ups_runtime_seconds", "")
    return Prediction(
        at=now.at,
        steps=tuple(
            Step(event.what, event.kind, event.on, _known(event.low), _known(event.high)) for event in rehearsal.events
        ),
        turns=tuple(
            Turn(
                stretch.area,
                stretch.start / 1000,
                seconds(stretch.end),
                stretch.path.name if stretch.path else "",
                stretch.assured,
            )
            for stretch in rehearsal.stretches
        ),
        low=seconds(rehearsal.survival.low),
        high=seconds(rehearsal.survival.high),
        exposed=tuple(point.component for point in rehearsal.exposed),
        runtimes={
            name: live.seen[name][quantity].value
            for name, component in now.site.components.items()
            if component.kind is Kind.UPS and quantity in live.seen[name]
        },
        before={name: _evidence(live, name).state for name, one in now.site.components.items() if one.monitored},
        states={component.name: component.state.value for component in now.components},
        paths=_paths(now),
        calling=calling(now),
        path=carrying(now),
    )


def _evidence(live: Live, name: str) -> Status:
    """What is known of a component without the structure; a source is down as well where those that it feeds say so."""
    judged = live.statuses[name]
    return judged if judged.state is State.DOWN else live.own[name]


def _paths(now: Assessment) -> dict[str, str]:
    return {p.path.name: "up" if p.assured else "unknown" if p.possible else "down" for p in now.paths}


def calling(now: Assessment) -> str:
    return "assured" if now.assured else "possible" if now.possible else "lost"


def carrying(now: Assessment) -> str:
    """The paths that people should use, joined where areas have one each."""
    return ", ".join(state.path.name for state in now.paths if state.preferred)


def _known(moment: Ms | None) -> float | None:
    return None if moment is None else seconds(moment)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: `state`, `path`, `calling`, `ups`, `finding`, `sent`, `note` or `call`."""

    at: float
    kind: str
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to put right. It is closed by a drill of the same name that passes, and by nothing else."""

    text: str
    owner: str = ""
    due: str = ""
    closed_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A drill that was really done."""

    id: int
    site: str
    site_name: str
    drill: Drill
    kinds: Mapping[str, str]
    """The kind of every component at that time."""
    inputs: Mapping[str, tuple[str, ...]]
    """What each of them needed and was fed by, as declared then."""
    paths: Mapping[str, tuple[str, ...]]
    """What each emergency path could not do without, best path first."""
    by: str
    participants: tuple[str, ...] = ()
    started: float
    prediction: Prediction | None = None
    """None until a monitor has begun to record."""
    outcome: Outcome = Outcome.RUNNING
    ended: float | None = None
    ended_by: str = ""
    reason: str = ""
    entries: tuple[Entry, ...] = ()
    actions: tuple[Action, ...] = ()
    hash: str = field(default="", compare=False)
    """Of the evidence's entry that closed it; empty while it runs."""

    def of(self, *kinds: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind in kinds]


def to_json(value: Prediction | Drill) -> dict[str, Any]:
    return asdict(value)


def prediction_of(body: Body) -> Prediction:
    return Prediction(
        **{
            **body,
            "steps": tuple(Step(**step) for step in body["steps"]),
            "turns": tuple(Turn(**turn) for turn in body["turns"]),
            "exposed": tuple(body["exposed"]),
        }
    )


def drill_of(body: Body) -> Drill:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}
    return Drill(**fields)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was last written down of a site under drill, to tell what is new."""

    states: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By component: its state, and its state by its own evidence."""
    seen: Mapping[str, float | None] = field(default_factory=dict)
    """By component: when the evidence for that is from."""
    paths: Mapping[str, str] = field(default_factory=dict)
    calling: tuple[str, str] = ("", "")
    batteries: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)


def resumed(prediction: Prediction, happened: Iterable[Entry]) -> Watched:
    """What had last been written down when whoever did it was stopped."""
    states = {name: (state, prediction.before.get(name, State.UP.value)) for name, state in prediction.states.items()}
    paths, ways = dict(prediction.paths), (prediction.calling, prediction.path)
    batteries: dict[str, tuple[float, float | None]] = dict.fromkeys(prediction.runtimes, (0.0, None))
    for entry in happened:
        body = entry.body
        if entry.kind == "state":
            # One that the file did not have when the drill began is not in the prediction.
            _, own = states.get(body["name"], ("", State.UP.value))
            states[body["name"]] = (body["state"], body["own"] or own)
        elif entry.kind == "path":
            paths[body["name"]] = body["state"]
        elif entry.kind == "calling":
            ways = (body["state"], body["path"])
        elif entry.kind == "ups":
            batteries[body["name"]] = (float(body["on_battery"]), body["runtime"])
    return Watched(states, {}, paths, ways, batteries)


def entries(before: Watched, live: Live, now: Assessment) -> tuple[list[Entry], Watched]:
    """What has happened since `before`, each with the moment that its evidence is from."""
    found: list[Entry] = []
    states = {}
    for component in now.components:
        own = _evidence(live, component.name)
        pair = states[component.name] = (component.state.value, own.state.value)
        was = before.states.get(component.name)
        if was is not None and was != pair:
            seen = own.evidence != "declared" and own.state is not State.UNKNOWN
            found.append(
                Entry(
                    now.at,
                    "state",
                    {
                        "name": component.name,
                        "was": was[0],
                        "state": pair[0],
                        "own": pair[1] if seen else "",
                        "evidence": component.evidence,
                        "seen_at": component.at,
                        "last_seen_before": before.seen.get(component.name),
                        "why": component.why,
                    },
                )
            )
    paths = _paths(now)
    for name, state in paths.items():
        if before.paths.get(name, state) != state:
            found.append(Entry(now.at, "path", {"name": name, "was": before.paths[name], "state": state}))
    ways = (calling(now), carrying(now))
    if before.calling not in (("", ""), ways):
        found.append(Entry(now.at, "calling", {"was": before.calling[0], "state": ways[0], "path": ways[1]}))
    batteries = _batteries(live)
    for name, (on_battery, runtime) in batteries.items():
        if before.batteries.get(name) not in (None, (on_battery, runtime)) and (
            on_battery or before.batteries[name][0]
        ):
            found.append(Entry(now.at, "ups", {"name": name, "on_battery": bool(on_battery), "runtime": runtime}))
    moments = {component.name: component.at for component in now.components}
    return found, Watched(states, moments, paths, ways, batteries)


def _batteries(live: Live) -> dict[str, tuple[float, float | None]]:
    found: dict[str, tuple[float, float | None]] = {}
    for name, seen in live.seen.items():
        on_battery, runtime = seen.get(("ups_on_battery", "")), seen.get(("ups_runtime_seconds", ""))
        if on_battery is not None:
            found[name] = (on_battery.value, runtime.value if runtime else None)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A drill under way, as whoever records it must know it."""

    id: int
    drill: Drill
    started: float
    vantage: str
    """The monitor that records it; empty until one does."""
    watched: Watched | None = field(default=None, compare=False)
    """What that monitor has last written down."""
