"""The chain of evidence: rows that are only ever added, each with the hash of its content and of the row before.

A change, a removal or an insertion anywhere breaks every hash after it. Whoever keeps the newest hash elsewhere
(an export, a report, a mail) can also prove that nothing was cut off the end.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from resilience.store.tables import evidence, evidence_head


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row. `at` in seconds since 1970, to the millisecond; `subject` is the component, or what it is about."""

    number: int
    at: float
    kind: str
    site: str
    subject: str
    body: str
    """Canonical JSON of an object."""
    previous: str
    hash: str

    @property
    def content(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends; number 0 and no hash before the first entry."""

    number: int
    hash: str


def append(connection: Connection, *, kind: str, site: str, subject: str, body: Mapping[str, Any], at: float) -> Entry:
    """Adds one entry, inside the writing transaction of `connection`; two writers wait for each other."""
    locked = select(evidence_head.c.number, evidence_head.c.hash).where(evidence_head.c.id == 1).with_for_update()
    number, previous = connection.execute(locked).one()
    entry = Entry(
        number=number + 1,
        at=round(at, 3),
        kind=kind,
        site=site,
        subject=subject,
        body=canonical(body),
        previous=previous,
        hash="",
    )
    entry = replace(entry, hash=content_hash(entry))
    connection.execute(insert(evidence).values(asdict(entry)))
    end = {"number": entry.number, "hash": entry.hash}
    connection.execute(update(evidence_head).where(evidence_head.c.id == 1).values(end))
    return entry


def canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(body: Mapping[str, Any]) -> str:
    """SHA-256 in hex of `body` as canonical JSON."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def content_hash(entry: Entry) -> str:
    """SHA-256 in hex of the JSON list of everything a row says, in the order of its columns, but its own hash."""
    whole = json.dumps([*asdict(entry).values()][:-1], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()


def entries(connection: Connection, *, site: str = "", kind: str = "") -> Iterator[Entry]:
    """In the order of the chain."""
    wanted = select(evidence).order_by(evidence.c.number)
    if site:
        wanted = wanted.where(evidence.c.site == site)
    if kind:
        wanted = wanted.where(evidence.c.kind == kind)
    for row in connection.execute(wanted).mappings():
        yield Entry(**row)


def head(connection: Connection) -> Head:
    return Head(*connection.execute(select(evidence_head.c.number, evidence_head.c.hash)).one())


def broken(chain: Iterable[Entry], end: Head, *, known: str = "") -> Iterator[str]:
    """What is wrong with a whole chain, a sentence each; nothing where it is whole. Pure.

    `known` is a hash that somebody kept: it must stand in the chain.
    """
    number, previous, met = 0, "", not known
    for entry in chain:
        met = met or entry.hash == known
        if entry.number != number + 1:
            missing = entry.number - number - 1
            yield f"before entry {entry.number}: {missing} missing" if missing > 0 else f"entry {entry.number} repeats"
        elif entry.previous != previous:
            yield f"entry {entry.number} does not follow from entry {number}"
        if content_hash(entry) != entry.hash:
            yield f"entry {entry.number} ({entry.kind} of {entry.site} {entry.subject}) was changed"
        number, previous = entry.number, entry.hash
    if (number, previous) != (end.number, end.hash):
        yield f"the chain ends with entry {number}; it once had {end.number}"
    if not met:
        yield f"the hash {known} that was kept is not in the chain"
