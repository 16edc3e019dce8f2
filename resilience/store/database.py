"""One database: opened, brought up to date, read and written in transactions; copied and looked over.

SQLite in a file, or PostgreSQL by URL. Whatever the database does wrong is `StoreUnavailable`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

BUSY = 5.0
"""Seconds to wait for another writer, and for a server to accept."""
MIGRATIONS = Path(__file__).parent / "migrations"

_POSTGRES = {
    "connect_timeout": int(BUSY),
    "options": "-c statement_timeout=10000 -c lock_timeout=5000",
    "application_name": "resilience",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # a server that vanished must not hold the writer for the kernel's quarter of an hour
}
_ONE_MIGRATES = 911_001
"""Key of the advisory lock under which one of several monitors brings a PostgreSQL database up to date."""


class StoreUnavailable(Exception):
    """The database did not do it; the message says why and names no password."""


class StoreRefused(StoreUnavailable):
    """The database is there and does not take this one thing; to try again is in vain."""


class Store:
    """The database at `url`; nothing is opened before it is used. ValueError where `url` is none."""

    def __init__(self, url: str) -> None:
        self.url = _url(url)
        self._engine = _engine(self.url)
        self._writing = self._engine.execution_options(writes=True)

    @property
    def place(self) -> str:
        """Where it is, for people: without the password, and without parameters, which may hold one as well."""
        return self.url.set(query={}).render_as_string()

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    def migrate(self) -> None:
        """Brings the tables up to date; a new file or an empty database gets them all."""
        if self.dialect == "sqlite" and self.url.database:
            file = Path(self.url.database)
            with suppress(OSError):  # SQLite says it better
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                file.touch(mode=0o600)  # it names a site's weak points
        with self.writing() as connection:
            if self.dialect == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_MIGRATES})"))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise StoreUnavailable(f"the database is of a later version: {error}") from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block."""
        with _told(), self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def backup(self, target: Path) -> None:
        """A whole and consistent copy in a new file, while the monitor writes on. SQLite alone: PostgreSQL has
        pg_dump."""
        if self.dialect != "sqlite":
            raise StoreRefused("a PostgreSQL database is copied by pg_dump")
        with _told(), self.reading() as connection:
            source: Any = connection.connection.driver_connection
            target.touch(mode=0o600, exist_ok=False)
            try:
                with closing(sqlite3.connect(target)) as copy:
                    source.backup(copy)
            except sqlite3.Error as error:
                target.unlink()
                raise StoreRefused(f"{target}: {error}") from None

    def faults(self) -> list[str]:
        """What is wrong with the database itself; of PostgreSQL's pages the server takes care."""
        with self.reading() as connection:
            if self.dialect != "sqlite":
                return []
            told = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
            loose = [
                f"a row of {row[0]} has lost its parent" for row in connection.execute(text("PRAGMA foreign_key_check"))
            ]
        return [line for line in told if line != "ok"] + loose


def _url(url: str) -> URL:
    try:
        made = make_url(url)
    except ArgumentError:
        # Not repeated: it may hold a password.
        raise ValueError("not a database URL such as sqlite:////var/lib/resilience/resilience.db") from None
    name = made.get_backend_name()
    if name == "sqlite":
        if not made.database or made.database == ":memory:":
            raise ValueError("a SQLite database needs a file, such as sqlite:////var/lib/resilience/resilience.db")
        return made.set(drivername="sqlite")
    if name in ("postgresql", "postgres"):
        return made.set(drivername="postgresql+psycopg")
    raise ValueError(f"'{name}' is neither sqlite nor postgresql")


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, connect_args=_POSTGRES, pool_pre_ping=True, pool_size=3, hide_parameters=True)
    except (ImportError, NoSuchModuleError):
        raise ValueError("psycopg is missing: pip install 'site-resilience-monitor[postgres]'") from None
    engine = create_engine(url, connect_args={"timeout": BUSY}, hide_parameters=True)
    event.listen(engine, "connect", _prepared)
    event.listen(engine, "begin", _begun)
    return engine


def _prepared(connection: Any, _: object) -> None:
    # The driver would open transactions of its own, and late; `_begun` opens them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begun(connection: Connection) -> None:
    """A writer locks before it reads: two that had read the same end of the chain could not both append."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines()
        kind = StoreRefused if isinstance(error, (IntegrityError, DataError)) else StoreUnavailable
        raise kind(said[0] if said else type(error.orig).__name__) from None
    except SQLAlchemyError as error:
        raise StoreUnavailable(str(error).splitlines()[0]) from None
