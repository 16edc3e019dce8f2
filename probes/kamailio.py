"""The probe `kamailio`: what a Kamailio says of its registrations (`uac.reg_dump`) and of the destinations that its
module dispatcher sends calls to (`dispatcher.list`), by JSON-RPC.

The dump carries passwords and HA1 hashes in clear; three members of each record are taken and the rest is let go.
Read-only: no `uac.reg_refresh`, `reg_enable` or any other command is ever sent.
"""

import time
from typing import Any

from probes.declared.kamailio import Kamailio
from probes.jsonrpc import list_of, read, text_of
from probes.management import not_protocol
from probes.pbx import Trunk
from resilience.probing import Run
from resilience.reading import Reading, State

DISABLED = 1  # src/modules/uac/uac_reg.c, UAC_REG_*
ONLINE = 4


async def probe(settings: Kamailio, run: Run) -> Reading:
    wanted = settings.dispatcher or 0
    return await read(
        settings,
        run,
        ("uac.reg_dump", lambda dump: registrations(dump, time.time())),
        ("dispatcher.list", lambda listed: destinations(listed, wanted)),
    )


def registrations(dump: Any, now: float) -> tuple[Trunk, ...]:
    """The registrations in a result of `uac.reg_dump` by name, as of `now` (Unix time); Unread where it is none."""
    records = [dump] if isinstance(dump, dict) else dump
    if not isinstance(records, list):
        raise not_protocol("a dump that is not a list of registrations")
    found = sorted((_registration(record, now) for record in records), key=lambda trunk: trunk.name)
    if len({trunk.name for trunk in found}) < len(found):
        raise not_protocol("a dump that names one registration twice")
    return tuple(found)


def _registration(record: Any, now: float) -> Trunk:
    name = text_of(record, "l_uuid", "a registration")
    flags, left = record.get("flags"), record.get("diff_expires")
    if type(flags) is not int or type(left) is not int or abs(left) >= 2**32:
        raise not_protocol(f"registration {name}: flags or diff_expires is not a number")
    disabled, online = bool(flags & DISABLED), bool(flags & ONLINE)
    valid = online and not disabled and left > 0
    why = "disabled" if disabled else "ran out" if online else "not registered"
    return Trunk(
        name=name,
        state=State.UP if valid else State.DOWN,
        why="" if valid else why,
        registered=valid,
        expires=now + left if online else None,  # else diff_expires counts to the next attempt
        counted=not disabled,
        source="uac.reg_dump",
    )


FLAGS = {
    "AP": (State.UP, "", True),
    "TP": (State.DEGRADED, "has begun to fail Kamailio's OPTIONS", True),
    "TX": (State.DEGRADED, "has begun to fail", True),
    "TN": (State.DEGRADED, "has begun to fail", True),
    "IP": (State.DOWN, "does not answer Kamailio's OPTIONS", False),
    "IX": (State.DOWN, "inactive", False),
    "IN": (State.DOWN, "inactive", False),
    "AX": (State.UNKNOWN, "active, but never asked", None),
    "AN": (State.UNKNOWN, "active, but never asked", None),
}
"""State, why, whether it answers: active, trying, inactive; probed or not (src/modules/dispatcher, ds_print_list)."""


def destinations(listed: Any, wanted: int) -> tuple[Trunk, ...]:
    """The destinations of one set in a result of `dispatcher.list`; those that are disabled are left out."""
    sets = [record.get("SET") for record in list_of(listed, "RECORDS") if isinstance(record, dict)]
    found = next((one for one in sets if isinstance(one, dict) and one.get("ID") == wanted), None)
    if found is None:
        return (Trunk(name=f"set {wanted}", state=State.DOWN, why="Kamailio has no such set"),)
    targets = [target.get("DEST") for target in list_of(found, "TARGETS") if isinstance(target, dict)]
    return tuple(trunk for trunk in map(_destination, targets) if trunk.counted)


def _destination(record: Any) -> Trunk:
    uri, flags = text_of(record, "URI", "a destination"), text_of(record, "FLAGS", "a destination")
    state, why, reachable = FLAGS.get(flags, (State.UNKNOWN, f"its flags {flags} are not known here", None))
    return Trunk(name=uri, state=state, why=why, reachable=reachable, counted=flags[0] != "D", source="dispatcher.list")
