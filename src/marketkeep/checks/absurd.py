"""
Refusing what a person would laugh at, before sources are compared: a close a hundred times too high for one session.

The judgement rests on the candidates of all sources around the row, not on gold, so it is not circular: what is
refused here never becomes gold. A level that lasts is never refused, however far the step; nor is a value that another
source tells of the same session, because two sources seldom slip alike.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from marketkeep.checks.bars import BAR_CHECKS
from marketkeep.checks.context_rules import PRICE_ABSURD
from marketkeep.checks.scoring import add_marks
from marketkeep.checks.windows import NEAR_DAYS, day_key
from marketkeep.model import Thresholds

_SUPPORT = 0.1
_LEAST_AROUND = 2
_MIDDLES: tuple[tuple[str, Literal["higher", "lower"]], ...] = (("high", "higher"), ("low", "lower"))
_SESSION = ["symbol", "date"]
_SOURCE_ROW = [*_SESSION, "source"]


def reject_absurd(checked: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """
    `checked` (`check_bars`' output, as traded) with absurd closes marked `price_absurd`, hard, score 0.

    Compared with the median close of the candidates within `NEAR_DAYS` calendar days before, and after, of all sources
    as they told them last, other sessions only: it has to lie `absurd_times` above both or below both. Where one side
    holds nothing, as at the newest session, only an error of units (100 or 1000 times, within a tenth) that no other
    session repeats is refused, for a reverse split may just have come. Rows farther away than `NEAR_DAYS` never
    matter.
    """
    suspects = _suspects(checked.with_row_index("place").filter(~pl.col("hard")), thresholds)
    if suspects.is_empty():
        return checked
    rows = suspects["place"].to_numpy().astype(np.int64)
    return add_marks(checked, rows, [(PRICE_ABSURD, pl.repeat(value=True, n=len(rows), eager=True))], BAR_CHECKS)


def _suspects(standing: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """The rows that are absurd, of those that passed the hard checks; `place` is kept."""
    wide = standing.group_by("symbol").agg(times=pl.col("close").max() / pl.col("close").min())
    symbols = wide.filter(pl.col("times") >= thresholds.absurd_times)["symbol"]
    if symbols.is_empty():
        return standing.clear()
    near = standing.filter(pl.col("symbol").is_in(symbols.implode()))
    # A source counts once a session, by its last word: how often it was asked is no evidence.
    newest = near.unique(_SOURCE_ROW, keep="last", maintain_order=True).with_columns(key=day_key().set_sorted())
    turned = newest.select("close", key=-pl.col("key")).reverse()
    ahead = turned.select(_medians("ahead")).reverse()
    newest = pl.concat([newest.with_columns(_medians("behind")), ahead], how="horizontal")
    around = newest.unique(_SESSION, keep="first", maintain_order=True)
    near = near.join(
        around.select(*_SESSION, "behind_high", "behind_low", "ahead_high", "ahead_low"),
        on=_SESSION,
        maintain_order="left",
    )
    found = near.filter(PRICE_ABSURD.hits(thresholds).fill_null(value=False))
    if found.is_empty():
        return found
    found = found.join(_supported(found, newest), on="place", how="anti")
    return found.join(_repeated(found, newest), on="place", how="anti")


def _medians(side: str) -> list[pl.Expr]:
    """The medians of the closes within `NEAR_DAYS` before; of an even number the upper and the lower one."""
    return [
        pl.col("close")
        .rolling_quantile_by("key", f"{NEAR_DAYS}i", quantile=0.5, interpolation=interpolation, closed="left")
        .alias(f"{side}_{name}")
        for name, interpolation in _MIDDLES
    ]


def _supported(found: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """Rows whose close another source tells of the same session, as it told it last."""
    pairs = found.join(newest.select(*_SOURCE_ROW, "close"), on=_SESSION, suffix="_other")
    close = (pl.col("close") / pl.col("close_other") - 1).abs() <= _SUPPORT
    return pairs.filter((pl.col("source") != pl.col("source_other")) & close).select("place")


def _repeated(found: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """Rows at an end of what is held whose close another session repeats, or that hardly anything stands beside."""
    ends = found.filter(pl.col("behind_high").is_null() | pl.col("ahead_high").is_null())
    pairs = ends.join(newest.select("symbol", "date", "close"), on="symbol", suffix="_other")
    days = (pl.col("date") - pl.col("date_other")).dt.total_days().abs()
    around = (
        pairs.filter(days.is_between(1, NEAR_DAYS))
        .group_by("place")
        .agg(
            repeated=((pl.col("close") / pl.col("close_other") - 1).abs() <= _SUPPORT).any(),
            around=pl.col("date_other").n_unique(),
        )
    )
    return around.filter(pl.col("repeated") | (pl.col("around") < _LEAST_AROUND)).select("place")
