"""Every UPS family that `snmp-ups` reads, by name: one `Family` a vendor MIB, each a table of rows.

What may live here: the list and its order. The rows are in `probes.ups_mib` (their shape, and RFC 1628) and the
`ups_mib_` modules beside it, one a group of makers. A new family is a new `Family` there and a name here.

Left out, because no public record shows its objects on a device: Bestpower, Delta's MIB below 2254.2.5, Riello's own
(its cards speak RFC 1628), Tripp Lite's older tree 850.100 (so do they).
"""

from probes.ups_mib import RFC_1628
from probes.ups_mib_apc_eaton import APC, DELL, HPE, MGE, XUPS
from probes.ups_mib_others import (
    ALPHA,
    CET,
    CYBERPOWER,
    DELTA,
    ELTEK,
    EPPC,
    HUAWEI,
    SINETICA,
    SOCOMEC,
    SOCOMEC_7,
    TRIPP_LITE,
    USHA,
    XPPC,
)
from probes.ups_mib_vertiv import DCS, ITA2, LIEBERT_FLEXIBLE, LIEBERT_GP

FAMILIES = {
    family.name: family
    for family in (
        APC,
        MGE,
        XUPS,
        CYBERPOWER,
        LIEBERT_GP,
        LIEBERT_FLEXIBLE,
        ITA2,
        DCS,
        DELTA,
        TRIPP_LITE,
        SOCOMEC_7,
        SOCOMEC,
        EPPC,
        XPPC,
        DELL,
        HPE,
        HUAWEI,
        USHA,
        SINETICA,
        ALPHA,
        ELTEK,
        CET,
        RFC_1628,
    )
}
"""In the order they are believed where sysObjectID says nothing: a vendor's own MIB before the common one."""
