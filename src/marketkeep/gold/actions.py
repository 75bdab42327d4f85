"""
Resolving corporate actions: what each source told last, brought to as paid, weighed into one verdict an event.

Confirmed when two sources agree, single when one tells it alone, disputed when they differ or the basis is unknown.
An unknown basis is never guessed: such an action gets no factor.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import groupby
from typing import Any

import polars as pl

from marketkeep.model import ACTIONS, Policy

Row = dict[str, Any]


def newest_actions(raw: pl.DataFrame) -> pl.DataFrame:
    """
    The last version of each action that each source told, sorted (raw rows with their lineage, in any order).

    Payments of one kind and ex-date that one payload tells apart are one action of their sum; the same one told twice
    counts once.
    """
    key = ["symbol", "ex_date", "kind", "source"]
    version = ["fetched_at", "digest"]
    ordered = raw.sort(*key, "fetched_at", "batch_id", "payload", maintain_order=True)
    last = ordered.unique(key, keep="last", maintain_order=True)
    told = ordered.join(last.select(*key, *version), on=[*key, *version], how="semi", nulls_equal=True)
    several = told.unique([*key, "amount", "numerator", "denominator"], keep="last", maintain_order=True).filter(
        (pl.len().over(key) > 1) & pl.col("amount").is_not_null()
    )
    if several.is_empty():
        return last
    sums = several.group_by(key).agg(total=pl.col("amount").sum().round(10), texts=pl.col("text").str.join(" + "))
    return (
        last.join(sums, on=key, how="left", maintain_order="left")
        .with_columns(amount=pl.coalesce("total", "amount"), text=pl.coalesce("texts", "text"))
        .drop("total", "texts")
    )


def resolve_actions(raw: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """
    One verdict per symbol, ex-date and kind, as `ACTIONS` rows.

    adjustment_factor is left to `with_factors`, except where a step is all that the chosen source tells.
    """
    newest = newest_actions(raw)
    rows = newest.rows(named=True)
    splits: dict[tuple[str, str], list[tuple[date, Fraction]]] = {}
    for row in rows:
        if row["kind"] == "split":
            told = (row["ex_date"], Fraction(row["numerator"], row["denominator"]))
            splits.setdefault((row["symbol"], row["source"]), []).append(told)
    verdicts = [
        _verdict([_as_paid(row, splits.get((row["symbol"], row["source"]), [])) for row in told], policy)
        for _, told in groupby(rows, key=lambda row: (row["symbol"], row["ex_date"], row["kind"]))
    ]
    return pl.DataFrame(verdicts, schema=ACTIONS.schema) if verdicts else ACTIONS.empty()


def _as_paid(row: Row, splits: list[tuple[date, Fraction]]) -> Row:
    """The row with its amount per share of then: a scaled amount times the ratios of the splits behind it."""
    if row["kind"] == "split" or row["basis"] in ("as_traded", "unknown"):
        return row
    ratio = Fraction(1)
    for ex_date, split in splits:
        if ex_date > row["ex_date"] and (row["basis_date"] is None or ex_date <= row["basis_date"]):
            ratio *= split
    return {**row, "amount": row["amount"] if ratio == 1 else _simplest(row["amount"], row["text"], ratio)}


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


def _verdict(told: list[Row], policy: Policy) -> Row:
    ranked = sorted(told, key=lambda row: (policy.rank(row["source"]), row["source"]))
    usable = [row for row in ranked if row["basis"] != "unknown"]
    agreed = [row for row in usable if sum(_same(row, other, policy.action_tolerance) for other in usable) > 1]
    best = (agreed or usable or ranked)[0]
    status = "confirmed" if agreed else "single" if len(usable) == 1 else "disputed"
    witnesses = ",".join(f"{row['source']}={row['text']} ({row['basis']})" for row in ranked)
    return {
        "symbol": best["symbol"],
        "ex_date": best["ex_date"],
        "kind": best["kind"],
        "numerator": best["numerator"],
        "denominator": best["denominator"],
        "amount": best["amount"] if usable else None,
        "currency": best["currency"],
        "declared_date": None,
        "record_date": None,
        "pay_date": None,
        "adjustment_factor": best["factor"] if usable else None,
        "status": status,
        "witnesses": witnesses,
    }


def _same(one: Row, other: Row, tolerance: float) -> bool:
    if one["numerator"] is not None and other["numerator"] is not None:
        # Splits, and spin-offs too.
        return bool(one["numerator"] * other["denominator"] == other["numerator"] * one["denominator"])
    if one["amount"] is None or other["amount"] is None:
        return one is other
    return bool(abs(one["amount"] - other["amount"]) <= tolerance * max(one["amount"], other["amount"]))
