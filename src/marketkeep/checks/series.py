"""
Judging every candidate among the gold bars around it: also those that were superseded or not chosen.

Most rows are ordinary, so they are first passed through a coarse sieve; the rules themselves, and what was usual before
each row, are worked out for what stays in it. A row that failed a hard check, or of whose session no gold bar is
known, gets no marks here.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from marketkeep.checks.bar_rules import PRICES
from marketkeep.checks.bars import BAR_CHECKS
from marketkeep.checks.context import log_volume
from marketkeep.checks.context_rules import CONTEXT_CHECKS, QUIET_VOLUME, UNKNOWN_MOVE, step
from marketkeep.checks.scoring import add_marks
from marketkeep.checks.windows import NEAR_DAYS, usual_before
from marketkeep.model import Thresholds

_SOURCE_ROW = ("symbol", "date", "source")
_PAYLOAD = ("symbol", "source", "batch_id", "payload")
_HALF_UNITS = ((2, 0.005), (4, 0.00005))
_LEAST_SPLIT = 0.1
_close = pl.col("close")


def check_series(
    checked: pl.DataFrame,
    context: pl.DataFrame,
    thresholds: Thresholds,
    tolerance: float | pl.Expr = 0.005,
) -> pl.DataFrame:
    """
    `checked` with the marks of the checks in context added to `failed`, and `score` lowered by their weights.

    `checked` is `reject_absurd`'s output, sorted by symbol, date and time received; `context` is `bar_context` of the
    gold bars of these symbols, reaching back `window_days` and twice `NEAR_DAYS` before the first row and `NEAR_DAYS`
    past the last one. Within `tolerance`, a share of the larger price, two sources agree; an expression over
    `checked` where it differs by row. The closes as delivered, `delivered`, are needed to judge adjusted closes.
    """
    rows = _sieve(_beside(checked, context, tolerance), thresholds)
    if rows.is_empty():
        return checked
    rows = _with_newest(_with_usual(rows, context, thresholds), checked)
    told = rows.select(check.hits(thresholds).fill_null(value=False).alias(check.code) for check in CONTEXT_CHECKS)
    places = rows["place"].to_numpy().astype(np.int64)
    return add_marks(checked, places, [(check, told[check.code]) for check in CONTEXT_CHECKS], BAR_CHECKS)


def _beside(checked: pl.DataFrame, context: pl.DataFrame, tolerance: float | pl.Expr) -> pl.DataFrame:
    """Candidates that may be judged with their context beside them; `place` is that in `checked`."""
    adjusted = [name for name in ("adj_close", "delivered", "basis", "payload") if name in checked.columns]
    agreed = tolerance if isinstance(tolerance, pl.Expr) else pl.lit(tolerance)
    rows = (
        checked.with_row_index("place")
        .filter(~pl.col("hard"))
        .select("place", *_SOURCE_ROW, *PRICES, "volume", "batch_id", *adjusted, tolerance=agreed)
        .join(
            context.drop("log_volume", "move").with_row_index("gold"),
            on=["symbol", "date"],
            how="inner",
            maintain_order="left",
        )
        .with_columns(log_volume=log_volume())
    )
    return rows.with_columns(adjusted_off=_adjusted_off(rows))


def _sieve(rows: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """Rows that some rule could speak of; the sieve is never finer than the rules."""
    least = min(math.log1p(thresholds.return_floor), math.log1p(thresholds.spike_floor), _LEAST_SPLIT)
    far = step(_close, "before").abs() > least
    gap = step(pl.col("open"), "before").abs() > min(math.log1p(thresholds.gap_share), UNKNOWN_MOVE)
    loud = (pl.col("log_volume") - pl.col("usual_volume")).abs() > thresholds.volume_sigma * QUIET_VOLUME
    off = pl.col("adjusted_off") > thresholds.adjusted_share
    gold = [pl.col(f"gold_{name}") for name in PRICES]
    differences = (
        (pl.col(name) - other).abs() > pl.max_horizontal(name, other) * pl.col("tolerance")
        for name, other in zip(PRICES, gold, strict=True)
    )
    marked = rows.with_columns(disagrees=pl.any_horizontal(differences).fill_null(value=False))
    speaks = (far, gap, loud, off, pl.col("stale"), pl.col("disagrees"))
    return marked.filter(pl.any_horizontal(one.fill_null(value=False) for one in speaks))


def _with_usual(rows: pl.DataFrame, context: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """What was usual before each row: of moves the median and the spread, of volumes the spread."""
    keys, places = context["key"].to_numpy(), rows["gold"].to_numpy().astype(np.int64)
    days, least = thresholds.window_days, thresholds.window_least
    usual, spread = usual_before(keys, context["move"].to_numpy(), places, days, least, resting=True)
    _, crowd = usual_before(keys, context["log_volume"].to_numpy(), places, days, least)
    return rows.with_columns(
        pl.Series("usual_move", usual, nan_to_null=True),
        pl.Series("move_spread", spread, nan_to_null=True),
        pl.Series("volume_spread", crowd, nan_to_null=True),
    )


def _with_newest(rows: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    """Whether each row that disagrees is the newest that its source told of the session."""
    told = rows.filter("disagrees").select(_SOURCE_ROW).unique()
    standing = checked.with_row_index("place").filter(~pl.col("hard"))
    newest = standing.join(told, on=_SOURCE_ROW, how="semi").group_by(_SOURCE_ROW).agg(pl.col("place").max())
    return rows.with_columns(newest=pl.col("place").is_in(newest["place"].implode()))


def _adjusted_off(rows: pl.DataFrame) -> pl.Series:
    """
    How far the step of a source's own adjusted close, from the session before of the same payload, is from ours.

    An adjusted close over the close as delivered is the source's factor: of dividends where splits are in the close
    already, of both where it is as traded. Factors of later actions are in both sessions and cancel, so neither the
    day it was asked for nor a restatement matters. What rounding of few decimals can explain is taken off. As a share
    of the smaller factor; null where there is nothing to compare.
    """
    result = np.full(rows.height, np.nan)
    if not {"adj_close", "delivered", "basis", "payload"} <= set(rows.columns):
        return pl.Series(result, nan_to_null=True)
    told = rows.with_row_index("at").filter((pl.col("adj_close") > 0) & (pl.col("delivered") > 0))
    both = pl.col("split_factor") * pl.col("dividend_factor")
    as_traded, split_adjusted = (pl.col("basis") == name for name in ("as_traded", "split_adjusted"))
    ours = pl.when(as_traded).then(both).when(split_adjusted).then("dividend_factor")
    adjusted = pl.col("adj_close")
    unit = pl.lit(0.0)
    for places, half in reversed(_HALF_UNITS):
        unit = pl.when((adjusted.round(places) - adjusted).abs() <= 1e-9 * adjusted).then(half).otherwise(unit)
    told = told.select(
        "at",
        "date",
        *_PAYLOAD,
        rounding=unit / adjusted,
        ratio=(adjusted / pl.col("delivered") / ours).log(),
    )
    before = {name: pl.col(name).shift(1).over(_PAYLOAD) for name in ("ratio", "rounding", "date")}
    off = (pl.col("ratio") - before["ratio"]).abs() - pl.col("rounding") - before["rounding"]
    near = (pl.col("date") - before["date"]).dt.total_days().is_between(1, NEAR_DAYS)
    told = told.select("at", off=pl.when(near).then(off))
    result[told["at"].to_numpy()] = told["off"].to_numpy()
    return pl.Series(result, nan_to_null=True)
