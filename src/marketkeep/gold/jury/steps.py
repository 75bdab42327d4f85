"""
What prices say of a split: the step over an ex-date, measured, and whether it is the ratio's.

A day's own move hides small ratios, so prices are heard only on ratios of 5:4 and more, or 4:5 and less. Everything
here rests on rows within `EVIDENCE_DAYS` of an ex-date, so that an update may judge by the rows near its new ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import polars as pl

EVIDENCE_DAYS = 10
"""Calendar days on either side of an ex-date within which bars are evidence."""

TELLING = math.log(1.25)
"""The smallest ratio, as a log, that prices can tell from a day's own move."""

_WIDEST = math.log(1.5)
_AROUND = (1, 2, 3, -1, -2)

Says = Literal["agree", "do not step", "differ", "cannot tell"]


def says(step: float, ratio: float) -> Says:
    """
    What a measured step (price before / price after, as traded) says of a split of `ratio` new shares for an old one.

    `agree`: within a third of the ratio (in logs), or within 1.5 times of a large one; `do not step`: as near to no
    step at all; `differ`: neither; `cannot tell`: the ratio is too small.
    """
    size = abs(math.log(ratio))
    if size < TELLING - 1e-9:
        return "cannot tell"
    if not 0 < step < math.inf:
        return "differ"
    slack, moved = min(size / 3, _WIDEST), math.log(step)
    if abs(moved - math.log(ratio)) <= slack:
        return "agree"
    return "do not step" if abs(moved) <= slack else "differ"


def lasting(step: float, level: float, ratio: float) -> tuple[float, Says]:
    """
    What a step and the `level` around it (see `levels`) say of a ratio together, and which of them measures it.

    A bad row at the ex-date makes a step of its own. Where the step is neither none nor the ratio's, the level speaks;
    where one of them agrees and the other sees no step, prices cannot tell.
    """
    said, around = says(step, ratio), says(level, ratio)
    if said == "differ":
        return (step if around == "differ" else level), around
    return step, ("cannot tell" if {said, around} == {"agree", "do not step"} else said)


def positive(name: str) -> pl.Expr:
    """Whether a price is one: above zero and finite."""
    return (pl.col(name) > 0) & pl.col(name).is_finite()


def near(rows: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Those of `rows` (symbol, date) within `EVIDENCE_DAYS` of any of `days` (symbol, day); their order stays."""
    offsets = pl.DataFrame({"offset": range(-EVIDENCE_DAYS, EVIDENCE_DAYS + 1)}, schema={"offset": pl.Int32})
    around = days.select("symbol", "day").unique().join(offsets, how="cross")
    wanted = around.select("symbol", date=pl.col("day") + pl.duration(days=pl.col("offset"))).unique()
    return rows.join(wanted, on=["symbol", "date"], how="semi", maintain_order="left")


def pairs(rows: pl.DataFrame, by: Sequence[str], before: Sequence[str]) -> pl.DataFrame:
    """
    Each of `rows` (date, close, ...) beside the one before it among those with the same `by`: the other's date is
    `date_before`, and of the columns in `before` the other's value is `<name>_before`. Sorted by date; rows without one
    before are left out. What `levels` needs of the rows around goes along.
    """
    ordered = rows.sort("date", maintain_order=True)
    shifted = [pl.col(name).shift(1).over(by).alias(f"{name}_before") for name in ("date", *before)]
    around = [pl.col(name).shift(n).over(by).alias(f"{name}{-n}") for n in _AROUND for name in ("date", "close")]
    return ordered.with_columns(*shifted, *around).filter(pl.col("date_before") < pl.col("date"))


def levels() -> pl.Expr:
    """
    Of `pairs` with a `day`: the level of closes before / that after, each the median of three sessions within
    `EVIDENCE_DAYS` of the day; where there are two, that of the one farther away.
    """
    reach = pl.duration(days=EVIDENCE_DAYS)
    second, third = pl.col("date-2") >= pl.col("day") - reach, pl.col("date-3") >= pl.col("day") - reach
    before = _level(pl.col("close-1"), (second, pl.col("close-2")), (third, pl.col("close-3")))
    second, third = pl.col("date1") <= pl.col("day") + reach, pl.col("date2") <= pl.col("day") + reach
    after = _level(pl.col("close"), (second, pl.col("close1")), (third, pl.col("close2")))
    return before / after


def _level(first: pl.Expr, second: tuple[pl.Expr, pl.Expr], third: tuple[pl.Expr, pl.Expr]) -> pl.Expr:
    median = pl.concat_list(first, second[1], third[1]).list.median()
    return pl.when(third[0]).then(median).when(second[0]).then(second[1]).otherwise(first)


def over(found: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """
    The `pairs` that lie over each of `days` (symbol, day): the later row on or after the day, the other before it, both
    within `EVIDENCE_DAYS`.
    """
    window = pl.duration(days=EVIDENCE_DAYS)
    close = found.filter(pl.col("date") - pl.col("date_before") <= 2 * window)
    span = pl.date_ranges(pl.col("date_before") + pl.duration(days=1), "date")
    covering = close.with_columns(day=span).explode("day")
    inside = (pl.col("day") - pl.col("date_before") <= window) & (pl.col("date") - pl.col("day") <= window)
    wanted = days.select("symbol", "day").unique()
    return covering.filter(inside).join(wanted, on=["symbol", "day"], how="semi", maintain_order="left")
