"""
The jury: every told event with the evidence around it, as published verdicts.

A verdict depends on its told row, on bars within `EVIDENCE_DAYS` of the ex-dates claimed, and on share counts within
`SHARE_DAYS`; so judging with the rows near an event gives what judging with all of them gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import polars as pl

from marketkeep.gold.jury.cash import judge_cash
from marketkeep.gold.jury.evidence import Evidence, adjusted_steps, share_ratio, share_steps, split_steps
from marketkeep.gold.jury.splits import Verdict, judge_spin_off, judge_split
from marketkeep.gold.jury.steps import EVIDENCE_DAYS
from marketkeep.model import ACTIONS, Policy

Row = dict[str, Any]

_IDENTITY = ("symbol", "ex_date", "kind")
# What a published row must share with a told one for its verdict to rest on the same claims.
_TOLD = (*_IDENTITY, "told", "currency", "declared_date", "record_date", "pay_date")
_MOVED = r"^told as (\w+) of (\d{4}-\d{2}-\d{2}): "


def judge(told: pl.DataFrame, evidence: Evidence, policy: Policy) -> pl.DataFrame:
    """
    One verdict per row of `told` (as `told_actions` gives them), as `ACTIONS` rows sorted by symbol, ex-date and kind.

    `status` is confirmed (two independent voices agree), single (one source, and witnesses are silent), disputed
    (voices contradict and neither side has the majority), or phantom (a split that prices clearly do not follow and
    nobody independent supports). adjustment_factor is left to `with_factors`, except where a claim's or a spin-off's
    own step is all that is known.
    """
    if told.is_empty():
        return ACTIONS.empty()
    splits = told.filter(kind="split")
    cash = told.filter(~pl.col("kind").is_in(["split", "spin_off"]))
    split_at = split_steps(evidence.bars, _days(splits)) if splits.height and evidence.bars.height else {}
    cash_at = adjusted_steps(evidence.bars, _days(cash)) if cash.height and evidence.bars.height else {}
    counts = share_steps(evidence.shares, set(splits["symbol"])) if splits.height else {}
    tolerance = policy.tolerance_of("actions")
    taken = set(told.select(_IDENTITY).iter_rows())
    made = []
    for row in told.iter_rows(named=True):
        symbol = row["symbol"]
        days = {claim["ex_date"] for claim in row["claims"]}
        if row["kind"] == "split":
            steps = {day: split_at[symbol, day] for day in days if (symbol, day) in split_at}
            verdict = judge_split(row, steps, _shares(counts.get(symbol), row, days))
        elif row["kind"] == "spin_off":
            verdict = judge_spin_off(row)
        else:
            paid = {day: cash_at[symbol, day] for day in days if (symbol, day) in cash_at}
            verdict = judge_cash(row, paid, tolerance)
        made.append(_published(row, verdict, taken))
    return pl.DataFrame(made, schema=ACTIONS.schema, orient="row").sort(_IDENTITY)


def _days(told: pl.DataFrame) -> pl.DataFrame:
    claimed = told.select("symbol", "ratio", day=pl.col("claims").list.eval(pl.element().struct.field("ex_date")))
    return claimed.explode("day").unique(maintain_order=True)


def _shares(counts: list[tuple[date, float]] | None, row: Row, days: Iterable[date]) -> dict[date, float]:
    if counts is None:
        return {}
    found = ((day, share_ratio(counts, day, row["since"], row["until"])) for day in days)
    return {day: ratio for day, ratio in found if ratio is not None}


def _published(row: Row, verdict: Verdict, taken: set[tuple[str, date, str]]) -> tuple[Any, ...]:
    own = (row["symbol"], row["ex_date"], row["kind"])
    key, told = (row["symbol"], verdict.ex_date, verdict.kind), row["told"]
    if key != own:
        if key in taken:
            key = own
        else:
            taken.add(key)
            told = f"told as {row['kind']} of {row['ex_date']}: {told}"
    best = verdict.best
    return (
        *key,
        best["numerator"],
        best["denominator"],
        None if best["basis"] == "unknown" else best["amount"],
        row["currency"],
        row["declared_date"],
        row["record_date"],
        row["pay_date"],
        verdict.factor,
        verdict.status,
        told,
        verdict.witnesses,
    )


def retold(told: pl.DataFrame, published: pl.DataFrame) -> list[str]:
    """
    Symbols of which `told` rows and `published` verdicts (`ACTIONS` rows) do not rest on the same claims, sorted.

    Both hold all events of their symbols; a symbol in one of them only is among the answer.
    """
    before = _as_told(published).select(_TOLD)
    after = told.select(_TOLD)
    options: dict[str, Any] = {"on": list(_TOLD), "how": "anti", "nulls_equal": True}
    changed = pl.concat([before.join(after, **options), after.join(before, **options)])
    return changed["symbol"].unique().sort().to_list()


def others(published: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """The `published` verdicts (`ACTIONS` rows) that rest on none of these `told` rows, in their order."""
    numbered = _as_told(published).with_row_index("place")
    place = numbered.join(told.select(_IDENTITY), on=list(_IDENTITY), how="anti", maintain_order="left")["place"]
    return published[place]


def _as_told(published: pl.DataFrame) -> pl.DataFrame:
    """Published verdicts under the kind and day that their event is told of, where the jury moved it."""
    kind, day = (pl.col("told").str.extract(_MOVED, group) for group in (1, 2))
    return published.with_columns(
        kind=pl.coalesce(kind, "kind"),
        ex_date=pl.coalesce(day.str.to_date("%Y-%m-%d"), "ex_date"),
        told=pl.col("told").str.replace(_MOVED, ""),
    )


def concerned(told: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """
    The rows of `told` whose verdict may change with bars of `spans` (symbol, from, to; both included).

    To judge them takes bars from 2 x `EVIDENCE_DAYS` before `from` to as much after `to`.
    """
    reach = pl.duration(days=EVIDENCE_DAYS)
    claimed = pl.col("claims").list.eval(pl.element().struct.field("ex_date"))
    dated = told.with_columns(first=claimed.list.min(), last=claimed.list.max())
    inside = (pl.col("last") >= pl.col("from") - reach) & (pl.col("first") <= pl.col("to") + reach)
    return dated.join(spans, on="symbol", maintain_order="left").filter(inside).select(told.columns)
