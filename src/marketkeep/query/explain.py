"""
The proof of one cell: every raw candidate, who won and why, what the score lost, and each factor back to its action.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from marketkeep.checks import BAR_CHECKS, check_bars, failed_codes
from marketkeep.errors import BadInput, NotFound
from marketkeep.gold import promote
from marketkeep.model import Policy
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake

FIELDS = ("open", "high", "low", "close", "volume", "adj_close", "score", "source")


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    What one source said, once: its value as delivered and as traded, where its payload lies, what it failed.

    `verdict` is won, lost, superseded (a newer version of the same source stands) or refused (a hard check failed).
    """

    source: str
    delivered: float | None
    as_traded: float | None
    basis: str
    fetched_at: datetime
    digest: str
    batch_id: str
    score: int
    deductions: tuple[tuple[str, int], ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class Factor:
    """One action behind an adjusted value: what it was, what it multiplies by, who says so."""

    ex_date: date
    kind: str
    told: str
    factor: float
    status: str
    witnesses: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    The proof of a cell: `value` is what the keep serves, `reason` one sentence on the choice.

    For adj_close, `value` = the winner's close as traded x the product of `factors`.
    """

    symbol: str
    date: date
    field: str
    value: float | int | str | None
    status: str
    reason: str
    candidates: tuple[Candidate, ...]
    factors: tuple[Factor, ...]


def explain(lake: Lake, batches: BatchStore, symbol: str, day: date, field: str) -> Explanation:
    """Raises `BadInput` for an unknown field and `NotFound` when no source ever said anything about that session."""
    if field not in FIELDS:
        raise BadInput(f"{field!r} is not a field of a daily bar; it has {', '.join(FIELDS)}")
    catalog, policy = lake.catalog(), lake.policy()
    raw_bars = batches.rows("daily_bars", catalog.batch_paths("daily_bars"), symbols=[symbol])
    told = raw_bars.filter(pl.col("date") == day).sort("fetched_at", "batch_id", "payload", maintain_order=True)
    if told.is_empty():
        raise NotFound(f"{symbol} {day}: no source has said anything about this session")
    raw_actions = batches.rows("actions", catalog.batch_paths("actions"), symbols=[symbol])
    gold = promote(raw_bars, raw_actions, policy, check_bars)
    won = gold.bars.filter(pl.col("date") == day)
    winner = won.row(0, named=True) if won.height else None
    column = "close" if field in ("adj_close", "score", "source") else field
    checked = gold.checked.filter(pl.col("date") == day)
    candidates = tuple(_candidates(checked, told[column], column, winner))
    served = lake.bars(catalog, [symbol], day, day)
    value = served.row(0, named=True)[field] if served.height else None
    factors = _factors(lake, catalog.bars(symbol)["last"].max(), symbol, day) if field == "adj_close" else ()
    status = winner["status"] if winner else "refused"
    return Explanation(symbol, day, field, value, status, _reason(winner, candidates, policy), candidates, factors)


def _candidates(
    checked: pl.DataFrame, delivered: pl.Series, column: str, winner: dict[str, Any] | None
) -> list[Candidate]:
    newest: dict[str, int] = {}
    rows = checked.rows(named=True)
    for index, row in enumerate(rows):
        if not row["hard"]:
            newest[row["source"]] = index
    weights = {check.code: check.weight for check in BAR_CHECKS}
    found = []
    for index, row in enumerate(rows):
        codes = failed_codes(row["failed"])
        same = winner is not None and newest.get(row["source"]) == index and winner["source"] == row["source"]
        verdict = "won" if same else "lost"
        if row["hard"]:
            verdict = "refused"
        elif newest[row["source"]] != index:
            verdict = "superseded"
        found.append(
            Candidate(
                row["source"],
                delivered[index],
                row[column],
                row["basis"],
                row["fetched_at"],
                row["digest"],
                row["batch_id"],
                row["score"],
                tuple((code, weights[code]) for code in codes),
                verdict,
            )
        )
    return found


def _factors(lake: Lake, last: Any, symbol: str, day: date) -> tuple[Factor, ...]:
    actions = lake.actions([symbol]).filter(pl.col("ex_date") > day)
    if last is not None:
        actions = actions.filter(pl.col("ex_date") <= last)
    rows = actions.filter(pl.col("adjustment_factor").is_not_null()).sort("ex_date", "kind").rows(named=True)
    return tuple(
        Factor(row["ex_date"], row["kind"], _told(row), row["adjustment_factor"], row["status"], row["witnesses"])
        for row in rows
    )


def _told(row: dict[str, Any]) -> str:
    if row["kind"] == "split":
        return f"{row['numerator']}:{row['denominator']}"
    return f"{row['amount']:g} {row['currency'] or ''}".strip()


def _reason(winner: dict[str, Any] | None, candidates: tuple[Candidate, ...], policy: Policy) -> str:
    if winner is None:
        return "Every candidate failed a hard check, so nothing was published for this session."
    standing = [one for one in candidates if one.verdict in ("won", "lost")]
    rivals = ", ".join(one.source for one in standing if one.verdict == "lost")
    if not rivals:
        return f"{winner['source']} is the only source that stands."
    if winner["status"] == "confirmed":
        return (
            f"{winner['source']} agrees with another source within {policy.tolerance:.1%} and ranks first of those; "
            f"passed over: {rivals}."
        )
    return f"No two sources agree within {policy.tolerance:.1%}; {winner['source']} ranks first; passed over: {rivals}."
