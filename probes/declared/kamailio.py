"""The `kamailio` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.jsonrpc import DISPATCHER, PATH, Rpc
from probes.declared.management import check_management, management_fields
from resilience.fields import described, text
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Kamailio(Rpc):
    port: int = 8080
    path: str = "/RPC"


KAMAILIO = ProbeType(
    name="kamailio",
    settings=Kamailio,
    fields={
        **management_fields("Kamailio's xhttp, which serves JSON-RPC,", 8080),
        "path": described(PATH, "the path of JSON-RPC (/RPC)"),
        "registration": described(text(longest=255), "the l_uuid to watch; without it, every one that is not disabled"),
        "dispatcher": DISPATCHER,
    },
    probe=Later("probes.kamailio:probe"),
    check=check_management,
)
