"""What people record beside the files: checks of components, planned work, drills. Pure.

A recorded check takes the place of the one in the file; recorded work stands beside the file's; a drill tells when
it was last held and what it measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from resilience.drills.plan import Held
from resilience.drills.record import Running
from resilience.model import Attestation, Drill, Maintenance, Site, Together

KINDS = ("check", "test-call", "drill")
"""What a check was. A call that was made, or a fault that was really caused, proves more than a look does."""


@dataclass(frozen=True, slots=True)
class Records:
    """Of one site: the newest check of each component, planned work that is not over, and its drills."""

    checks: Mapping[str, Attestation] = field(default_factory=dict)
    work: tuple[Maintenance, ...] = ()
    held: tuple[Held, ...] = ()
    """Drills that are over, in the order of their ends."""
    running: Running | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    """Seconds that each UPS was last measured to hold."""
    together: tuple[Together, ...] | None = None
    """What keeps failing together by the record; None where nobody has looked, or there never was anything."""


NONE = Records()


def records_for(site: str, found: Mapping[str, Records]) -> Records:
    return found.get(site, NONE)


def recorded(declared: Site, records: Records) -> Site:
    """`declared` with what was recorded; the same object where that is nothing."""
    checks = {name: check for name, check in records.checks.items() if name in declared.components}
    work = tuple(
        replace(planned, components=known)
        for planned in records.work
        if (known := tuple(name for name in planned.components if name in declared.components))
    )
    drills = tuple(_with_past(drill, records) for drill in declared.drills)
    measured = {name: seconds for name, seconds in records.measured.items() if name in declared.components}
    if not checks and not work and not measured and drills == declared.drills and records.together is None:
        return declared
    components = dict(declared.components)
    for name, check in checks.items():
        components[name] = replace(components[name], attest=check)
    for name, seconds in measured.items():
        components[name] = replace(components[name], measured=round(seconds * 1000))
    work = (*declared.maintenance, *work)
    return replace(declared, components=components, maintenance=work, drills=drills, together=records.together)


def _with_past(drill: Drill, records: Records) -> Drill:
    counted = [held for held in records.held if held.name == drill.name and held.counts]
    running = records.running is not None and records.running.drill.name == drill.name
    if not counted:
        return replace(drill, running=running) if running else drill
    last = counted[-1]
    return replace(drill, held_at=last.at, result=last.verdict.value, surprises=last.surprises, running=running)


def check(at: float, body: Mapping[str, Any]) -> Attestation:
    """The check that the body of an entry of evidence tells of, made at `at` (seconds since 1970)."""
    return Attestation(
        valid=int(body["valid_seconds"] * 1000),
        on=datetime.fromtimestamp(at, UTC).date(),
        at=at,
        by=body["by"],
        method=body["method"],
        passed=body["result"] == "pass",
        exercised=body["kind"] != "check",
    )


def check_body(
    *,
    by: str,
    method: str,
    result: str,
    valid: int,
    kind: str = "check",
    note: str = "",
    file: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The body of such an entry; `valid` in ms, `file` has name, bytes and sha256 of what was kept elsewhere."""
    seconds = valid / 1000
    return {
        "kind": kind,
        "by": by,
        "method": method,
        "result": result,
        "valid_seconds": int(seconds) if seconds.is_integer() else seconds,
        "note": note,
        "file": dict(file) if file else None,
    }
