"""Drills in the database: recorded by the monitor's snapshots, closed as evidence, carried on after a kill."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from exercise import START
from history import BLIND, SILENT, UP, History, probe, ups
from resilience.drills.following import Follower
from resilience.drills.judgement import Verdict, judge
from resilience.drills.record import Action, Entry, Outcome
from resilience.model import Drill, Site, all_of, any_of
from resilience.records import Records, recorded
from resilience.snapshot import take
from resilience.store import drilling, evidence, tables
from resilience.store.database import Store
from resilience.store.drilling import Began, DrillRefused, Happened
from resilience.store.recording import records_of
from resilience.store.upkeep import prune
from test_drills import A_DOWN, CUT_A, WELL, office
from test_store import server, url  # noqa: F401  # fixtures: an empty database of either kind

SITE = office(drills=(replace(CUT_A, every=90 * 86_400_000),))


@pytest.fixture
def store(url: str) -> Iterator[Store]:  # noqa: F811
    opened = Store(url)
    opened.migrate()
    yield opened
    opened.close()


class Monitor:
    """What of the monitor a drill needs: snapshots to a follower, rows to the database."""

    def __init__(self, store: Store, vantage: str = "central", site: Site = SITE) -> None:
        self.store, self.site = store, site
        self.history = History(site)
        self.follower = Follower(
            vantage,
            lambda number, prediction: self._write(Began(number, vantage, prediction)),
            lambda number, entry: self._write(Happened(number, entry, vantage)),
        )

    def _write(self, row: Began | Happened) -> None:
        with self.store.writing() as connection:
            row.write(connection)

    def sees(self, at: float, readings: dict[str, object]) -> None:
        self.history.read(START + at, readings)  # type: ignore[arg-type]
        taken = take(self.site, self.history.memory, START + at)
        self.history.memory = taken.memory
        with self.store.reading() as connection:
            running = records_of(connection, START + at).get(self.site.id, Records()).running
        self.follower.took(taken, running)


def begin(store: Store, at: float = 0.0) -> int:
    with store.writing() as connection:
        return drilling.begin(connection, SITE, SITE.drills[0], by="J. Ortiz", participants=["R. Chen"], at=START + at)


def finish(store: Store, number: int, at: float, outcome: Outcome = Outcome.FINISHED) -> Verdict:
    with store.writing() as connection:
        drilling.end(connection, number, outcome, by="J. Ortiz", reason="", at=START + at)
        return judge(drilling.close(connection, number, at=START + at)).verdict


def held_well(store: Store, at: float = 0.0) -> int:
    monitor = Monitor(store)
    monitor.sees(at - 1, WELL)
    number = begin(store, at)
    monitor.sees(at + 1, WELL)
    monitor.sees(at + 40, A_DOWN)
    monitor.sees(at + 300, WELL)
    assert finish(store, number, at + 400) is Verdict.PASSED
    return number


def test_a_drill_is_recorded_judged_and_put_into_the_chain(store: Store) -> None:
    number = held_well(store)
    with store.reading() as connection:
        record = drilling.load(connection, number)
        (entry,) = evidence.entries(connection, kind=drilling.DRILL)
        assert not [*evidence.broken(evidence.entries(connection), evidence.head(connection))]
        known = records_of(connection, START + 500)[SITE.id]
    assert record.hash == entry.hash
    assert entry.content["verdict"] == "passed"
    assert record.prediction is not None
    assert record.prediction.path == "desk-a"
    assert (judge(record).path, judge(record).verdict) == ("desk-b", Verdict.PASSED)
    assert known.running is None
    (drill,) = recorded(SITE, known).drills
    assert (drill.held_at, drill.result, drill.running) == (START + 400, "passed", False)


def test_one_drill_at_a_time_at_a_site(store: Store) -> None:
    number = begin(store)
    with pytest.raises(DrillRefused, match=rf"drill {number} \(isp-a-cut\) is still running at test"):
        begin(store)
    finish(store, number, 10, Outcome.ABORTED)
    begin(store, 20)


def test_a_drill_that_nobody_ends_makes_no_alert_a_drill_for_ever(store: Store) -> None:
    """After a day it is under way no more; it is still to be ended before another one."""
    number = begin(store)
    with store.reading() as connection:
        assert records_of(connection, START + drilling.LONGEST - 1)[SITE.id].running
        assert SITE.id not in records_of(connection, START + drilling.LONGEST)
    with pytest.raises(DrillRefused, match="still running"):
        begin(store, drilling.LONGEST + 1)
    assert finish(store, number, drilling.LONGEST + 2) is Verdict.VOID


def test_a_drill_that_no_monitor_recorded_is_void(store: Store) -> None:
    number = begin(store)
    assert finish(store, number, 100) is Verdict.VOID
    with pytest.raises(DrillRefused, match="no drill"):
        finish(store, number, 200)


def test_a_monitor_that_is_killed_goes_on_where_it_was(store: Store) -> None:
    """It fell while nobody looked, and came back after the restart: both are recorded, nothing twice."""
    first = Monitor(store)
    first.sees(-1, WELL)
    number = begin(store)
    first.sees(1, WELL)
    second = Monitor(store)
    second.sees(40, A_DOWN | {"ups": WELL["ups"]})
    second.sees(100, A_DOWN | {"ups": WELL["ups"]})
    second.sees(300, WELL)
    assert finish(store, number, 400) is Verdict.PASSED
    with store.reading() as connection:
        record = drilling.load(connection, number)
    falls = [e for e in record.of("state") if e.body["name"] == "isp-a"]
    assert [(e.at - START, e.body["was"], e.body["state"]) for e in falls] == [(40, "up", "down"), (300, "down", "up")]
    assert record.prediction is not None
    assert record.prediction.at == START + 1


def test_two_monitors_of_one_name_record_one_drill(store: Store) -> None:
    pair = [Monitor(store), Monitor(store)]
    for monitor in pair:
        monitor.sees(-1, WELL)
    number = begin(store)
    for at, readings in ((1, WELL), (40, A_DOWN), (300, WELL)):
        for monitor in pair:
            monitor.sees(at, readings)  # type: ignore[arg-type]
    finish(store, number, 400)
    with store.reading() as connection:
        falls = [e for e in drilling.load(connection, number).of("state") if e.body["name"] == "isp-a"]
    assert len(falls) == 2


def test_a_monitor_elsewhere_leaves_it_to_the_first(store: Store) -> None:
    here, elsewhere = Monitor(store), Monitor(store, "west")
    number = begin(store)
    here.sees(1, WELL)
    elsewhere.sees(2, WELL)
    elsewhere.sees(3, A_DOWN | {"ups": WELL["ups"]})
    with store.reading() as connection:
        assert drilling.load(connection, number).entries == ()


def test_a_witness_records_no_drill(store: Store) -> None:
    """It sees the site from elsewhere; and what another monitor saw does not count beside what the first one did."""
    witness = Monitor(store, "west")
    number = begin(store)
    witness.sees(1, WELL)
    with store.reading() as connection:
        assert drilling.load(connection, number).prediction is None
    here = Monitor(store)
    here.sees(2, WELL)
    with store.writing() as connection:
        Happened(number, Entry(START + 3, "state", {"name": "isp-a"}), "west").write(connection)
        assert drilling.load(connection, number).entries == ()


def test_a_file_may_change_while_a_drill_runs(store: Store) -> None:
    """A component is renamed: the old name is seen no more, the new one has no past, and both can be read back."""
    first = Monitor(store)
    first.sees(-1, WELL)
    number = begin(store)
    first.sees(1, WELL)
    components = {"isp-c" if name == "isp-b" else name: one for name, one in SITE.components.items()}
    components["isp-c"] = replace(SITE.components["isp-b"], name="isp-c", probes=probe("isp-c"))
    components["trunk-b"] = replace(SITE.components["trunk-b"], needs=all_of("isp-c"))
    renamed = Monitor(store, site=replace(SITE, components=components))
    well = {("isp-c" if name == "isp-b" else name): reading for name, reading in WELL.items()}
    renamed.sees(20, well)
    renamed.sees(40, well | {"isp-a": SILENT, "trunk-a": SILENT})
    blind = well | {"isp-a": SILENT, "trunk-a": SILENT, "isp-c": BLIND}
    renamed.sees(300, blind)
    renamed.sees(310, blind)
    renamed.sees(600, well)
    assert finish(store, number, 700) is Verdict.PASSED
    with store.reading() as connection:
        unseen = [e.body["own"] for e in drilling.load(connection, number).of("state") if e.body["name"] == "isp-c"]
    assert "" in unseen


def test_a_file_that_no_longer_has_what_was_to_fail_voids_the_drill(store: Store) -> None:
    number = begin(store)
    without = {name: one for name, one in SITE.components.items() if name not in ("isp-a", "trunk-a")}
    paths = tuple(path for path in SITE.emergency_paths if path.name != "desk-a")
    changed = Monitor(store, site=replace(SITE, components=without, emergency_paths=paths))
    well = {name: reading for name, reading in WELL.items() if name in without}
    changed.sees(1, well)
    changed.sees(60, well)
    assert finish(store, number, 400) is Verdict.VOID


def test_a_drill_that_is_over_waits_for_what_was_seen_before_its_end(store: Store) -> None:
    monitor = Monitor(store)
    monitor.sees(-1, WELL)
    number = begin(store)
    monitor.sees(1, WELL)
    with store.writing() as connection:
        drilling.end(connection, number, Outcome.FINISHED, by="x", reason="", at=START + 400)
        assert not drilling.caught_up(connection, number)
        # What comes late counts where it is from before the end; what is from after it does not.
        entry = Entry(START + 40, "path", {"name": "desk-a", "was": "up", "state": "down"})
        Happened(number, entry, "central").write(connection)
        Happened(number, replace(entry, at=START + 401), "central").write(connection)
        memory = {"vantage": "central", "site": SITE.id, "body": "{}"}
        connection.execute(tables.memories.insert().values(**memory, at=START + 399))
        assert not drilling.caught_up(connection, number)
        connection.execute(tables.memories.update().values(at=START + 400))
        assert drilling.caught_up(connection, number)
        # Whoever was stopped between the two may say it again.
        drilling.end(connection, number, Outcome.ABORTED, by="y", reason="z", at=START + 500)
        record = drilling.close(connection, number, at=START + 501)
    assert (record.outcome, record.ended, record.entries) == (Outcome.FINISHED, START + 400, (entry,))
    with store.writing() as connection, pytest.raises(DrillRefused, match="closed already"):
        drilling.close(connection, number, at=START + 502)


def test_of_a_drill_that_nobody_recorded_nothing_is_waited_for(store: Store) -> None:
    number = begin(store)
    with store.writing() as connection:
        drilling.end(connection, number, Outcome.FINISHED, by="x", reason="", at=START + 1)
        assert drilling.caught_up(connection, number)


def test_two_drills_in_a_row_are_each_predicted_and_judged_by_themselves(store: Store) -> None:
    monitor = Monitor(store)
    monitor.sees(-1, WELL)
    first = begin(store)
    for at, readings in ((1, WELL), (40, A_DOWN), (300, WELL)):
        monitor.sees(at, readings)  # type: ignore[arg-type]
    assert finish(store, first, 400) is Verdict.PASSED
    second = begin(store, 500)
    for at, readings in ((501, WELL), (540, A_DOWN | {"isp-b": SILENT, "trunk-b": SILENT}), (700, WELL)):
        monitor.sees(at, readings)
    assert finish(store, second, 800) is Verdict.FAILED
    with store.reading() as connection:
        told = [drilling.load(connection, number) for number in (first, second)]
    assert [record.prediction and record.prediction.at - START for record in told] == [1, 501]
    assert all(e.at <= START + 400 for e in told[0].entries)
    assert all(e.at >= START + 500 for e in told[1].entries)


def test_a_call_proves_what_its_path_cannot_do_without(store: Store) -> None:
    either = replace(SITE.emergency_paths[0], needs=all_of("pbx", any_of("trunk-a", "trunk-b")))
    declared = replace(SITE, emergency_paths=(either, *SITE.emergency_paths[1:]))
    with store.writing() as connection:
        number = drilling.begin(connection, declared, CUT_A, by="x", participants=(), at=START)
        record = drilling.load(connection, number)
        drilling.prove(connection, record, either.name, by="x", heard="y", at=START + 60)
        known = records_of(connection, START + 61)[SITE.id]
    assert known.checks.keys() == {"pbx"}


def test_a_drill_that_still_says_something_is_kept(store: Store) -> None:
    """The last that counted, and one with something to put right; the chain of evidence is whole either way."""
    old, todo = held_well(store), held_well(store, 1000)
    with store.writing() as connection:
        drilling.act(connection, todo, Action(text="A second duct", owner="Facilities", due="2027-03-31"))
        connection.execute(tables.drills.update().where(tables.drills.c.id == todo).values(name="other"))
    last = held_well(store, 2000)
    void = begin(store, 3000)
    finish(store, void, 3100)
    assert prune(store, START + 9000)["drill"] == 2
    with store.reading() as connection:
        assert [one.id for one in records_of(connection, START)[SITE.id].held] == [todo, last]
        assert not [*evidence.broken(evidence.entries(connection), evidence.head(connection))]
        with pytest.raises(DrillRefused):
            drilling.load(connection, old)


def test_an_action_is_closed_by_a_repeat_that_passes_and_by_nothing_else(store: Store) -> None:
    number = held_well(store)
    with store.writing() as connection:
        drilling.act(connection, number, Action(text="A second duct", owner="Facilities", due="2027-03-31"))
    void = begin(store, 1000)
    finish(store, void, 1100)
    with store.reading() as connection:
        assert drilling.load(connection, number).actions[0].closed_by is None
    repeat = held_well(store, 2000)
    with store.reading() as connection:
        assert drilling.load(connection, number).actions[0].closed_by == repeat
        before = drilling.before(connection, drilling.load(connection, repeat))
    assert before is not None
    assert before.id == number


def test_what_is_written_after_the_end_changes_nothing(store: Store) -> None:
    number = held_well(store)
    with store.reading() as connection:
        closed = drilling.load(connection, number)
    with store.writing() as connection:
        Happened(number, Entry(START + 350, "note", {"by": "x", "text": "y", "mark": ""})).write(connection)
        assert drilling.load(connection, number) == closed


def test_a_measured_battery_is_believed_no_longer_than_that(store: Store) -> None:
    on = {name: UP for name in WELL if name != "ups"}
    monitor = Monitor(store)
    monitor.sees(-1, WELL)
    dark = replace(SITE, drills=(Drill(name="dark", fail=("utility",)),))
    with store.writing() as connection:
        number = drilling.begin(connection, dark, dark.drills[0], by="x", participants=[], at=START)
    monitor.sees(1, WELL)
    monitor.sees(60, on | {"ups": ups(on_battery=True, runtime=2400)})
    monitor.sees(360, on | {"ups": ups(on_battery=True, runtime=1200)})
    monitor.sees(420, on | {"ups": ups(runtime=2400)})
    finish(store, number, 500)
    with store.reading() as connection:
        known = records_of(connection, START + 600)[SITE.id]
    assert known.measured == {"ups": 600}
    told = History(recorded(SITE, known))
    told.read(START + 600, WELL)
    outage = told.assess(START + 600).scenario("utility")
    assert outage is not None
    # The mobile needs no power here: what counts is the UPS's own bound.
    live, _ = told.at(START + 600)
    assert (live.bounds.low.runtime["ups"], live.bounds.high.runtime["ups"]) == (600_000, 2_400_000)
