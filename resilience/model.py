"""The declared world: sites, components, needs, emergency paths, probes as a file declares them.

Frozen values only. No I/O, no clock, no validation: `resilience.sitefile` checks once, at the border.
Durations are whole milliseconds (`resilience.duration.Ms`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from resilience.duration import Ms

T = TypeVar("T")


class Kind(StrEnum):
    UTILITY = "utility"
    GENERATOR = "generator"
    UPS = "ups"
    ATS = "ats"
    PDU = "pdu"
    SWITCH = "switch"
    ROUTER = "router"
    FIREWALL = "firewall"
    ACCESS_POINT = "access-point"
    PBX = "pbx"
    SBC = "sbc"
    GATEWAY = "gateway"
    CELLULAR = "cellular"
    SATELLITE = "satellite"
    PHONES = "phones"
    WAN = "wan"
    SIP_TRUNK = "sip-trunk"
    FALLBACK_LINE = "fallback-line"
    DNS = "dns"
    LOCATION_RECORD = "location-record"
    SHARED_RISK = "shared-risk"
    SERVICE = "service"


PASSES_POWER = frozenset({Kind.UTILITY, Kind.GENERATOR, Kind.UPS, Kind.ATS, Kind.PDU})
"""Kinds that pass power on, and pass it again when it returns."""

LINES = frozenset({Kind.WAN, Kind.FALLBACK_LINE, Kind.CELLULAR, Kind.SATELLITE})
"""Ways out that may stand by for months, so that being in service is not yet being proven."""
PLUGS_IN = frozenset(
    {
        Kind.SWITCH,
        Kind.ROUTER,
        Kind.FIREWALL,
        Kind.ACCESS_POINT,
        Kind.PBX,
        Kind.SBC,
        Kind.GATEWAY,
        Kind.CELLULAR,
        Kind.SATELLITE,
    }
)
"""Kinds that stop without electricity, so a file should say what feeds them."""


class Tier(StrEnum):
    """PACE: how good a path is, best first."""

    PRIMARY = "primary"
    ALTERNATE = "alternate"
    CONTINGENCY = "contingency"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Gate:
    """Works while at least `count` of `of` work: all_of has count = len(of), any_of has count = 1.

    `Gate(0, ())` needs nothing and always works. An entry that stands twice counts twice.
    """

    count: int
    of: "tuple[Need, ...]"


Need = str | Gate
"""A component's name, or a gate over needs."""

NOTHING = Gate(0, ())


def all_of(*needs: Need) -> Gate:
    return Gate(len(needs), needs)


def any_of(*needs: Need) -> Gate:
    return Gate(1, needs)


def names_in(need: Need) -> tuple[str, ...]:
    """Every component name in `need`, in the order written, repeats kept."""
    if isinstance(need, str):
        return (need,)
    found: list[str] = []
    for part in need.of:
        if isinstance(part, str):
            found.append(part)
        else:
            found += names_in(part)
    return tuple(found)


def indispensable(need: Need) -> frozenset[str]:
    """The components without which `need` is not met, whatever else works."""
    if isinstance(need, str):
        return frozenset((need,))
    parts = Counter(name for part in need.of for name in indispensable(part))
    return frozenset(name for name, in_parts in parts.items() if in_parts > len(need.of) - need.count)


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret stands. Its text never appears in repr, logs, pages, metrics or errors."""

    source: str
    """`env`, `file`, or `clear` (written in the site file; warned)."""
    name: str = field(repr=False)
    """Environment variable, file name, or for `clear` the secret itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """One declared probe: how often, how patient, and the settings of its type. Times in ms."""

    component: str
    type: str
    name: str
    interval: int
    timeout: int
    confirm: int
    retries: int
    rise: int
    fall: int
    expires: int
    via: tuple[str, ...] = ()
    proves: bool = True
    """Whether its good answers prove that the component works."""
    settings: object = None
    """The frozen settings value of the probe type; None where this version has no such type."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.component, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A person's check. `valid` in ms; without `on` it is asked for and still missing."""

    valid: int
    on: date | None = None
    by: str = ""
    method: str = ""
    passed: bool = True
    at: float | None = None
    """The moment of the check in seconds since 1970, where it is known better than by its day."""
    exercised: bool = False
    """A call was made, or a fault was really caused: more than a look."""

    @property
    def made_at(self) -> float | None:
        """Seconds since 1970; of a check of which the day is known, the beginning of that day (UTC)."""
        if self.at is not None or self.on is None:
            return self.at
        return datetime.combine(self.on, time(), UTC).timestamp()

    @property
    def expires_at(self) -> float | None:
        made = self.made_at
        return None if made is None else made + self.valid / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    name: str
    kind: Kind
    needs: Gate = NOTHING
    power: tuple[str, ...] | None = None
    """Feeds, any one is enough; () needs none; None was not declared."""
    runtime: Ms | None = None
    """UPS: design holdup."""
    measured: Ms | None = None
    """UPS: the holdup that the last drill measured."""
    starts_within: Ms | None = None
    """Generator: time from the loss of the utility to carrying the load."""
    fuel: Ms | None = None
    """Generator: how long it runs, counted from time 0; `math.inf` is piped gas; None is unknown."""
    holds: Ms = 0
    """Stays on this long after what it needs is gone."""
    units: int = 1
    description: str = ""
    shared: str = ""
    probes: tuple[ProbeSpec, ...] = ()
    attest: Attestation | None = None

    @property
    def monitored(self) -> bool:
        return bool(self.probes) or self.attest is not None

    @property
    def candidate(self) -> bool:
        """Whether it can be a member of a cut set: one of forty phones is no single point of failure."""
        return self.units < 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyPath:
    name: str
    tier: Tier
    needs: Gate
    instructions: str = ""
    serves: tuple[str, ...] = ()
    """Areas; () serves every area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRisk:
    component: str
    reason: str
    by: str
    until: date
    """The last day on which it is accepted."""


@dataclass(frozen=True, slots=True)
class Surprise:
    """Where a drill contradicted the model: `component` went off undeclared, or stayed on against what is declared."""

    component: str
    undeclared: bool
    edit: str
    """A proposed change of the site file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Two components declared independent that fell together more often than chance does it."""

    names: tuple[str, str]
    moments: tuple[float, ...]
    """When they did, in seconds since 1970."""
    alone: tuple[int, int]
    """How often each fell without the other."""
    within: float
    """Seconds that lay between two falls at most."""
    chance: float
    """The probability of that by chance, corrected for all pairs that were tried."""
    tried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A scenario that people rehearse and exercise. Durations in ms."""

    name: str
    fail: tuple[str, ...]
    every: int | None = None
    expect_path: str = ""
    expect_within: int | None = None
    objectives: tuple[str, ...] = ()
    safety: tuple[str, ...] = ()
    """What must be seen to before anything is switched off."""
    roles: tuple[str, ...] = ()
    """Who has to take part."""
    held_at: float | None = None
    """When it was last held and proved something, in seconds since 1970."""
    result: str = ""
    """`passed` or `failed`, of that time."""
    surprises: tuple[Surprise, ...] = ()
    """Of that time."""
    running: bool = False

    @property
    def due_at(self) -> float | None:
        """When it is due again, in seconds since 1970; None where it was never held, or nothing says how often."""
        return self.held_at + self.every / 1000 if self.held_at is not None and self.every else None

    def overdue(self, now: float) -> bool:
        """Whether it is to be held and was not; `now` in seconds since 1970."""
        return self.every is not None and not self.running and (self.due_at is None or self.due_at < now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    components: tuple[str, ...]
    start: datetime
    end: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    lat: float | None = None
    lon: float | None = None
    civic: Mapping[str, str] = field(default_factory=dict)
    """RFC 5139 element names to their text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    team: str
    email: str = ""
    phone: str = ""
    chat: str = ""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One place people call 911 from, as declared and checked. Not slotted: what follows from it is worked out once."""

    id: str
    name: str
    owner: Owner
    components: Mapping[str, Component]
    emergency_paths: tuple[EmergencyPath, ...]
    """Best first."""
    region: str = ""
    people: int | None = None
    location: Location = Location()
    watched_by: str = "central"
    """The vantage that judges it; monitors of another name are witnesses and tell what their probes see."""
    power_outage: Ms = 0
    """911 must outlive a utility outage by this much; 0 asks for nothing."""
    via: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    accepted_risks: tuple[AcceptedRisk, ...] = ()
    drills: tuple[Drill, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    alerting: Gate = NOTHING
    """What the alerts about this site travel over."""
    together: tuple[Together, ...] | None = None
    """What its record shows to keep failing together; None where nobody has looked yet."""

    @cached_property
    def utilities(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.components.values() if c.kind is Kind.UTILITY)

    @cached_property
    def areas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(area for path in self.emergency_paths for area in path.serves))

    def stands_on(self, name: str) -> frozenset[str]:
        """`name` and all that it needs and is fed by, however far away."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(self.inputs(one))
        return frozenset(found)

    def inputs(self, name: str) -> tuple[str, ...]:
        """What `name` needs and is fed by, directly, each once."""
        component = self.components[name]
        return tuple(dict.fromkeys((*names_in(component.needs), *(component.power or ()))))

    @cached_property
    def probes(self) -> tuple[ProbeSpec, ...]:
        return tuple(probe for component in self.components.values() for probe in component.probes)

    @cached_property
    def by_kind(self) -> Mapping[Kind, tuple[Component, ...]]:
        """The components of each kind, every kind with its entry."""
        found: dict[Kind, tuple[Component, ...]] = dict.fromkeys(Kind, ())
        for component in self.components.values():
            found[component.kind] += (component,)
        return found

    def once(self, make: Callable[["Site"], T]) -> T:
        """What `make` works out of this declaration: worked out once, and gone with the site."""
        made: dict[Callable[[Site], T], T] = self._made
        if make not in made:
            made[make] = make(self)
        return made[make]

    @cached_property
    def _made(self) -> dict[Any, Any]:
        return {}
