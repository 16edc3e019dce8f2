"""Monitor: whether the watch itself is fit."""

from panels import (
    GREEN,
    MAY_BE_EMPTY,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    TO_SITE,
    Json,
    column,
    dashboard,
    mapped,
    merged,
    query,
    rows,
    stat,
    steps,
    table,
    timeline,
    timeseries,
    value,
)

LATE = (
    "(time() - max by (site, component, probe, type) (resilience_probe_last_success_timestamp_seconds))"
    " / max by (site, component, probe, type) (resilience_probe_interval_seconds)"
)
DURATION = "max by (site, component, probe, type, vantage) (resilience_probe_duration_seconds)"


def heads() -> list[Json]:
    return [
        stat(
            "Monitors",
            "count(group by (instance) (resilience_sites)) or vector(0)",
            at=(0, 0, 4, 4),
            description="Monitors that answer.",
            empty="0",
            thresholds=steps((None, RED), (1, GREEN)),
        ),
        stat(
            "Sites watched",
            "count(group by (site) (resilience_site_info)) or vector(0)",
            at=(4, 0, 4, 4),
            description="Sites of which there is a valid file.",
            empty="0",
        ),
        stat(
            "Not judged",
            "count(group by (site) (resilience_site_info) unless on (site) group by (site) "
            '(resilience_emergency_calling_up{bound="assured"})) or vector(0)',
            at=(8, 0, 4, 4),
            description="Sites of which no monitor says anything: a first round is not over, or never ends.",
            empty="0",
            thresholds=NONE_IS_GOOD,
        ),
        stat(
            "Wrong files",
            "count(min by (site) (resilience_site_file_valid) == 0) or vector(0)",
            at=(12, 0, 4, 4),
            description="Sites whose file is wrong, so that an older version is in force.",
            empty="0",
            thresholds=NONE_IS_GOOD,
        ),
        stat(
            "Probes that read nothing",
            "count(max by (site, component, probe, type) (resilience_probe_success) == 0) or vector(0)",
            at=(16, 0, 4, 4),
            description="Probes that no monitor reads now.",
            empty="0",
            thresholds=steps((None, GREEN), (1, ORANGE)),
        ),
        stat(
            "Last reload",
            "min(resilience_config_last_reload_successful)",
            at=(20, 0, 4, 4),
            description="Whether the last reading of the site files found nothing wrong.",
            empty="not told",
            mappings=mapped({0: value("failed", RED), 1: value("good", GREEN)}),
            thresholds=steps((None, RED), (1, GREEN)),
        ),
    ]


def build() -> Json:
    by_instance = {"legend": "{{instance}}"}
    return dashboard(
        "monitor",
        "Resilience: monitor",
        [
            *heads(),
            timeline(
                "Fit to judge",
                [
                    query(
                        "sum by (instance) (resilience_monitor_impaired) or 0 * group by (instance) (resilience_sites)",
                        **by_instance,
                    )
                ],
                at=(0, 4, 12, 5),
                description="While a monitor is impaired, failures count as unknown.",
                empty="No monitor answers",
                mappings=mapped({0: value("fit", GREEN), 1: value("impaired", RED), 2: value("impaired", RED)}),
            ),
            timeseries(
                "Event loop lag",
                [query("max by (instance) (resilience_monitor_loop_lag_seconds)", **by_instance)],
                at=(12, 4, 12, 5),
                description="How late the monitor's event loop was.",
                empty="No monitor answers",
                unit="s",
                min=0,
            ),
            timeseries(
                "Failed readings by reason",
                [
                    query(
                        "sum by (reason) (rate(resilience_probe_failures_total[$__rate_interval])) * 60",
                        legend="{{reason}}",
                    )
                ],
                at=(0, 9, 12, 8),
                description=f"{MAY_BE_EMPTY} where no reading has failed. Failures a minute.",
                empty="No reading has failed",
                min=0,
            ),
            timeseries(
                "How long probes take",
                [
                    query(f"quantile by (type) (0.5, {DURATION})", legend="{{type}} median", ref="A"),
                    query(f"max by (type) ({DURATION})", legend="{{type}} longest", ref="B"),
                ],
                at=(12, 9, 12, 8),
                description="By probe type.",
                empty="No probe has run",
                unit="s",
                min=0,
            ),
            table(
                "Probes that fail now, and why",
                rows("group by (site, component, probe, type, vantage, reason) (resilience_probe_failure)"),
                at=(0, 17, 12, 10),
                description=f"{MAY_BE_EMPTY} where every probe reads what it came for.",
                empty="Every probe reads what it came for",
                transformations=merged(
                    {
                        "site": "Site",
                        "component": "Component",
                        "probe": "Probe",
                        "type": "Type",
                        "reason": "Reason",
                        "vantage": "From",
                    },
                    hidden=("Value",),
                ),
                overrides=[column("Site", links=TO_SITE)],
            ),
            table(
                "Longest without a reading",
                rows(f"topk(20, {LATE})"),
                at=(12, 17, 12, 10),
                description="In intervals of the probe; over 3 a reading no longer counts.",
                empty="No probe has run",
                transformations=merged(
                    {
                        "site": "Site",
                        "component": "Component",
                        "probe": "Probe",
                        "type": "Type",
                        "Value": "Intervals",
                    }
                ),
                sort=("Intervals", True),
                overrides=[
                    column("Site", links=TO_SITE),
                    column(
                        "Intervals",
                        decimals=1,
                        thresholds=steps((None, GREEN), (2, ORANGE), (3, RED)),
                        custom__cellOptions={"type": "color-text"},
                    ),
                ],
            ),
            timeseries(
                "CPU",
                [
                    query(
                        "sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval])"
                        " and on (instance) resilience_sites)",
                        **by_instance,
                    )
                ],
                at=(0, 27, 8, 7),
                description="Seconds of one core a second.",
                empty="No monitor answers",
                min=0,
            ),
            timeseries(
                "Memory",
                [
                    query(
                        "max by (instance) (process_resident_memory_bytes and on (instance) resilience_sites)",
                        **by_instance,
                    )
                ],
                at=(8, 27, 8, 7),
                description="Resident.",
                empty="No monitor answers",
                unit="bytes",
                min=0,
            ),
            timeseries(
                "Rounds that overran",
                [
                    query(
                        "sum by (instance) (rate(resilience_cycle_overruns_total[$__rate_interval])) * 60",
                        **by_instance,
                    )
                ],
                at=(16, 27, 8, 7),
                description="Probes a minute that were still running when due again.",
                empty="No monitor answers",
                min=0,
            ),
        ],
        description="Whether the watch itself is fit: what is not judged, not read, late or failing, and why.",
    )
