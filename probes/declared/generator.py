"""The `generator` probe as a site file declares it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from probes.declared.generator_profile import Profile, profile
from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.fields import Field
from resilience.probing import Later, ProbeType

MODBUS_PORT = 502
SNMP_PORT = 161


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator(Access):
    """`port` 0 is the protocol's own. The keys of SNMP are of use with a profile that is read by SNMP."""

    port: int = 0
    profile: Profile = field(default_factory=lambda: Profile(title=""))
    unit: int = 1
    battery: str = ""


def _check(settings: Generator) -> str | None:
    if settings.profile.protocol == "snmp":
        return check_access(settings)
    if settings.community or settings.user or settings.auth or settings.priv:
        return f"the profile '{settings.profile.title}' is read by Modbus, which has no credentials"
    return None


_OF_SNMP: Mapping[str, Field[Any]] = {key: known for key, known in ACCESS_FIELDS.items() if key not in ("host", "port")}

GENERATOR = ProbeType(
    name="generator",
    settings=Generator,
    fields={
        "host": fields.required(fields.host(), "the controller's name or address, or its gateway's"),
        "port": fields.described(fields.port(), "its port; 502 for Modbus TCP, 161 for SNMP"),
        "profile": fields.required(profile(), "the controller's register map: a shipped one's name, or {file: PATH}"),
        "unit": fields.described(fields.integer(0, 255), "Modbus unit behind the address; 1"),
        "battery": fields.described(fields.choice("12", "24"), "volts of its starter's battery"),
        **_OF_SNMP,
    },
    probe=Later("probes.generator:probe"),
    check=_check,
    confirm=30_000,  # a cranking engine pulls its battery under every limit for as long
)
