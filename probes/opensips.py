"""The probe `opensips`: what an OpenSIPS says of its registrations (`reg_list` of uac_registrant) and of the
destinations that its dispatcher sends calls to (`ds_list`), by JSON-RPC over mi_http. Read-only.
"""

from typing import Any

from probes.declared.opensips import Opensips
from probes.jsonrpc import list_of, read, text_of
from probes.management import not_protocol
from probes.pbx import Trunk
from resilience.probing import Run
from resilience.reading import Reading, State

REGISTRATION = {
    "NOT_REGISTERED": (State.DOWN, "not registered"),
    "REGISTERING": (State.UNKNOWN, "is registering"),
    "AUTHENTICATING": (State.UNKNOWN, "is registering"),
    "REGISTERED": (State.UP, ""),
    "REGISTER_TIMEOUT": (State.DOWN, "the registrar does not answer"),
    "INTERNAL_ERROR": (State.DOWN, "OpenSIPS could not register"),
    "WRONG_CREDENTIALS": (State.DOWN, "the registrar refuses its password"),
    "REGISTRAR_ERROR": (State.DOWN, "the registrar refuses it"),
    "UNREGISTERING": (State.DOWN, "unregistering"),
    "AUTHENTICATING_UNREGISTER": (State.DOWN, "unregistering"),
}
"""uac_reg_state in modules/uac_registrant, without the `_STATE` that follows each."""
DESTINATION = {
    "Active": (State.UP, "", True),
    "Probing": (State.DEGRADED, "has begun to fail OpenSIPS' OPTIONS", True),
    "Inactive": (State.DOWN, "does not answer OpenSIPS", False),
}
"""ds_print_mi_list in modules/dispatcher."""


async def probe(settings: Opensips, run: Run) -> Reading:
    wanted = settings.dispatcher or 0
    return await read(
        settings,
        run,
        ("reg_list", registrations),
        ("ds_list", lambda listed: destinations(listed, wanted)),
    )


def registrations(listed: Any) -> tuple[Trunk, ...]:
    """The registrations in a result of `reg_list`; Unread where it is none.

    When one runs out is told as local time without a zone, and is not read. Two of one AOR at two registrars are
    told apart by the registrar.
    """
    records = list_of(listed, "Records")
    names = [text_of(record, "AOR", "a registration") for record in records]
    found = []
    for name, record in zip(names, records, strict=True):
        own = name if names.count(name) == 1 else f"{name} at {text_of(record, 'registrar', 'a registration')}"
        found.append(_registration(own, record))
    if len({trunk.name for trunk in found}) < len(found):
        raise not_protocol("a list that names one registration twice")
    return tuple(sorted(found, key=lambda trunk: trunk.name))


def _registration(name: str, record: Any) -> Trunk:
    said = text_of(record, "state", f"registration {name}")
    state, why = REGISTRATION.get(
        said.removesuffix("_STATE"), (State.UNKNOWN, f"its state {said[:40]!a} is not known here")
    )
    registered = None if state is State.UNKNOWN else state is State.UP
    counted = str(record.get("enabled", "yes")).lower() not in ("no", "0", "false")
    return Trunk(name=name, state=state, why=why, registered=registered, counted=counted, source="reg_list")


def destinations(listed: Any, wanted: int) -> tuple[Trunk, ...]:
    """The destinations of one set in a result of `ds_list`, whatever its partition."""
    for partition in list_of(listed, "PARTITIONS"):
        for one in list_of(partition, "SETS") if isinstance(partition, dict) and "SETS" in partition else []:
            if isinstance(one, dict) and one.get("id") == wanted:
                return tuple(map(_destination, list_of(one, "Destinations")))
    return (Trunk(name=f"set {wanted}", state=State.DOWN, why="OpenSIPS has no such set"),)


def _destination(record: Any) -> Trunk:
    uri, said = text_of(record, "URI", "a destination"), text_of(record, "state", "a destination")
    state, why, reachable = DESTINATION.get(said, (State.UNKNOWN, f"its state {said[:40]!a} is not known here", None))
    return Trunk(name=uri, state=state, why=why, reachable=reachable, source="ds_list")
