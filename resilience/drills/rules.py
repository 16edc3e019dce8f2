"""What rules and standards ask, to stand beside what was measured. Facts with their dates; no verdict is ever made.

None of them binds every site. A report shows them as yardsticks and never says that anything complies.
"""

from dataclasses import dataclass

EDITION = "2026-11"
"""When these texts were last held against their sources."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    asks: str
    topic: str
    """What of a report stands beside it: `reach`, `location`, `notice`, `energy`, `diversity`, `generator`, `line`."""


RULES = (
    Rule(
        "47 CFR 9.16(b)(1), 47 USC 623",
        "Users of a multi-line telephone system dial 911 directly, without a prefix (systems since 2020-02-16).",
        "reach",
    ),
    Rule(
        "47 CFR 9.16(b)(2)",
        "A 911 call notifies someone at the facility or on or off the site, without delaying the call, with a valid "
        "callback number and the location that was conveyed, as far as feasible.",
        "notice",
    ),
    Rule(
        "47 CFR 9.16(b)(3), RAY BAUM'S Act section 506",
        "A dispatchable location goes with the call: on-premises fixed devices since 2021-01-06, others since "
        "2022-01-06 as far as feasible.",
        "location",
    ),
    Rule(
        "47 CFR 9.19",
        "Covered 911 service providers (carriers, not sites) certify each year that critical circuits are diverse "
        "and that central offices have backup power.",
        "diversity",
    ),
    Rule(
        "47 CFR 9.20",
        "Providers of residential voice offer backup power for 8 hours, and for 24 hours. It binds no office.",
        "energy",
    ),
    Rule("NFPA 110", "Emergency generators are exercised under load; monthly is the usual practice.", "generator"),
    Rule("NFPA 72", "Lines and cellular paths that alarms depend on are supervised.", "line"),
)
