"""Drills that were really done, what happened in them, and what is to be put right."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "drill",
        sa.Column("id", NUMBER, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("site", "name", "plan", "by", "participants")),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("vantage", sa.Text, nullable=False),
        sa.Column("prediction", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("ended", sa.Double),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("ended_by", "reason", "verdict")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("batteries", "surprises", "hash")),
    )
    op.create_index("drill_by_site", "drill", ["site", "started"])
    op.create_table(
        "drill_entry",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("drill", NUMBER, sa.ForeignKey("drill.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("drill_entry_by_drill", "drill_entry", ["drill", "at"])
    op.create_table(
        "drill_action",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("drill", NUMBER, sa.ForeignKey("drill.id", ondelete="CASCADE"), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("text", "owner", "due")),
        sa.Column("closed_by", NUMBER),
    )
