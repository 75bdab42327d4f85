"""
Members of an index as readers ask for them: who was one on a day, and from when to when.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.gold.membership import members_on
from marketkeep.model.new_york import new_york_date
from marketkeep.stores.lake import Lake
from marketkeep.stores.lake.reference import index_members


def members(lake: Lake, index: str, on: date | None = None) -> list[str]:
    """
    The symbols that were members of an index on a session, sorted; without one, on the last day that sources told of.

    Raises `NotFound` for an index without any.
    """
    found = member_intervals(lake, index)
    return members_on(found, index, on or last_told(lake))


def last_told(lake: Lake) -> date:
    """The day in New York on which a source told of members last: what is announced for later is not yet so."""
    paths = lake.catalog().batch_paths("index_members")
    if not paths:
        return date.min
    moment = datetime.strptime(paths[-1].rpartition("/")[2][:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return new_york_date(moment)


def member_intervals(lake: Lake, index: str | None = None) -> pl.DataFrame:
    """
    The intervals [from, to) of an index, of all without one, as `INDEX_MEMBERS` rows.

    Raises `NotFound` for an index without any.
    """
    table = index_members(lake)
    if index is None:
        return table
    found = table.filter(pl.col("index") == index)
    if found.is_empty():
        known = ", ".join(table["index"].unique().sort()) or "none"
        raise NotFound(f"this keep has no members of the index {index}; it has those of: {known}")
    return found
