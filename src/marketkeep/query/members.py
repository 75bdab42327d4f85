"""
Members of an index as readers ask for them: who was one on a day, and from when to when.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.gold.membership import members_on
from marketkeep.stores.lake import Lake
from marketkeep.stores.lake.reference import index_members


def members(lake: Lake, index: str, on: date) -> list[str]:
    """The symbols that were members of an index on a session, sorted. Raises `NotFound` for an index without any."""
    return members_on(member_intervals(lake, index), index, on)


def member_intervals(lake: Lake, index: str) -> pl.DataFrame:
    """The intervals [from, to) of an index, as `INDEX_MEMBERS` rows. Raises `NotFound` for an index without any."""
    table = index_members(lake)
    found = table.filter(pl.col("index") == index)
    if found.is_empty():
        known = ", ".join(table["index"].unique().sort()) or "none"
        raise NotFound(f"this keep has no members of the index {index}; it has those of: {known}")
    return found
