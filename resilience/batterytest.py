"""When what a UPS calls a battery test is taken for an outage. Pure; moments and durations in seconds.

A test is no outage, so a UPS that says "on battery, testing" is not on battery. That word can hang: NUT has had a
calibration flag that stayed set until the next real outage and kept upsmon from acting in it
(networkupstools/nut#2168). So a test is believed for as long as one can last, and no longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from resilience.duration import spoken
from resilience.model import ProbeSpec
from resilience.reading import Observation, Reading

LONGEST_TEST = 30 * 60
"""A self-test takes seconds, a deep one minutes. A calibration empties the battery down to its warning level, which
takes as long as the battery lasts: where the UPS told more than this, it has that long."""


@dataclass(frozen=True, slots=True)
class BatteryTest:
    """A test that one probe sees in progress: since when, and for how long it is believed."""

    since: float
    believed: float


Tests = Mapping[tuple[str, str], BatteryTest]
"""By (component, probe)."""


def believed(tests: Tests, spec: ProbeSpec, reading: Reading, at: float) -> tuple[Tests, Reading]:
    """What is to be remembered of tests after `reading`, and the reading with a test that is over its time as an
    outage where the battery does carry the load."""
    if reading.failed:
        return tests, reading
    values = {observation.quantity: observation.value for observation in reading.observations}
    if not values.get("ups_testing"):
        return {key: test for key, test in tests.items() if key != spec.key}, reading
    test = tests.get(spec.key) or BatteryTest(at, max(LONGEST_TEST, values.get("ups_runtime_seconds", 0.0)))
    tests = {**tests, spec.key: test}
    if abs(at - test.since) <= test.believed or not values.get("ups_discharging"):
        return tests, reading
    why = f"on battery: the battery test it tells of has lasted {spoken(abs(at - test.since) * 1000)}"
    told = (_outage(observation, why) for observation in reading.observations)
    return tests, replace(reading, text=why, observations=tuple(told))


def _outage(observation: Observation, why: str) -> Observation:
    if observation.quantity == "ups_on_battery":
        return replace(observation, value=1.0, text=why)
    return replace(observation, value=0.0) if observation.quantity == "ups_testing" else observation
