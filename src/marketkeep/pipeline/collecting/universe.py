"""
The universe: whom a keep follows because of what they are, members of an index or everything that is listed.

What is followed by name is a statement made by hand; what is followed by kind stands in the policy, and becomes
statements as directories and lists of members tell of new symbols. Who leaves an index is followed on: his history
belongs to that of the index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.pipeline.collecting.windows import INDICES, RANKS
from marketkeep.pipeline.run import Run
from marketkeep.pipeline.securities import state
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake.reference import index_members

ALL_US = "all_us"
"""The universe of all that the exchanges' directories list, test issues left out."""

PRIORITIES = {"sp500": "high", "nasdaq100": "high", "dow_jones": "high", "russell_1000": "medium"}
"""How soon the members of an index are asked for where calls are few; of several, the soonest holds."""

_BY_CLASS = {"etf": "medium", "bond": "low", "crypto": "low"}
_OTHERS = "low"


def follow_universe(work: Workspace, names: Iterable[str], start: date | None = None) -> None:
    """
    Follow universes from now on: their symbols join as they become known, and are collected from `start` on (the
    policy's start when None).

    Raises `BadInput` for one that is neither collected nor told by a file taken in.
    """
    wanted = list(names)
    own = sorted(set(index_members(work.lake)["index"]) - set(INDICES))
    if unknown := sorted(set(wanted) - {*INDICES, ALL_US, *own}):
        raise BadInput(f"there is no universe {', '.join(unknown)}; there are {', '.join((*INDICES, ALL_US, *own))}.")
    policy = work.lake.policy()
    work.lake.set_policy(replace(policy, follow={**policy.follow, **dict.fromkeys(wanted, start)}))


def follow_new(run: Run) -> int:
    """State that the symbols of the universes that are not followed yet are; returns how many these are."""
    work = run.work
    follow = work.lake.policy().follow
    if not follow:
        return 0
    members = index_members(work.lake).filter(pl.col("to").is_null())
    priorities: dict[str, str] = {}
    for index, symbol in members.select("index", "symbol").iter_rows():
        told = PRIORITIES.get(index, _OTHERS)
        priorities[symbol] = min(told, priorities.get(symbol, told), key=RANKS.__getitem__)
    securities = work.lake.securities()
    told_by = {index: set(some["symbol"]) for (index,), some in members.group_by("index")}
    told_by[ALL_US] = set(securities.filter(pl.col("active") & pl.col("exchange").is_not_null())["symbol"])
    starts: dict[str, date | None] = {}
    for name, start in follow.items():
        for symbol in told_by.get(name, ()):
            starts[symbol] = _earlier(start, starts.get(symbol, start))
    already = set(securities.filter(pl.col("followed"))["symbol"])
    classes = dict(securities.select("symbol", "asset_class").iter_rows())
    fresh: dict[tuple[str, date | None], list[str]] = {}
    for symbol in sorted(starts.keys() - already):
        told = priorities.get(symbol) or _BY_CLASS.get(classes.get(symbol, ""), _OTHERS)
        fresh.setdefault((told, starts[symbol]), []).append(symbol)
    for (priority, start), symbols in sorted(fresh.items(), key=lambda item: (item[0][0], item[0][1] or date.min)):
        state(run, symbols, start=start, followed=True, priority=priority)
    if fresh:
        run.publish()
    return sum(map(len, fresh.values()))


def _earlier(one: date | None, other: date | None) -> date | None:
    """The earlier of two starts; None stands for the policy's, which is the earliest."""
    return None if one is None or other is None else min(one, other)
