"""
How often a source had applied a split to the prices it delivered: once as a rule, but not at all or twice at times.

A payload betrays it at the ex-date. Adjusted once, its prices make no step there; a step of the ratio means the split
was left out. Beside prices of the same two sessions that a source delivered as traded, what was applied can be
measured, whatever the payload's own source tells. Everything rests on two neighbouring rows of one payload within
`EVIDENCE_DAYS` of the ex-date; where rows of a payload lie before an ex-date but none behind it is at hand, all of the
symbol's rows are needed (`needs_whole`). Ratios too small for prices to tell are taken as applied once.
"""

from __future__ import annotations

import math
from datetime import date
from typing import NamedTuple

import polars as pl

from marketkeep.gold.jury.events import APART
from marketkeep.gold.jury.steps import EVIDENCE_DAYS, TELLING, lasting, levels, near, over, pairs, positive, says

_KEY = ["symbol", "source", "digest"]
_NEAR = 0.03
_SCHEMA = {"symbol": pl.String, "source": pl.String, "digest": pl.String, "ex_date": pl.Date, "split": pl.Float64}


class _Split(NamedTuple):
    source: str
    ex_date: date
    ratio: float


class _Move(NamedTuple):
    """What delivered prices do over a day: the step, and that of the level around it."""

    step: float
    level: float


def exact_splits(splits: pl.DataFrame) -> pl.DataFrame:
    """Newest raw split actions as symbol, source, ex_date and `split`, new shares per old one."""
    ratio = pl.col("numerator").cast(pl.Float64) / pl.col("denominator")
    return splits.select("symbol", "source", "ex_date", split=ratio)


def usual(splits: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """
    What each of `sources` (symbol, source) is taken to have applied: its own `splits`, or everyone's if it tells none.
    """
    own = splits.join(sources, on=["symbol", "source"], how="semi")
    silent = sources.join(splits, on=["symbol", "source"], how="anti")
    anyone = splits.drop("source").unique(["symbol", "ex_date"], keep="first", maintain_order=True)
    return pl.concat([own, silent.join(anyone, on="symbol").select(own.columns)])


def unusual(bars: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """
    Where payloads betray that they had applied something else: symbol, source, digest, ex_date and what earlier prices
    of that payload are to be multiplied by there (`split`; 1.0 where nothing was applied).

    `bars` are raw daily rows, `splits` those of `exact_splits`.
    """
    telling = splits.filter(pl.col("split").log().abs() >= TELLING - 1e-9)
    days = telling.select("symbol", day="ex_date").unique()
    around = near(bars, days).with_columns(first=pl.coalesce("open", "close"))
    rows = around.select(*_KEY, "date", "close", "basis", "basis_date", "first").filter(
        positive("close"), positive("first")
    )
    adjusted = rows.filter(pl.col("basis") != "as_traded")
    known = pl.col("basis_date_before").is_null() | (pl.col("day") <= pl.col("basis_date_before"))
    cases = over(pairs(adjusted, _KEY, ["close", "basis_date"]), days).filter(known)
    if cases.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    measured = _measured(rows.filter(pl.col("basis") == "as_traded"), cases)
    tells = set(splits.select("symbol", "source").iter_rows())
    told: dict[str, list[_Split]] = {}
    for symbol, *split in telling.sort("symbol", "ex_date", "source").iter_rows():
        told.setdefault(symbol, []).append(_Split(*split))
    found = []
    step = (pl.col("close_before") / pl.col("first")).alias("step")
    moves = cases.select(*_KEY, "day", "date_before", "date", step, levels().alias("level"))
    wanted = moves.filter(positive("step"))
    for symbol, source, digest, day, before, after, *moved in wanted.iter_rows():
        traded = measured.get((symbol, before, after), {})
        there = [one for one in told[symbol] if one.ex_date == day]
        usually = _usually(source, day, told[symbol], tells=(symbol, source) in tells)
        made = _applied([one for one in told[symbol] if one.source == source], there, usually, _Move(*moved), traded)
        if made != usually:
            found.append((symbol, source, digest, day, made))
    made_of = pl.DataFrame(found, schema=_SCHEMA, orient="row")
    return made_of.unique([*_KEY, "ex_date"], keep="last", maintain_order=True)


def _measured(rows: pl.DataFrame, cases: pl.DataFrame) -> dict[tuple[str, date, date], dict[str, float]]:
    """By symbol and two sessions the steps of prices as traded, by source."""
    last = rows.unique(["symbol", "source", "date"], keep="last", maintain_order=True)
    spans = cases.select("symbol", "date_before", "date").unique()
    both = spans.join(last.select("symbol", "source", "close", date_before="date"), on=["symbol", "date_before"]).join(
        last.select("symbol", "source", "date", "first"), on=["symbol", "source", "date"]
    )
    steps: dict[tuple[str, date, date], dict[str, float]] = {}
    for symbol, before, after, source, step in both.select(
        "symbol", "date_before", "date", "source", pl.col("close") / pl.col("first")
    ).iter_rows():
        steps.setdefault((symbol, before, after), {})[source] = step
    return steps


def _usually(source: str, day: date, told: list[_Split], *, tells: bool) -> float:
    """What a source is taken to have applied at `day` (see `usual`); 1.0 for nothing."""
    there = [split for split in told if split.ex_date == day]
    return next((split.ratio for split in there if split.source == source), 1.0 if tells else there[0].ratio)


def _applied(own: list[_Split], there: list[_Split], usually: float, move: _Move, traded: dict[str, float]) -> float:
    """What a payload's prices betray to have been applied, by its source's `own` splits and those told for the day."""
    beside = _beside(move.step, usually, there, traded)
    if beside is not None:
        return beside
    if usually == 1.0 or lasting(*move, usually)[1] == "agree":
        return 1.0
    again = any(_again(split, there[0].ex_date, usually) for split in own)
    # Told twice, a session apart: applied twice only where its prices say so.
    return 1.0 if again and lasting(*move, 1 / usually)[1] != "agree" else usually


def _again(split: _Split, day: date, ratio: float) -> bool:
    return 0 < (day - split.ex_date).days <= APART and math.isclose(split.ratio, ratio)


def _beside(step: float, usually: float, there: list[_Split], traded: dict[str, float]) -> float | None:
    """
    What was applied, measured by prices as traded of the same sessions; None where they do not tell.

    As many of them must say that there was no split as sources tell it, because prices may be called as traded and
    not be: a file's basis is often assumed.
    """
    claimed = {split.ratio for split in there}
    options = {1.0, usually, *claimed, *(ratio**2 for ratio in claimed)}
    found: set[float] = set()
    for price in traded.values():
        applied = price / step
        best = min(options, key=lambda option: abs(applied / option - 1))
        found.add(best if abs(applied / best - 1) <= _NEAR else 0.0)
    if len(found) != 1 or 0.0 in found:
        return None
    denying = sum(all(says(price, ratio) == "do not step" for ratio in claimed) for price in traded.values())
    telling = len({split.source for split in there})
    return None if denying and denying < telling else found.pop()


def needs_whole(bars: pl.DataFrame, actions: pl.DataFrame) -> list[str]:
    """
    Symbols of which the rows of a span are not enough to undo what their sources had applied, sorted.

    That is where a split that prices can tell lies in the span, near it or behind it: what its payloads betray there
    changes their rows of all days before, and new rows of others may measure it anew. And where rows were adjusted for
    dividends, which takes all rows of a payload. `bars` are raw daily rows of whole spans; `actions` all raw actions.
    """
    scaled = pl.col("basis") != "as_traded"
    cash = bars.filter(pl.col("basis") == "adjusted")["symbol"].unique().to_list()
    splits = exact_splits(actions.filter(kind="split")).filter(pl.col("split").log().abs() >= TELLING - 1e-9)
    spans = bars.group_by("symbol").agg(
        first=pl.col("date").min(),
        applied=pl.col("basis_date").filter(scaled).max(),
        unknown=(scaled & pl.col("basis_date").is_null()).any(),
    )
    cut = spans.join(splits.select("symbol", "ex_date").unique(), on="symbol").filter(
        (pl.col("ex_date") >= pl.col("first") - pl.duration(days=EVIDENCE_DAYS))
        & (pl.col("unknown") | (pl.col("ex_date") <= pl.col("applied")))
    )
    return sorted({*cash, *cut["symbol"].to_list()})
