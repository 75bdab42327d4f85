"""
What sources tell of corporate actions, event by event, before any witness is heard.

An event is what several sources mean when they tell of the same thing: the same payment under two kinds, a sum of
payments beside its parts, a split told for one session or the next. Claims are put together only where that is plain;
all that follows from claims alone is worked out here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby
from typing import Any

import polars as pl

from marketkeep.gold.jury.events import cash_events, split_events
from marketkeep.gold.newest import newest_actions
from marketkeep.model import Policy
from marketkeep.model.tables import Dtype

Row = dict[str, Any]

_CLAIM: dict[str, Dtype] = {
    "source": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
    "numerator": pl.Int64,
    "denominator": pl.Int64,
    "amount": pl.Float64,
    "factor": pl.Float64,
    "basis": pl.String,
}
_AROUND = timedelta(days=200)
_FACTS = ("currency", "declared_date", "record_date", "pay_date")
TOLD: dict[str, Dtype] = {
    "symbol": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
    "currency": pl.String,
    "declared_date": pl.Date,
    "record_date": pl.Date,
    "pay_date": pl.Date,
    "told": pl.String,
    "claims": pl.List(pl.Struct(_CLAIM)),
    "beside": pl.Float64,
    "ratio": pl.Float64,
    "since": pl.Date,
    "until": pl.Date,
    "silent": pl.List(pl.String),
}
"""
The schema of what `told_actions` gives. `claims` are best ranked first, amounts as paid; `beside` is the other cash of
the same ex-date, `ratio` the split of it (1.0 if none); `since` and `until` are the other splits next to this one;
`silent` are sources that tell other payments not long before and after, and not this one.
"""


def told_actions(raw: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """
    One row per event that sources tell of, as `TOLD`, sorted by symbol, ex-date and kind (unique together).

    `raw` are raw actions with their lineage, in any order. `told` names each source's claim, sorted by source, and
    changes exactly when a claim does: `alpaca=2:1, yahoo=4:1`; amounts with their basis, and a day or kind where it is
    not the row's own.
    """
    names = ["symbol", *_CLAIM, *_FACTS, "text", "basis_date"]
    newest = newest_actions(raw)
    absent = [pl.lit(None, dtype=TOLD.get(name, pl.String)).alias(name) for name in names if name not in raw.columns]
    rows = newest.with_columns(absent).select(names).sort("symbol", "ex_date", "kind", "source").rows(named=True)
    ranks = {source: (policy.rank(source, "actions"), source) for source in {row["source"] for row in rows}}
    tolerance = policy.tolerance_of("actions")
    made: list[tuple[Any, ...]] = []
    for symbol, mine in groupby(rows, key=lambda row: row["symbol"]):
        made += _of_symbol(symbol, list(mine), ranks, tolerance)
    return pl.DataFrame(made, schema=TOLD, orient="row").sort("symbol", "ex_date", "kind")


def _of_symbol(
    symbol: str, rows: list[Row], ranks: dict[str, tuple[int, str]], tolerance: float
) -> Iterator[tuple[Any, ...]]:
    splits: dict[str, list[tuple[date, int, int]]] = {}
    for row in rows:
        if row["kind"] == "split":
            told = (row["ex_date"], row["numerator"], row["denominator"])
            splits.setdefault(row["source"], []).append(told)
    ratios = [row for row in rows if row["kind"] in ("split", "spin_off")]
    cash = [_as_paid(row, splits.get(row["source"], ())) for row in rows if row["kind"] not in ("split", "spin_off")]
    found = split_events(ratios)
    days = sorted({row["ex_date"] for row in ratios if row["kind"] == "split"})
    on_day: dict[date, float] = {}
    for ex_date, kind, claims in found:
        claims.sort(key=lambda row: ranks[row["source"]])
        if kind == "split":
            best = next(row for row in claims if row["kind"] == "split")
            on_day[ex_date] = best["numerator"] / best["denominator"]
        own = {row["ex_date"] for row in claims}
        since = max((day for day in days if day < min(own)), default=None)
        until = min((day for day in days if day > max(own)), default=None)
        yield _row(symbol, ex_date, kind, claims, (0.0, 1.0, since, until, []))
    payments = cash_events(cash, tolerance)
    paying: dict[str, list[date]] = {}
    for row in cash:
        paying.setdefault(row["source"], []).append(row["ex_date"])
    together: dict[date, float] = {}
    for ex_date, _, claims in payments:
        claims.sort(key=lambda row: ranks[row["source"]])
        together[ex_date] = together.get(ex_date, 0.0) + _paid(claims)
    for ex_date, kind, claims in payments:
        beside = round(together[ex_date] - _paid(claims), 10)
        silent = _silent(claims, paying) if len(paying) > 1 else []
        yield _row(symbol, ex_date, kind, claims, (beside, on_day.get(ex_date, 1.0), None, None, silent))


def _silent(claims: list[Row], paying: dict[str, list[date]]) -> list[str]:
    """Sources that tell payments (days sorted) within `_AROUND` before and after these claims, and none of them."""
    first, last = min(row["ex_date"] for row in claims), max(row["ex_date"] for row in claims)
    telling = {row["source"] for row in claims}
    silent = []
    for source in sorted(set(paying) - telling):
        days = paying[source]
        before, after = bisect_left(days, first), bisect_right(days, last)
        if before and after < len(days) and first - days[before - 1] <= _AROUND and days[after] - last <= _AROUND:
            silent.append(source)
    return silent


def _paid(claims: list[Row]) -> float:
    """What the best ranked claim of a known basis says was paid."""
    return next((row["amount"] for row in claims if row["basis"] != "unknown" and row["amount"] is not None), 0.0)


def _row(
    symbol: str, ex_date: date, kind: str, claims: list[Row], context: tuple[float, float, Any, Any, list[str]]
) -> tuple[Any, ...]:
    facts = [next((row[name] for row in claims if row[name] is not None), None) for name in _FACTS]
    texts = sorted(_text(row, ex_date, kind) for row in claims)
    short = [{name: row[name] for name in _CLAIM} for row in claims]
    return (symbol, ex_date, kind, *facts, ", ".join(texts), short, *context)


def _text(row: Row, ex_date: date, kind: str) -> str:
    notes = []
    if row["amount"] is not None:
        notes.append(row["basis"])
        if row.get("scaled"):
            notes.append(f"{row['amount']:.12g} as paid")
        if row.get("whole"):
            notes.append("all of that day")
    if row["factor"] is not None and not row["text"].startswith("step "):
        notes.append(f"a step of {row['factor']:.12g}")
    if row["kind"] != kind:
        notes.append(row["kind"])
    if row["ex_date"] != ex_date:
        notes.append(f"on {row['ex_date']}")
    return f"{row['source']}={row['text']}" + (f" ({'; '.join(notes)})" if notes else "")


def _as_paid(row: Row, splits: Sequence[tuple[date, int, int]]) -> Row:
    """The row with its amount per share of then: a scaled amount times the ratios of the splits behind it."""
    if not splits or row["amount"] is None or row["basis"] in ("as_traded", "unknown"):
        return row
    new = old = 1
    for ex_date, numerator, denominator in splits:
        if ex_date > row["ex_date"] and (row["basis_date"] is None or ex_date <= row["basis_date"]):
            new, old = new * numerator, old * denominator
    if new == old:
        return row
    return {**row, "amount": _simplest(row["amount"], row["text"], Fraction(new, old)), "scaled": True}


def _simplest(amount: float, text: str, ratio: Fraction) -> float:
    """
    `amount` x `ratio` as the decimal that was paid: exact where the product has four places at most, else the
    shortest decimal within the rounding of what was delivered (0.094643 x 28 is 2.65).
    """
    exact = float(Fraction(str(amount)) * ratio)
    if abs(round(exact, 4) - exact) < 1e-9:
        return round(exact, 4)
    places = len(text.partition(".")[2]) if "e" not in text.lower() else 9
    slack = 0.5 * 10.0**-places * float(ratio) + 1e-12
    for keep in range(2, 9):
        if abs(round(exact, keep) - exact) <= slack:
            return round(exact, keep)
    return exact
