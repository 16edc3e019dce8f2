"""The chain of evidence: whole, or what was done to it is found; written by several at once."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from postgres_peer import postgres
from resilience.store import evidence
from resilience.store.database import Store, StoreUnavailable
from resilience.store.evidence import Entry, Head, broken


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One that holds ten entries, by five writers at once."""

    def filled(url: str) -> Store:
        opened = Store(url)
        opened.migrate()
        writers = [threading.Thread(target=add_two, args=(url,)) for _ in range(5)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        return opened

    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("store") / "store.db"
        opened = filled(f"sqlite:///{path}")
        yield opened
        opened.close()
    else:
        with postgres() as server:
            opened = filled(server.url)
            yield opened
            opened.close()


def add_two(url: str) -> None:
    store = Store(url)
    for number in range(2):
        with store.writing() as connection:
            evidence.append(
                connection, kind="attestation", site="hq", subject="red-phone", body={"n": number}, at=1e9 + 0.12345
            )
    store.close()


def chain(store: Store) -> tuple[list[Entry], Head]:
    with store.reading() as connection:
        return list(evidence.entries(connection)), evidence.head(connection)


def test_several_writers_make_one_whole_chain(store: Store) -> None:
    entries, head = chain(store)
    assert [entry.number for entry in entries] == list(range(1, 11))
    assert entries[0].at == 1e9 + 0.123
    assert list(broken(entries, head)) == []
    assert list(broken(entries, head, known=entries[3].hash)) == []
    assert (head.number, head.hash) == (10, entries[-1].hash)


@pytest.mark.parametrize(
    "change",
    [
        {"at": 0.0},
        {"kind": "drill"},
        {"site": "hq2"},
        {"subject": "blue-phone"},
        {"body": '{"n":7}'},
        {"previous": "0" * 64},
        {"hash": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_is_found(store: Store, change: dict[str, object]) -> None:
    entries, head = chain(store)
    entries[4] = replace(entries[4], **change)  # type: ignore[arg-type]
    assert any("entry 5" in told for told in broken(entries, head))


def test_a_change_with_a_hash_that_fits_breaks_what_follows(store: Store) -> None:
    entries, head = chain(store)
    wrong = replace(entries[4], body='{"n":7}')
    entries[4] = replace(wrong, hash=evidence.content_hash(wrong))
    assert list(broken(entries, head)) == ["entry 6 does not follow from entry 5"]


def test_a_removal_and_a_cut_end_are_found(store: Store) -> None:
    entries, head = chain(store)
    assert "before entry 5: 1 missing" in broken([*entries[:3], *entries[4:]], head)
    assert list(broken(entries[:-1], head)) == ["the chain ends with entry 9; it once had 10"]
    # Cut with care, the head too: only whoever kept the hash can tell.
    careful = Head(9, entries[8].hash)
    assert list(broken(entries[:-1], careful)) == []
    (told,) = broken(entries[:-1], careful, known=entries[9].hash)
    assert "is not in the chain" in told


@pytest.mark.parametrize("statement", ["UPDATE evidence SET body = '{}'", "DELETE FROM evidence WHERE number = 3"])
def test_the_database_itself_refuses_changes(store: Store, statement: str) -> None:
    with pytest.raises(StoreUnavailable, match="append-only"), store.writing() as connection:
        connection.execute(text(statement))
    entries, head = chain(store)
    assert list(broken(entries, head)) == []
