"""Raw rows made by hand, with their lineage beside them as `BatchStore.rows` gives them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketkeep.gold import Evidence, judge, told_actions
from marketkeep.model import RAW_TABLES, Policy, Table
from marketkeep.model import UTC as INSTANT

Row = dict[str, Any]
LINEAGE = {"source": pl.String, "fetched_at": INSTANT, "digest": pl.String, "batch_id": pl.String}
RECEIVED = datetime(2025, 6, 2, 22, tzinfo=UTC)
"""When rows were received, long after their sessions; `at` is that many minutes later."""


def _lineage(source: str, at: int, payload: int) -> Row:
    return {
        "source": source,
        "fetched_at": RECEIVED + timedelta(minutes=at),
        "digest": f"sha256:{source}{at}",
        "batch_id": f"batch-{source}-{at:04d}",
        "payload": payload,
    }


def bar(day: date | str, close: float | None = 10.0, /, *, source: str = "csv", at: int = 0, **told: Any) -> Row:
    """One raw bar: flat at `close` but for what is told, as traded, of AAPL."""
    return {
        "symbol": "AAPL",
        "date": date.fromisoformat(day) if isinstance(day, str) else day,
        "open": close,
        "high": None if close is None else close * 1.01,
        "low": None if close is None else close * 0.99,
        "close": close,
        "volume": 1000.0,
        "adj_close": None,
        "basis": "as_traded",
        "basis_date": None,
        **_lineage(source, at, 0),
        **told,
    }


def _action(day: date | str, kind: str, source: str, at: int, told: Row) -> Row:
    return {
        "symbol": "AAPL",
        "ex_date": date.fromisoformat(day) if isinstance(day, str) else day,
        "kind": kind,
        "numerator": None,
        "denominator": None,
        "amount": None,
        "currency": None,
        "text": "",
        "factor": None,
        "basis": "as_traded",
        "basis_date": None,
        **_lineage(source, at, 0),
        **told,
    }


def split(day: date | str, new: int, old: int = 1, *, source: str = "csv", at: int = 0, **told: Any) -> Row:
    """One raw split of `new` shares for `old`."""
    return _action(day, "split", source, at, {"numerator": new, "denominator": old, "text": f"{new}:{old}", **told})


def cash(
    day: date | str, amount: float, *, kind: str = "dividend", source: str = "csv", at: int = 0, **told: Any
) -> Row:
    """One raw payment of `amount` a share."""
    return _action(day, kind, source, at, {"amount": amount, "text": repr(amount), **told})


def _frame(table: Table, rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema={**table.schema, **LINEAGE})


def bars(*rows: Row) -> pl.DataFrame:
    """Raw bars as a frame, in the order given."""
    return _frame(RAW_TABLES["daily_bars"], rows)


def actions(*rows: Row) -> pl.DataFrame:
    """Raw actions as a frame, in the order given."""
    return _frame(RAW_TABLES["actions"], rows)


def resolve_actions(raw: pl.DataFrame, policy: Policy, evidence: Evidence | None = None) -> pl.DataFrame:
    """The verdicts on raw actions; without `evidence` by what sources tell alone."""
    return judge(told_actions(raw, policy), evidence or Evidence(), policy)
