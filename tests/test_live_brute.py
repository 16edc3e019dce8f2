"""The live basis against the same law written a second time, over random sites and random readings."""

from hypothesis import given, settings
from hypothesis import strategies as st

from brute_live import BruteLive
from history import History
from live_sites import live_sites, readings_of
from resilience.assess import SiteState, assess_live
from resilience.model import Site
from resilience.survival import live_basis

T0 = 1_790_000_000.0


@settings(max_examples=150, deadline=None)
@given(live_sites(), st.sampled_from([0.0, 60.0, 120.0, 180.0, 300.0]), st.data())
def test_live_lives_are_those_of_the_law_written_twice(declared: Site, age: float, data: st.DataObject) -> None:
    readings = {c.name: data.draw(readings_of(c)) for c in declared.components.values() if c.probes}
    history = History(declared)
    history.read(T0, readings)
    live = live_basis(declared, history.memory, T0 + age)
    brute = BruteLive(declared, readings, age)
    assert {name: status.state for name, status in live.statuses.items() if name not in live.concluded.proven} == {
        name: brute.state(name) for name in declared.components if name not in live.concluded.proven
    }
    assessment = assess_live(live, T0 + age)
    for survival, failed in zip(assessment.survival, (frozenset[str](), frozenset(declared.utilities)), strict=False):
        assert (survival.low, survival.high) == brute.lives(failed)
        assert survival.low <= survival.high
    if assessment.survival[0].low == 0:
        assert assessment.state not in (SiteState.PROTECTED, SiteState.AT_RISK), "what 911 needs is not known to work"
