"""The database: brought up to date, written by the keeper, away and back, full; on SQLite and PostgreSQL alike."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select, text

import peers
from builders import site
from history import SILENT, UP, History, probe, ups
from postgres_peer import Postgres, postgres
from resilience.model import Site, any_of
from resilience.records import check_body
from resilience.snapshot import Snapshot, take
from resilience.store import tables
from resilience.store.database import Store, StoreRefused, StoreUnavailable
from resilience.store.keeping import Keeper
from resilience.store.recording import attest, records_of, start_work
from resilience.store.remembered import Remembered, decoded, encoded
from resilience.store.rows import Changed
from resilience.store.upkeep import prune, prune_by_parts

START = 1_790_000_000.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'store.db'}"
    started: Postgres = request.getfixturevalue("server")
    return fresh(started)


_numbers = count(1)


def fresh(server: Postgres) -> str:
    name = f"test{next(_numbers)}"
    created = Store(server.url)
    with created._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    created.close()
    return server.url.replace("/postgres", f"/{name}")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    opened.migrate()
    yield opened
    opened.close()


# The tables


def test_the_steps_lead_to_the_tables_that_this_version_expects(store: Store) -> None:
    store.migrate()  # once more does nothing
    if store.dialect == "sqlite":
        assert Path(str(store.url.database)).stat().st_mode & 0o077 == 0, "it names a site's weak points"
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.METADATA) == []
    assert store.faults() == []


def test_several_monitors_may_start_at_once(url: str) -> None:
    failed: list[Exception] = []

    def start() -> None:
        store = Store(url)
        try:
            store.migrate()
        except StoreUnavailable as error:
            failed.append(error)
        store.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_database_of_a_later_version_is_left_alone(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="of a later version"):
        store.migrate()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("here", "not a database URL"),
        ("mysql://root:geheim@db/x", "'mysql' is neither sqlite nor postgresql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_what_is_no_database_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        Store(url)
    assert "geheim" not in str(refused.value)


def test_where_the_record_is_kept_is_told_without_a_password_wherever_that_stands() -> None:
    store = Store("postgresql://resilience:geheim@db.example.org/x?password=geheim&sslmode=require")
    assert store.place == "postgresql+psycopg://resilience:***@db.example.org/x"


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    store = Store(f"postgresql://resilience:geheim@127.0.0.1:{peers.free_port()}/x")
    with pytest.raises(StoreUnavailable, match="refused") as told:
        store.migrate()
    assert "geheim" not in str(told.value)
    store.close()


# What is remembered


def a_site() -> Site:
    return site(
        {
            "utility": {"kind": "utility"},
            "generator": {"kind": "generator", "starts_within": "10s", "fuel": "1h", "probes": probe("generator")},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": probe("ups")},
            "wan-a": {"kind": "wan", "power": ["ups"], "probes": probe("wan-a", fall=3)},
            "wan-b": {"kind": "wan", "power": ["ups"], "probes": probe("wan-b", fall=3)},
        },
        {"desk": [any_of("wan-a", "wan-b")]},
    )


def a_past() -> History:
    history = History(a_site())
    history.read(START, {"ups": ups(), "wan-a": UP, "wan-b": UP, "generator": UP})
    history.read(START + 60, {"ups": ups(on_battery=True, runtime=900), "wan-a": SILENT})
    history.read(START + 70, {"wan-a": SILENT})
    history.at(START + 70)
    return history


def test_what_is_remembered_is_what_it_was() -> None:
    history = a_past()
    assert history.memory.tracks["wan-a", "icmp"].contrary == 2
    assert history.memory.discharges
    assert history.open
    kept = Remembered(
        at=START + 70, memory=history.memory, findings=history.open, states={("component", "wan-a"): "up"}
    )
    again = decoded(history.site, encoded(history.site, kept), START + 70, START + 75)
    assert again == kept
    # one more silence decides, as it would have without a restart
    later = History(history.site, again.memory, again.findings)
    later.read(START + 80, {"wan-a": SILENT})
    assert later.memory.tracks["wan-a", "icmp"].state == "down"


def test_what_is_too_old_or_of_another_probe_is_forgotten() -> None:
    history = a_past()
    written = encoded(history.site, Remembered(at=START + 70, memory=history.memory))
    assert decoded(history.site, written, START + 70, START + 2000).memory.tracks == {}
    assert decoded(history.site, written, START + 70, START + 2000).memory.discharges.keys() == {"ups"}
    other = site(
        {"utility": {"kind": "utility"}, "wan-a": {"kind": "wan", "probes": probe("wan-a", fall=2)}},
        {"desk": ["wan-a"]},
    )
    assert decoded(other, written, START + 70, START + 75).memory.tracks == {}


@pytest.mark.parametrize("wrong", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "tracks": [[1]]}', "null"])
def test_what_is_no_memory_is_said_to_be_none(wrong: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the message is Python's
        decoded(a_site(), wrong, START, START)


# The keeper


@dataclass
class Kept:
    """A keeper and a story to tell it."""

    store: Store
    keeper: Keeper
    history: History = field(default_factory=lambda: History(a_site()))
    last: Snapshot | None = None

    def at(self, now: float, **readings: object) -> None:
        self.history.read(now, {name.replace("_", "-"): reading for name, reading in readings.items()})  # type: ignore[misc]
        self.last = take(self.history.site, self.history.memory, now, before=self.last, open_findings=self.history.open)
        self.history.memory, self.history.open = self.last.memory, self.last.findings
        self.keeper.took(self.last)

    def rows(self, table: str, **equal: object) -> list[tuple[object, ...]]:
        with self.store.reading() as connection:
            found = tables.METADATA.tables[table]
            return [tuple(row) for row in connection.execute(select(found).filter_by(**equal))]

    def written(self) -> None:
        peers.wait_until(lambda: not self.keeper.waiting and not self.keeper.fault, what="what was waiting")


@pytest.fixture
def keep(url: str) -> Iterator[Callable[..., Kept]]:
    started: list[Keeper] = []

    def start(at: str = url, **settings: object) -> Kept:
        store = Store(at)
        keeper = Keeper(store, **settings)  # type: ignore[arg-type]
        started.append(keeper)
        kept = Kept(store, keeper)
        past = keeper.start([kept.history.site], START)
        if "test" in past:
            kept.history.memory, kept.history.open = past["test"].memory, past["test"].findings
        return kept

    yield start
    for keeper in started:
        keeper.stop()


def test_changes_and_findings_are_recorded_and_a_restart_repeats_none(keep: Callable[..., Kept]) -> None:
    kept = keep()
    kept.at(START, ups=ups(), wan_a=UP, wan_b=UP, generator=UP)
    for seconds in (10, 20, 30):
        kept.at(START + seconds, wan_a=SILENT)
    kept.written()
    changed = [row[-3:-1] for row in kept.rows("change", name="wan-a")]
    assert changed == [("", "up"), ("up", "down")]
    kept.keeper.stop()
    before = kept.rows("change"), kept.rows("finding")

    again = keep()
    assert {finding.code for finding in again.history.open} >= {"wan_down"}
    again.at(START + 35, wan_b=UP)
    again.keeper.stop()
    assert (again.rows("change"), again.rows("finding")) == before
    third = keep()
    for seconds in (40, 50):
        third.at(START + seconds, wan_a=UP, ups=ups(), wan_b=UP, generator=UP)
    third.keeper.stop()
    ((*_, opened, closed),) = third.rows("finding", code="wan_down")
    assert (opened, closed) == (START + 30, START + 40)


def test_a_site_that_is_no_longer_watched_has_nothing_open(keep: Callable[..., Kept]) -> None:
    kept = keep()
    kept.at(START, ups=ups(), wan_a=UP, wan_b=UP, generator=UP)
    kept.keeper.forget("test", START + 5)
    kept.keeper.stop()
    assert kept.rows("finding")
    assert [row for row in kept.rows("finding") if row[-1] is None] == []
    assert kept.rows("memory") == []
    # nor has one that was taken away while no monitor ran
    again = keep()
    again.at(START, ups=ups(), wan_a=UP, wan_b=UP, generator=UP)
    again.keeper.stop()
    assert again.rows("memory")
    empty = Keeper(Store(str(again.store.url.render_as_string(hide_password=False))))
    assert empty.start([], START + 10) == {}
    empty.stop()
    assert [row for row in again.rows("finding") if row[-1] is None] == []


def test_a_check_that_nobody_can_read_is_none_that_stands_and_takes_no_other_with_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    good = check_body(by="me", method="looked", result="pass", valid=90 * 86_400_000, file=None)
    with store.writing() as connection:
        for component, body in (("ups", good), ("pbx", good), ("ups", {"by": "hand"})):
            attest(connection, site="test", component=component, body=body, at=START)
    with store.reading() as connection:
        checks = records_of(connection, START + 60)["test"].checks
    assert {name: check.expires_at for name, check in checks.items()} == {"ups": START, "pbx": START + 90 * 86_400}
    store.close()


def test_a_row_that_nobody_can_read_keeps_no_monitor_from_starting(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    with store.writing() as connection:
        start_work(connection, site="test", components=["ups"], start=START, until=1e300, by="hand", reason="typed")
    keeper = Keeper(store)
    assert keeper.start([], START + 10) == {}
    assert "a fault of the monitor itself" in keeper.fault
    keeper.stop()


@dataclass(frozen=True)
class Refused:
    """A row that no database takes."""

    def write(self, connection: Connection) -> None:
        connection.execute(tables.changes.insert().values(at=0.0))


@dataclass(frozen=True)
class Faulty:
    def write(self, connection: Connection) -> None:
        raise ZeroDivisionError


def changed(number: int) -> Changed:
    return Changed(at=START + number, vantage="", site="s", subject="site", name="", was="", state=str(number), text="")


@pytest.mark.parametrize("bad", [Refused(), Faulty()], ids=["refused", "faulty"])
def test_a_row_that_cannot_be_written_does_not_hold_up_those_behind_it(
    keep: Callable[..., Kept], bad: Refused | Faulty
) -> None:
    kept = keep()
    for row in (changed(1), bad, changed(2)):
        kept.keeper.put(row)
    kept.keeper.stop()
    assert [row[-2] for row in kept.rows("change")] == ["1", "2"]
    assert kept.keeper.dropped == 1


# Away and back


def test_a_postgresql_that_is_stopped_and_started_under_load_gets_everything_in_order(server: Postgres) -> None:
    store = Store(fresh(server))
    keeper = Keeper(store)
    keeper.start([], START)
    try:
        for number in range(2000):
            if number == 500:
                server.stop()
            keeper.put(changed(number))
        peers.wait_until(lambda: keeper.fault, what="the fault")
        assert keeper.waiting >= 1000
    finally:
        server.start()
    peers.wait_until(lambda: not keeper.waiting and not keeper.fault, seconds=60, what="all that was waiting")
    with store.reading() as connection:
        told = connection.scalars(select(tables.changes.c.state).order_by(tables.changes.c.id)).all()
    assert told == [str(number) for number in range(2000)]
    assert keeper.dropped == 0
    keeper.stop()


def test_what_waits_is_bounded_and_the_newest_is_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is wanted")
    store = Store(f"sqlite:///{blocked / 'store.db'}")
    keeper = Keeper(store, most=10)
    assert keeper.start([], START) == {}
    assert "unable to open database file" in keeper.fault
    for number in range(25):
        keeper.put(changed(number))
    assert (keeper.waiting, keeper.dropped) == (10, 15)
    blocked.unlink()
    peers.wait_until(lambda: not keeper.waiting, what="all that was waiting")
    keeper.stop()
    with store.reading() as connection:
        assert connection.scalars(select(tables.changes.c.state)).all() == [str(number) for number in range(15, 25)]


def test_a_full_disk_is_said_and_caught_up_with(tmp_path: Path) -> None:
    peers.root()
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
    try:
        store = Store(f"sqlite:///{disk / 'store.db'}")
        keeper = Keeper(store)
        keeper.start([], START)
        assert keeper.fault == ""
        filling = disk / "filling"
        with filling.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        for number in range(2000):
            keeper.put(changed(number))
        peers.wait_until(lambda: keeper.fault, what="the fault")
        assert "full" in keeper.fault or "I/O" in keeper.fault
        filling.unlink()
        peers.wait_until(lambda: not keeper.waiting and not keeper.fault, seconds=40, what="all that was waiting")
        keeper.stop()
        with store.reading() as connection:
            told = connection.scalars(select(tables.changes.c.state).order_by(tables.changes.c.id)).all()
        assert told == [str(number) for number in range(2000)]
        store.close()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


# Upkeep


def test_old_rows_go_and_what_is_open_stays(keep: Callable[..., Kept]) -> None:
    kept = keep()
    kept.at(START, ups=ups(), wan_a=UP, wan_b=UP, generator=UP)
    kept.written()
    kept.keeper.put(changed(10_000))
    kept.written()
    removed = prune(kept.store, START + 5000)
    assert removed["change"] == 7
    assert [row[-2] for row in kept.rows("change")] == ["10000"]
    assert kept.rows("finding")
    assert removed["finding"] == 0


def test_many_old_rows_go_in_parts_and_what_is_new_is_written_between(keep: Callable[..., Kept]) -> None:
    kept = keep()
    for number in range(25):
        kept.keeper.put(changed(number))
    kept.written()
    parts = [number for table, number in prune_by_parts(kept.store, START + 22, 10) if table == "change"]
    assert parts == [10, 10, 2]
    assert len(kept.rows("change")) == 3
    kept.keeper.stop()
    daily = keep(retention=0.001)
    peers.wait_until(lambda: not daily.rows("change"), what="the daily round")


def test_a_backup_is_whole_and_made_while_the_monitor_writes(keep: Callable[..., Kept], tmp_path: Path) -> None:
    kept = keep()
    kept.keeper.put(changed(1))
    kept.written()
    target = tmp_path / "copy.db"
    if kept.store.dialect != "sqlite":
        with pytest.raises(StoreRefused, match="pg_dump"):
            kept.store.backup(target)
        return
    kept.store.backup(target)
    copy = Store(f"sqlite:///{target}")
    with copy.reading() as connection:
        assert connection.scalars(select(tables.changes.c.state)).all() == ["1"]
    assert copy.faults() == []
    copy.close()
