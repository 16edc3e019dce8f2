"""What people record beside the files: checks of components and planned work. Pure.

A recorded check takes the place of the one in the file; recorded work stands beside the file's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from resilience.model import Attestation, Maintenance, Site

KINDS = ("check", "test-call", "drill")
"""What a check was. A call that was made, or a fault that was really caused, proves more than a look does."""


@dataclass(frozen=True, slots=True)
class Records:
    """Of one site: the newest check of each component, and planned work that is not over."""

    checks: Mapping[str, Attestation] = field(default_factory=dict)
    work: tuple[Maintenance, ...] = ()


NONE = Records()


def recorded(declared: Site, records: Records) -> Site:
    """`declared` with what was recorded; the same object where that is nothing."""
    checks = {name: check for name, check in records.checks.items() if name in declared.components}
    work = tuple(
        replace(planned, components=known)
        for planned in records.work
        if (known := tuple(name for name in planned.components if name in declared.components))
    )
    if not checks and not work:
        return declared
    components = {
        name: replace(component, attest=checks[name]) if name in checks else component
        for name, component in declared.components.items()
    }
    return replace(declared, components=components, maintenance=(*declared.maintenance, *work))


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
