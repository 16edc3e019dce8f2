"""The monitor's metrics about itself, in a registry of its own, with those of the process."""

import time
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from resilience import __version__
from resilience.fitness import Fitness

# Names are a contract, and the `_created` gauges beside counters are none of it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Written(Protocol):
    """What writes the monitor's record."""

    @property
    def fault(self) -> str: ...

    @property
    def waiting(self) -> int: ...

    @property
    def dropped(self) -> int: ...


class Instruments:
    """Counters and gauges of one monitor; `written` is what keeps its record, where anything does."""

    def __init__(self, fitness: Fitness, written: Written | None = None) -> None:
        self.registry = CollectorRegistry()
        self.failures = Counter(
            "resilience_probe_failures", "Failed readings.", ["type", "reason"], registry=self.registry
        )
        self.overruns = Counter(
            "resilience_cycle_overruns", "Probes still running when due again.", registry=self.registry
        )
        self.notifications = Counter(
            "resilience_notifications", "Messages to people.", ["channel", "outcome"], registry=self.registry
        )
        self.heartbeats = Counter(
            "resilience_heartbeats", "Heartbeats to the watcher elsewhere.", ["outcome"], registry=self.registry
        )
        self.sites = Gauge("resilience_sites", "Sites under watch.", registry=self.registry)
        self.reloaded = Gauge(
            "resilience_config_last_reload_successful",
            "1 where the last reading of the site files found nothing wrong.",
            registry=self.registry,
        )
        build = Gauge("resilience_build_info", "The running version.", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self.registry.register(_FitnessCollector(fitness))
        self.registry.register(_StoreCollector(written))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def text(self) -> str:
        """The exposition text of all of them."""
        return generate_latest(self.registry).decode()


class _StoreCollector(Collector):
    """Without a store there is nothing to say of it."""

    def __init__(self, written: Written | None) -> None:
        self._written = written

    def collect(self) -> list[Metric]:
        up = GaugeMetricFamily("resilience_store_up", "1 while the database takes what is written.")
        waiting = GaugeMetricFamily("resilience_store_waiting_rows", "Rows that are not written yet.")
        dropped = CounterMetricFamily("resilience_store_dropped_rows", "Rows that were never written.")
        if self._written is not None:
            up.add_metric([], not self._written.fault)
            waiting.add_metric([], self._written.waiting)
            dropped.add_metric([], self._written.dropped)
        return [up, waiting, dropped]


class _FitnessCollector(Collector):
    def __init__(self, fitness: Fitness) -> None:
        self._fitness = fitness

    def collect(self) -> list[GaugeMetricFamily]:
        impaired = GaugeMetricFamily(
            "resilience_monitor_impaired", "1 for each reason why the monitor is not fit to judge.", labels=["reason"]
        )
        for reason in sorted(self._fitness.reasons(time.monotonic())):
            impaired.add_metric([reason], 1)
        lag = GaugeMetricFamily("resilience_monitor_loop_lag_seconds", "How late the event loop was.")
        lag.add_metric([], self._fitness.lag)
        return [impaired, lag]
