"""What the probes that read a SIP proxy by JSON-RPC have in their declarations."""

from dataclasses import dataclass

from probes.declared.management import Management
from resilience.fields import described, integer, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc(Management):
    """`dispatcher` is a set of the module dispatcher, None where none is watched."""

    path: str
    registration: str = ""
    dispatcher: int | None = None


PATH = text(pattern=r"/[!-~]{0,200}", wanted="a path, such as /RPC")
DISPATCHER = described(
    integer(0, 2**31 - 1), "the set of the module dispatcher to watch; without registration, it alone"
)
