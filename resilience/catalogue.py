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
    Quantity("ups_discharging", "1 while the battery carries the load, in a battery test as well.", "max"),
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
    Quantity("generator_on_load", "1 while the generator carries the load.", "min"),
    Quantity("generator_start_battery_volts", "Voltage of the battery that starts the engine.", "min"),
    Quantity("generator_last_exercise_timestamp_seconds", "When the engine last ran, as its controller tells.", "min"),
    Quantity("ats_auto", "1 while the transfer switch is in automatic.", "min"),
    Quantity("ats_redundant", "1 while each input of the transfer switch could carry the load.", "min"),
    Quantity("ats_source_info", "The feed the transfer switch is on.", text_label="source"),
    Quantity("wan_rtt_seconds", "Median round-trip time over the window.", "max", label="target"),
    Quantity("wan_loss_ratio", "Echo requests without a reply over the window.", "max", label="target"),
    Quantity(
        "wan_jitter_seconds", "Mean difference of successive round-trip times (RFC 3550 style).", "max", label="target"
    ),
    Quantity(
        "wan_mos", "Estimated quality of a call, 1 bad to 4.5, by the E-model (ITU-T G.107).", "min", label="target"
    ),
    Quantity(
        "interface_utilization_ratio",
        "Traffic since the last reading as a share of the declared capacity, else of the line's speed.",
        "max",
        label="target",
    ),
    Quantity("egress_expected", "1 where the target saw the probe leave by the declared way.", "min", label="target"),
    Quantity("bgp_established", "1 while the BGP session with the peer is established.", "min", label="target"),
    Quantity("response_seconds", "Time from the question to the answer.", "max", label="target"),
    Quantity("trunk_up", "1 where the SIP target answers as a working one.", "min", label="target"),
    Quantity("trunk_rtt_seconds", "Time from the request to its final response.", "max", label="target"),
    Quantity("trunk_response_code", "SIP status code of the final response.", "max", label="target"),
    Quantity("trunk_registered", "1 while the PBX reports the registration as valid.", "min", label="registration"),
    Quantity("trunk_bound", "1 while the registrar lists a binding of the PBX.", "min", label="registration"),
    Quantity(
        "trunk_registration_expiry_timestamp_seconds",
        "When the registration runs out.",
        "min",
        label="registration",
    ),
    Quantity("trunk_calls", "Calls that the trunk or its PBX carries now, as the PBX tells.", "max"),
    Quantity("trunk_calls_ratio", "Those calls as a share of what it admits.", "max"),
    Quantity(
        "tls_certificate_expiry_timestamp_seconds",
        "notAfter of the certificate the target presents.",
        "min",
        label="target",
    ),
    Quantity("wan_first_hop_info", "The first public router on the way out.", text_label="address"),
    Quantity("wan_public_address_info", "The public address that the far end sees.", text_label="address"),
    Quantity("wan_as_info", "The autonomous system of that address.", text_label="as"),
    Quantity("trunk_address_info", "The address that the trunk's name leads to.", text_label="address"),
    Quantity("dns_server_info", "The server that answered.", text_label="address"),
    Quantity("ups_serial_info", "The serial number the UPS tells.", text_label="serial"),
    Quantity("line_in_service", "1 while the fallback line is in service.", "min"),
    Quantity("line_busy", "1 while the line is in use.", "max"),
    Quantity("line_voltage_volts", "Voltage of the line at the gateway's last line test; the sign is its polarity."),
    Quantity("line_current_amperes", "Current of the line at the gateway's last line test."),
    Quantity("cellular_rsrp_dbm", "LTE or 5G reference signal received power.", "min"),
    Quantity("cellular_rsrq_db", "LTE or 5G reference signal received quality.", "min"),
    Quantity("cellular_sinr_db", "Signal to interference and noise ratio; SNR where the modem tells that.", "min"),
    Quantity("cellular_rssi_dbm", "Received signal strength.", "min"),
    Quantity("cellular_registered", "1 while the modem has a network that lets it in.", "min"),
    Quantity("cellular_sim_ready", "1 while the modem has a SIM that it can use.", "min"),
    Quantity("cellular_operator_info", "The network operator that the modem tells.", text_label="operator"),
    Quantity("cellular_technology_info", "The radio technology that the modem tells.", text_label="technology"),
)

QUANTITIES = {quantity.name: quantity for quantity in _QUANTITIES}


METRICS = {
    "site_info": "A watched site, who owns it and where it stands.",
    "site_people": "People at the site, as declared.",
    "site_file_valid": "0 where the site's file is wrong and an older version of it is in force.",
    "emergency_calling_state": "1 for the state the site is in: unavailable, unverified, at_risk, protected.",
    "emergency_calling_up": "Whether 911 can be called, assured (unknown counts as down) and possible (as up).",
    "emergency_path_info": "A way to reach 911, its tier, its rank (1 is best) and what people do.",
    "emergency_path_up": "Whether the path works, assured and possible.",
    "emergency_path_preferred": "1 for the path people should use now.",
    "single_point_of_failure_loss_seconds": "Seconds from this component's failure to the loss of 911.",
    "single_points_of_failure": "Single points of failure that nobody accepted.",
    "margin_failures": "The fewest failures that take 911 out: 0 where it is not assured, 3 for three or more.",
    "cut_sets": "Minimal cut sets by the number of their members.",
    "survival_seconds": "Seconds until 911 is lost in the scenario.",
    "survival_required_seconds": "Seconds that 911 is required to outlive the scenario.",
    "outage_start_timestamp_seconds": "Since when the site is on stored energy.",
    "component_state_code": "0 down, 1 unknown, 2 degraded, 3 up.",
    "shared_component_info": "A component that is one and the same at every site that names it.",
    "evidence_timestamp_seconds": "When the evidence for the component's state is from.",
    "probe_success": "1 where the probe read what it came for.",
    "probe_duration_seconds": "How long the probe's last run took.",
    "probe_last_run_timestamp_seconds": "When the probe last ran.",
    "probe_last_success_timestamp_seconds": "When the probe last read what it came for.",
    "probe_interval_seconds": "How often the probe runs.",
    "probe_failure": "1 with the reason of the probe's last failure, while it fails.",
    "finding": "An open finding; stale=true where nothing has been seen of it since.",
    "maintenance_active": "1 while planned work counts the component as down.",
    "attestation_expiry_timestamp_seconds": "When the last check by a person runs out.",
    "accepted_risk_expiry_timestamp_seconds": "When the acceptance of a risk ends.",
    "drill_active": "1 while the drill is under way.",
    "drill_due_timestamp_seconds": "When the drill is due again; absent where it was never held.",
    "drill_timestamp_seconds": "When the drill was last held and proved something.",
    **{quantity.name: quantity.help for quantity in _QUANTITIES},
}
"""Metrics of a site: name without the prefix `resilience_` to its help."""

PREFIX = "resilience_"
