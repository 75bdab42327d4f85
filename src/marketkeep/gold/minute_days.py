"""
What the minutes of a session come to, in every version that was ever told: a small table that says how whole they are.

A version is what would have been chosen once a batch had been received; one that comes to the same as the version
before is none. So it can be told when a flaw of a session's minutes began and which batch cured it.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.minutes import MinuteGold, choose, split_undone
from marketkeep.model import MINUTE_DAYS, Policy

_SESSION = ["symbol", "date"]
_ROW = ("symbol", "ts", "source", "feed")
_VALUES = ("open", "high", "low", "close", "volume")
_FACTS = ("feed", "source", *_VALUES, "closing", "minutes")

_ts = pl.col("ts")
_regular = (_ts >= pl.col("session_open")) & (_ts < pl.col("session_close"))
_closing = _ts == pl.col("session_close")


def minute_days(gold: MinuteGold, raw_actions: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """
    The versions of each session among these minutes as `MINUTE_DAYS` rows, sorted by key; the last is what stands.

    `gold` is what `promote_minutes` made of all that raw holds of the sessions, with `raw_actions` of their symbols.
    """
    standing = gold.checked.filter(~pl.col("hard"))
    received = standing.group_by(*_SESSION, "batch_id").agg(received_at=pl.col("fetched_at").max())
    told_once = pl.len().over(_SESSION) == 1
    once, often = received.filter(told_once), received.filter(~told_once)
    found = [MINUTE_DAYS.empty(), _rows(_totals(gold.chosen.join(once, on=_SESSION, how="semi")), once)]
    if not often.is_empty():
        found.append(
            _versions(standing.join(often, on=_SESSION, how="semi", maintain_order="left"), raw_actions, policy)
        )
    return pl.concat(found).sort(*MINUTE_DAYS.key)


def _versions(standing: pl.DataFrame, raw_actions: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The versions of sessions that several batches tell of; `standing` rows by key, then by time received."""
    rows = _undone(standing, raw_actions)
    same_row = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in _ROW).fill_null(value=False)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in _VALUES)
    rows = rows.filter(~(same_row & same))
    batches = (
        rows.group_by(*_SESSION, "batch_id")
        .agg(received_at=pl.col("fetched_at").max())
        .sort(*_SESSION, "received_at", "batch_id")
        .with_columns(version=pl.int_range(pl.len()).over(_SESSION))
    )
    rows = rows.join(batches.drop("received_at"), on=[*_SESSION, "batch_id"], how="left", maintain_order="left")
    found = [MINUTE_DAYS.empty()]
    for told in batches.partition_by("version"):
        version = told["version"][0]
        then = rows.join(told, on=_SESSION, how="semi", maintain_order="left").filter(pl.col("version") <= version)
        found.append(_rows(_totals(choose(then, policy)), told))
    whole = pl.concat(found).sort(*MINUTE_DAYS.key)
    before = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in (*_SESSION, *_FACTS))
    return whole.filter(~before)


def _undone(rows: pl.DataFrame, raw_actions: pl.DataFrame) -> pl.DataFrame:
    """`rows` as traded, in their order."""
    numbered = rows.with_row_index("place")
    return split_undone(numbered, raw_actions).sort("place").drop("place")


def _totals(chosen: pl.DataFrame) -> pl.DataFrame:
    """What chosen minutes, sorted by symbol and ts, come to by session."""
    told = _regular | _closing
    unknown = (told & pl.col("volume").is_null()).any()
    return chosen.group_by(_SESSION, maintain_order=True).agg(
        pl.col("feed").first(),
        pl.col("source").first(),
        pl.col("open").filter(_regular).first(),
        pl.col("high").filter(_regular).max(),
        pl.col("low").filter(_regular).min(),
        pl.col("close").filter(_regular).last(),
        closing=pl.col("open").filter(_closing).first(),
        volume=pl.when(~unknown).then(pl.col("volume").filter(told).sum()),
        minutes=_regular.sum().cast(pl.Int32),
    )


def _rows(totals: pl.DataFrame, received: pl.DataFrame) -> pl.DataFrame:
    return MINUTE_DAYS.conform(
        totals.join(received.select(*_SESSION, "batch_id", "received_at"), on=_SESSION).select(list(MINUTE_DAYS.schema))
    )
