"""The catalogue: every quantity a probe may observe and every metric the monitor exports.

A quantity is exported as `resilience_` + its name. `worst` says which of several credible readings of one
component is the pessimistic one. Names are a contract with other people's dashboards.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """One observable quantity. `label` is the label its target is exported under, if it has one."""

    name: str
    help: str
    worst: str = ""
    """`min` or `max`; empty where the latest counts."""
    label: str = ""
    text_label: str = ""
    """The label that carries the observation's text, for `_info` metrics."""


_QUANTITIES = (
    Quantity("ups_runtime_seconds", "Credible battery runtime the UPS reports at its present load.", "min"),
    Quantity("ups_runtime_low_seconds", "Runtime at which the UPS is configured to shut its load down.", "max"),
    Quantity("ups_charge_ratio", "Battery charge.", "min"),
    Quantity("ups_load_ratio", "Load as a share of the rating.", "max"),
    Quantity("ups_on_battery", "1 while the UPS carries its load from the battery because no feed does.", "max"),
    Quantity("ups_replace_battery", "1 while the UPS asks for a new battery.", "max"),
    Quantity("ups_low_battery", "1 while the UPS reports its battery as low.", "max"),
    Quantity("ups_testing", "1 during a battery test or calibration, which is no outage.", "max"),
    Quantity(
        "ups_unprotected", "1 where the battery would not carry the load: bypass, replace flag, failed test.", "max"
    ),
    Quantity(
        "ups_runtime_credible", "0 where a reported runtime is not believed; absent where none is reported.", "min"
    ),
    Quantity("generator_auto", "1 while the generator's controller is in automatic.", "min"),
    Quantity("generator_running", "1 while the engine runs.", "min"),
    Quantity("generator_failed", "1 while the controller reports failed to start or a shutdown alarm.", "max"),
    Quantity("generator_fuel_ratio", "Fuel level.", "min"),
    Quantity("ats_auto", "1 while the transfer switch is in automatic.", "min"),
    Quantity("ats_source_info", "The feed the transfer switch is on.", text_label="source"),
    Quantity("wan_rtt_seconds", "Median round-trip time over the window.", "max", label="target"),
    Quantity("wan_loss_ratio", "Echo requests without a reply over the window.", "max", label="target"),
    Quantity(
        "wan_jitter_seconds", "Mean difference of successive round-trip times (RFC 3550 style).", "max", label="target"
    ),
    Quantity("trunk_up", "1 where the SIP target answers as a working one.", "min", label="target"),
    Quantity("trunk_rtt_seconds", "Time from the request to its final response.", "max", label="target"),
    Quantity("trunk_response_code", "SIP status code of the final response.", "max", label="target"),
    Quantity("trunk_registered", "1 while the PBX reports the registration as valid.", "min", label="registration"),
    Quantity(
        "trunk_registration_expiry_timestamp_seconds",
        "When the registration runs out.",
        "min",
        label="registration",
    ),
    Quantity(
        "tls_certificate_expiry_timestamp_seconds",
        "notAfter of the certificate the target presents.",
        "min",
        label="target",
    ),
    Quantity("line_in_service", "1 while the fallback line is in service.", "min"),
    Quantity("cellular_rsrp_dbm", "LTE reference signal received power.", "min"),
)

QUANTITIES = {quantity.name: quantity for quantity in _QUANTITIES}
