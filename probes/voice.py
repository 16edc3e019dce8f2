"""How a call would sound on a way whose delay, jitter and loss are known: the E-model of ITU-T G.107, reduced.

Everything that is not transmission has its default value (no echo, no background noise, G.711 with concealment), so
this is an estimate for comparing ways, and of a round trip: half of it is taken for each direction.
"""

PERFECT = 93.2
"""R with every default of G.107: what is left of 100 by noise alone."""
PACKET = 0.020
"""Seconds of speech in a packet, which wait to be sent."""
JITTER_BUFFER = 2.0
"""Depth of the far end's buffer in mean differences of transit: what an adaptive one settles at."""
LOSS_ROBUSTNESS = 25.1
"""Bpl of G.711 with packet loss concealment, percent (G.113 Appendix I); its equipment impairment Ie is 0."""
LATE = 177.3
"""Milliseconds one way from which people begin to talk at once (G.107 reduced, after Cole and Rosenbluth)."""


def rating(rtt: float, jitter: float, loss: float) -> float:
    """R, 0 to 93.2, from a round trip and a jitter in seconds and a share of packets lost at random."""
    delay = (rtt / 2 + JITTER_BUFFER * jitter + PACKET) * 1000
    delay_impairment = 0.024 * delay + 0.11 * max(0.0, delay - LATE)
    percent = loss * 100
    loss_impairment = 95 * percent / (percent + LOSS_ROBUSTNESS)
    return min(PERFECT, max(0.0, PERFECT - delay_impairment - loss_impairment))


def mos(rating: float) -> float:
    """The mean opinion score of a rating, 1 (bad) to 4.5 (G.107 Annex B)."""
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    # The cubic dips below 1 for the lowest ratings.
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
