"""The tables of the database, as this version expects them. The migrations make them so.

Moments are seconds since 1970. A table of one's own goes here and into a migration of its own.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up by itself only where a key is called INTEGER."""

changes = Table(
    "change",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("at", Double, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("subject", Text, nullable=False),  # site, path, component; watch: of the monitor
    Column("name", Text, nullable=False),  # empty for the site itself
    Column("was", Text, nullable=False),  # empty where nothing was said before
    Column("state", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("change_by_site", "site", "at"),
    Index("change_by_moment", "at"),
)
"""Every change of state of a site, a path (up, unknown, down) and a component."""

findings = Table(
    "finding",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("vantage", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("component", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("opened", Double, nullable=False),
    Column("closed", Double),
    Index("finding_by_site", "site", "opened"),
    Index("finding_open", "vantage", "site", "code", "component", "closed"),
)

notifications = Table(
    "notification",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("at", Double, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # sent or failed
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("notification_by_site", "site", "at"),
)
"""Every message to people, and whether it left."""

notices = Table(
    "notice",
    METADATA,
    Column("vantage", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("component", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("opened", Double, nullable=False),
    Column("told", Double),
    Column("gone", Double),
)
"""What each channel has been told and must still be told of: one row a finding, removed once its end is told."""

memories = Table(
    "memory",
    METADATA,
    Column("vantage", Text, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("body", Text, nullable=False),
)
"""All that the next assessment of a site needs of the past; `resilience.store.remembered` writes and reads it."""

evidence = Table(
    "evidence",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),  # attestation; drill
    Column("site", Text, nullable=False),
    Column("subject", Text, nullable=False),  # the component, or what else it is about
    Column("body", Text, nullable=False),  # canonical JSON
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("hash", name="evidence_hash"),
    Index("evidence_by_subject", "kind", "site", "subject", "number"),
)
"""Append-only and chained: each row has the hash of its content and of the row before. Never pruned."""

evidence_head = Table(
    "evidence_head",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", _NUMBER, nullable=False),
    Column("hash", Text, nullable=False),
)
"""One row: where the chain ends. Its lock puts writers in a row."""

works = Table(
    "maintenance",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("site", Text, nullable=False),
    Column("start", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("risk_accepted", Boolean, nullable=False),
    Column("exposes", Text, nullable=False),  # what it was said to leave, before it began
    Column("ended", Double),
    Column("ended_by", Text),
    Index("maintenance_by_site", "site", "until"),
)

work_components = Table(
    "maintenance_component",
    METADATA,
    Column("maintenance", _NUMBER, ForeignKey("maintenance.id", ondelete="CASCADE"), primary_key=True),
    Column("component", Text, primary_key=True),
)

drills = Table(
    "drill",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("site", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("plan", Text, nullable=False),  # the drill and the components, as declared when it began
    Column("by", Text, nullable=False),
    Column("participants", Text, nullable=False),  # a list, as JSON
    Column("started", Double, nullable=False),
    Column("vantage", Text, nullable=False),  # the monitor that records it; empty until one does
    Column("prediction", Text),  # written once, by that monitor, before anything is cut
    Column("outcome", Text, nullable=False),
    Column("ended", Double),
    Column("ended_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("batteries", Text, nullable=False),  # seconds that each UPS was measured to hold, as JSON
    Column("surprises", Text, nullable=False),  # where it contradicted the model, as JSON
    Column("hash", Text, nullable=False),  # of the entry of evidence that closed it
    Index("drill_by_site", "site", "started"),
)

drill_entries = Table(
    "drill_entry",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("drill", _NUMBER, ForeignKey("drill.id", ondelete="CASCADE"), nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("drill_entry_by_drill", "drill", "at"),
)

drill_actions = Table(
    "drill_action",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("drill", _NUMBER, ForeignKey("drill.id", ondelete="CASCADE"), nullable=False),
    Column("text", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due", Text, nullable=False),
    Column("closed_by", _NUMBER),
)
"""Corrective actions. One is closed by a repeat of its drill that passes."""
