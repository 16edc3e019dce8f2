"""The reduced E-model against the bands that G.107 and G.109 print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import voice


@pytest.mark.parametrize(
    ("rating", "mos"), [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1)]
)
def test_scores_are_those_of_g_109(rating: float, mos: float) -> None:
    assert voice.mos(rating) == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(
    ("rtt", "jitter", "loss", "rating"),
    [
        (0.0, 0.0, 0.0, 93.2 - 0.48),
        (0.100, 0.010, 0.0, 93.2 - 0.024 * 90),
        (0.600, 0.0, 0.0, 93.2 - 0.024 * 320 - 0.11 * (320 - 177.3)),
        (0.0, 0.0, 0.01, 93.2 - 0.48 - 95 / 26.1),
        (9.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 1.0, 93.2 - 0.48 - 95 * 100 / 125.1),
    ],
)
def test_ratings(rtt: float, jitter: float, loss: float, rating: float) -> None:
    assert voice.rating(rtt, jitter, loss) == pytest.approx(rating)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 1), st.floats(0, 1))
def test_worse_never_sounds_better(rtt: float, jitter: float, loss: float, more: float) -> None:
    here = voice.rating(rtt, jitter, loss)
    assert 0 <= here <= voice.PERFECT
    for worse in (voice.rating(rtt + more, jitter, loss), voice.rating(rtt, jitter + more, loss)):
        assert worse <= here
        assert 1 <= voice.mos(worse) <= voice.mos(here) + 1e-9 <= 4.5
