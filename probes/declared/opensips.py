"""The `opensips` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.jsonrpc import DISPATCHER, PATH, Rpc
from probes.declared.management import check_management, management_fields
from resilience.fields import described, text
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Opensips(Rpc):
    port: int = 8888
    path: str = "/mi"


OPENSIPS = ProbeType(
    name="opensips",
    settings=Opensips,
    fields={
        **management_fields("OpenSIPS' mi_http", 8888),
        "path": described(PATH, "the path of the management interface (/mi)"),
        "registration": described(
            text(longest=255), "the AOR to watch, as reg_list prints it; without it, every one that is enabled"
        ),
        "dispatcher": DISPATCHER,
    },
    probe=Later("probes.opensips:probe"),
    check=check_management,
)
