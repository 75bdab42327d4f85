"""
The proof of one cell: every raw candidate, who won and why, what the score lost, and each factor back to its action.

It goes the way of every other reader, through the same pure functions, and stops at one session to look around.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from marketkeep.checks import BAR_CHECKS, failed_codes
from marketkeep.errors import BadInput, NotFound
from marketkeep.gold import newest_actions
from marketkeep.gold.applications import exact_splits, unusual, usual
from marketkeep.model import Policy, Symbol
from marketkeep.query.bars import BarsRequest
from marketkeep.query.clocks import Clocks
from marketkeep.query.proof import Candidate, Cell, Claim, Deduction, Explanation, Factor, Undone
from marketkeep.query.reading import read_bars
from marketkeep.query.reasons import of_actions, of_bar, summary
from marketkeep.query.replay import Replayed, replayed
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import Lake

FIELDS = ("open", "high", "low", "close", "volume", "adj_close", "score", "source")
ACTION = "action"
_CHECKS = {check.code: check for check in BAR_CHECKS}
Row = dict[str, Any]


def explain(lake: Lake, batches: BatchStore, cell: Cell, clocks: Clocks) -> Explanation:
    """
    Raises `BadInput` for an unknown field and `NotFound` when no source ever said anything about that session.

    As of an earlier day than the cell's nothing had been said.
    """
    if cell.field not in (*FIELDS, ACTION):
        raise BadInput(f"{cell.field!r} is not a field of a daily bar; it has {', '.join(FIELDS)}, and {ACTION}")
    told = replayed(lake, batches, (cell.symbol,), clocks.recorded_by)
    later = clocks.as_of is not None and cell.date > clocks.as_of
    if cell.field == ACTION:
        return _of_actions(told, cell, later=later)
    candidates, winner = _candidates(told, lake.policy(), cell)
    if later or not candidates:
        raise NotFound(f"{cell.symbol} {cell.date}: no source has said anything about this session")
    factors, not_applied = _factors(told, cell, clocks) if cell.field == "adj_close" else ((), ())
    status = winner["status"] if winner else None
    return Explanation(
        cell.symbol,
        cell.date,
        cell.field,
        _served(lake, batches, cell, clocks),
        status or "refused",
        summary(status, candidates, _tolerance(lake.policy(), cell)),
        of_bar(cell, winner, candidates, _tolerance(lake.policy(), cell), (factors, not_applied)),
        candidates,
        factors,
        not_applied,
    )


def _served(lake: Lake, batches: BatchStore, cell: Cell, clocks: Clocks) -> float | int | str | None:
    """What a reader gets for the cell; nothing where it has no bar."""
    asked = BarsRequest((cell.symbol,), cell.date, cell.date, "none", clocks.as_of, clocks.recorded_by)
    try:
        bars = read_bars(lake, batches, asked)
    except NotFound:
        return None
    value: float | int | str | None = bars.row(0, named=True)[cell.field] if bars.height else None
    return value


def _tolerance(policy: Policy, cell: Cell) -> float:
    return policy.tolerance_of("daily_bars", Symbol(cell.symbol).asset_class)


def _candidates(told: Replayed, policy: Policy, cell: Cell) -> tuple[tuple[Candidate, ...], Row | None]:
    """All that was said of the session, oldest first, and the bar that won."""
    column = "close" if cell.field in ("adj_close", "score", "source") else cell.field
    order = ["fetched_at", "batch_id", "payload"]
    raw = told.raw_bars.filter(pl.col("date") == cell.date).sort(order, maintain_order=True)
    checked = told.gold.checked.filter(pl.col("date") == cell.date).sort(order, maintain_order=True)
    won = told.gold.bars.filter(pl.col("date") == cell.date)
    winner = won.row(0, named=True) if won.height else None
    rows = checked.rows(named=True)
    newest = {row["source"]: index for index, row in enumerate(rows) if not row["hard"]}
    kind = Symbol(cell.symbol).asset_class
    found = tuple(
        Candidate(
            row["source"],
            policy.rank(row["source"], "daily_bars", kind) + 1,
            raw[column][index],
            row["basis"],
            row["basis_date"],
            tuple(_undone(told, row)),
            row[column],
            _difference(row[column], winner[column] if winner else None),
            row["fetched_at"],
            row["digest"],
            row["batch_id"],
            row["score"],
            tuple(Deduction(code, _CHECKS[code].weight, _CHECKS[code].doc) for code in failed_codes(row["failed"])),
            _verdict(row, newest.get(row["source"]) == index, winner),
        )
        for index, row in enumerate(rows)
    )
    return found, winner


def _verdict(row: Row, newest: bool, winner: Row | None) -> str:  # noqa: FBT001
    if row["hard"]:
        return "refused"
    if not newest:
        return "superseded"
    return "won" if winner is not None and winner["source"] == row["source"] else "lost"


def _difference(value: float | None, won: float | None) -> float | None:
    return None if value is None or not won else (value / won - 1) * 100


def _undone(told: Replayed, row: Row) -> Iterator[Undone]:
    """
    What the row's source had applied to it: the splits that it, or else anyone, tells, as often as the payload betrays
    that it applied them, and the dividends of its own payload where it is adjusted for them.
    """
    if row["basis"] == "as_traded":
        return
    ahead = pl.col("ex_date") > row["date"]
    if row["basis_date"] is not None:
        ahead &= pl.col("ex_date") <= row["basis_date"]
    splits = newest_actions(told.raw_actions.filter(pl.col("kind") == "split"))
    exact = exact_splits(splits)
    odd = unusual(told.raw_bars, exact).filter(pl.col("digest") == row["digest"])
    source = pl.DataFrame({"symbol": [row["symbol"]], "source": [row["source"]]})
    standard = usual(exact, source).join(odd, on="ex_date", how="anti")
    names = {one["numerator"] / one["denominator"]: _terms(one) for one in splits.rows(named=True)}
    applied = pl.concat([standard, odd.select(standard.columns)]).filter(ahead & (pl.col("split") != 1.0))
    for ex_date, ratio in applied.sort("ex_date").select("ex_date", "split").iter_rows():
        yield Undone(ex_date, "split", names.get(ratio, f"{ratio:g}:1"))
    if row["basis"] == "adjusted":
        mine = told.raw_actions.filter(ahead & (pl.col("kind") != "split") & (pl.col("digest") == row["digest"]))
        for one in mine.unique(["ex_date", "kind", "amount"]).sort("ex_date", "kind").rows(named=True):
            yield Undone(one["ex_date"], one["kind"], _terms(one))


def _factors(told: Replayed, cell: Cell, clocks: Clocks) -> tuple[tuple[Factor, ...], tuple[Factor, ...]]:
    """The actions between the session and the last bar (or `as_of`), oldest first: those applied, those not."""
    last: date | None = told.gold.bars["date"].max()  # type: ignore[assignment]
    actions = told.gold.actions.filter(pl.col("ex_date") > cell.date)
    upto = clocks.until(last)
    return _split(actions if upto is None else actions.filter(pl.col("ex_date") <= upto), told.raw_actions)


def _split(actions: pl.DataFrame, raw_actions: pl.DataFrame) -> tuple[tuple[Factor, ...], tuple[Factor, ...]]:
    told = newest_actions(raw_actions)
    rows = [_factor(row, told) for row in actions.sort("ex_date", "kind").rows(named=True)]
    return tuple(one for one in rows if one.factor is not None), tuple(one for one in rows if one.factor is None)


def _factor(row: Row, told: pl.DataFrame) -> Factor:
    mine = told.filter((pl.col("ex_date") == row["ex_date"]) & (pl.col("kind") == row["kind"])).sort("source")
    claims = tuple(
        Claim(one["source"], one["text"] or _terms(one), one["basis"], one["fetched_at"], one["digest"])
        for one in mine.rows(named=True)
    )
    factor, status = row["adjustment_factor"], row["status"]
    return Factor(row["ex_date"], row["kind"], _terms(row), factor, status, row["told"], row["witnesses"], claims)


def _of_actions(told: Replayed, cell: Cell, *, later: bool) -> Explanation:
    """The proof of the actions of one ex-date."""
    mine = told.gold.actions.filter(pl.col("ex_date") == cell.date)
    if later or mine.is_empty():
        raise NotFound(f"{cell.symbol} {cell.date}: no source has told of an action with this ex-date")
    applied, not_applied = _split(mine, told.raw_actions)
    product = 1.0
    for one in applied:
        product *= one.factor or 1.0
    states = sorted({one.status for one in (*applied, *not_applied)})
    reasoning = of_actions((*applied, *not_applied))
    status = states[0] if len(states) == 1 else ", ".join(states)
    value = product if applied else None
    return Explanation(cell.symbol, cell.date, ACTION, value, status, reasoning[0], reasoning, (), applied, not_applied)


def _terms(row: Row) -> str:
    if row["kind"] == "split" and row["numerator"] is not None:
        return f"{row['numerator']}:{row['denominator']}"
    if row["amount"] is None:
        return "no amount"
    return f"{row['amount']:g} {row['currency'] or ''}".strip()
