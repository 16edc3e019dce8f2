"""The alert's own road: which single failures take out 911 and the alert about it. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from resilience.duration import Ms
from resilience.model import NOTHING, Component, Kind
from resilience.steps import Batch, Bound
from resilience.structure import Structure

ROAD = "the road of alerts"
"""Stands among the components under a name that no file can give."""
DELIVERY: Ms = 120_000
"""ms that the road must outlast 911 by: until the loss is seen, confirmed and told."""


def alerts_lost(structure: Structure, bound: Bound, losses: Iterable[tuple[str, Ms]]) -> frozenset[str]:
    """The components of `losses` (component, ms from its failure to the loss of 911) without which nobody is told.

    The site says what its alerts travel over; where it does not, nothing can be said.
    """
    site, losses = structure.site, list(losses)
    if site.alerting == NOTHING or not losses:
        return frozenset()
    road = Component(name=ROAD, kind=Kind.SERVICE, needs=site.alerting)
    wider = Structure(
        replace(site, components={**site.components, ROAD: road}), lost=structure.lost, feeds=structure.feeds
    )
    course = wider.evaluate(bound, Batch.of(*((name,) for name, _ in losses))).components[ROAD]
    lost = set()
    for bit, (name, loss) in enumerate(losses):
        on = [mask for moment, mask in course if moment < loss + DELIVERY]
        if not on[-1] >> bit & 1:
            lost.add(name)
    return frozenset(lost)
