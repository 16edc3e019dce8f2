"""The first tables: changes, findings, what people were told, memories, evidence, planned work."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def text(*names: str) -> list["sa.Column[str]"]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def key(*names: str) -> list["sa.Column[str]"]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def moment(name: str, *, nullable: bool = False) -> "sa.Column[float]":
    return sa.Column(name, sa.Double, nullable=nullable)


def number() -> "sa.Column[int]":
    return sa.Column("id", NUMBER, primary_key=True)


def upgrade() -> None:
    op.create_table(
        "change", number(), moment("at"), *text("vantage", "site", "subject", "name", "was", "state", "text")
    )
    op.create_index("change_by_site", "change", ["site", "at"])
    op.create_index("change_by_moment", "change", ["at"])
    op.create_table(
        "finding",
        number(),
        *text("vantage", "site", "code", "component", "severity", "text"),
        moment("opened"),
        moment("closed", nullable=True),
    )
    op.create_index("finding_by_site", "finding", ["site", "opened"])
    op.create_index("finding_open", "finding", ["vantage", "site", "code", "component", "closed"])
    op.create_table(
        "notification", number(), moment("at"), *text("vantage", "site", "channel", "outcome", "title", "body")
    )
    op.create_index("notification_by_site", "notification", ["site", "at"])
    op.create_table(
        "notice",
        *key("vantage", "channel", "site", "code", "component"),
        *text("text"),
        moment("opened"),
        moment("told", nullable=True),
        moment("gone", nullable=True),
    )
    op.create_table("memory", *key("vantage", "site"), moment("at"), *text("body"))
    _evidence()
    _maintenance()


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        moment("at"),
        *text("kind", "site", "subject", "body", "previous", "hash"),
        sa.UniqueConstraint("hash", name="evidence_hash"),
    )
    op.create_index("evidence_by_subject", "evidence", ["kind", "site", "subject", "number"])
    head = op.create_table("evidence_head", sa.Column("id", sa.Integer, primary_key=True), *text("hash"))
    op.add_column("evidence_head", sa.Column("number", NUMBER, nullable=False, server_default="0"))
    op.bulk_insert(head, [{"id": 1, "hash": ""}])
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER evidence_no_{verb.lower()} BEFORE {verb} ON evidence "
        "BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION evidence_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'evidence is append-only'; END $$",
        "CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence "
        "FOR EACH STATEMENT EXECUTE FUNCTION evidence_append_only()",
    ],
}
"""Against a slip of the hand; against intent stands the chain."""


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        number(),
        *text("site"),
        moment("start"),
        moment("until"),
        *text("by", "reason"),
        sa.Column("risk_accepted", sa.Boolean, nullable=False),
        *text("exposes"),
        moment("ended", nullable=True),
        sa.Column("ended_by", sa.Text),
    )
    op.create_index("maintenance_by_site", "maintenance", ["site", "until"])
    op.create_table(
        "maintenance_component",
        sa.Column("maintenance", NUMBER, sa.ForeignKey("maintenance.id", ondelete="CASCADE"), primary_key=True),
        *key("component"),
    )
