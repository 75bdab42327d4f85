"""
Members of an index as readers ask for them: who was one on a day, and from when to when.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from difflib import get_close_matches

import polars as pl

from marketkeep.errors import NotFound
from marketkeep.gold.membership import members_on
from marketkeep.model.new_york import new_york_date
from marketkeep.query import market_time
from marketkeep.query.states import State

_DATASET = "index_members"


def members(state: State, index: str, on: date | None = None, as_of: date | None = None) -> list[str]:
    """
    The symbols that were members of an index on a session, sorted; without one, on the last day that sources told of.

    `as_of` a day, later changes are not known. Raises `NotFound` for an index without any member.
    """
    found = member_intervals(state, index, as_of)
    last = last_told(state)
    return members_on(found, index, on or (min(last, as_of) if as_of else last))


def last_told(state: State) -> date:
    """The day in New York on which a source told of members last: what is announced for later is not yet so."""
    ids = state.batches().filter(pl.col("dataset") == _DATASET)["batch_id"].sort()
    if ids.is_empty():
        return date.min
    return new_york_date(datetime.strptime(ids[-1][:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC))


def first_told(state: State, found: pl.DataFrame) -> date | None:
    """
    The first day of which sources tell anything of an index; before it nobody knows who was a member.

    `found` are its intervals. Where no change is known it is the day of the first list of any index.
    """
    changes = pl.concat([found["from"], found["to"]]).drop_nulls()
    lists = state.batches().filter(pl.col("dataset") == _DATASET)["first"].drop_nulls()
    day: date | None = (lists if changes.is_empty() else changes).min()  # type: ignore[assignment]
    return day


def member_intervals(state: State, index: str | None = None, as_of: date | None = None) -> pl.DataFrame:
    """
    The intervals [from, to) of an index, of all without one, as `INDEX_MEMBERS` rows; `as_of` a day those begun by it.

    Raises `NotFound` for an index without any.
    """
    table = state.members()
    if index is None:
        return market_time.members_on(table, as_of)
    found = table.filter(pl.col("index") == index)
    if found.is_empty():
        known = table["index"].unique().sort().to_list()
        near = get_close_matches(index.lower(), known, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]}? " if near else ""
        raise NotFound(
            f"this keep has no members of the index {index}; {meant}it has those of: {', '.join(known) or 'none'}"
        )
    return market_time.members_on(found, as_of)
