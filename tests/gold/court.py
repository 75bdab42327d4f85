"""A court for tests: a market whose truth is known, vendors that tell it well or badly, and the jury's verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.gold import as_traded
from marketkeep.gold.jury import Evidence
from marketkeep.gold.jury.evidence import SHARES
from marketkeep.model import Policy
from raw_rows import Row, actions, bar, bars, resolve_actions

DAYS = XNYS.sessions(date(2020, 8, 3), date(2020, 9, 30))
EX = date(2020, 8, 31)
"""A Monday; the session before is the Friday."""
POLICY = Policy(priority=("yahoo", "polygon", "alpaca"))
Splits = Mapping[date, float]


def market(splits: Splits | None = None, *, start: float = 200.0, days: Sequence[date] = DAYS) -> dict[date, float]:
    """True closes, as traded: they move a little every day, and over a split by its ratio."""
    closes, price = {}, start
    for number, day in enumerate(days):
        price *= 1 + 0.01 * (-1) ** number
        price /= (splits or {}).get(day, 1.0)
        closes[day] = price
    return closes


def plain(closes: Mapping[date, float], source: str = "polygon", **told: Any) -> list[Row]:
    """Bars of a source that delivers them as traded."""
    return [bar(day, close, source=source, **told) for day, close in closes.items()]


def adjusted(
    closes: Mapping[date, float], applied: Splits, source: str = "yahoo", *, until: date | None = None, **told: Any
) -> list[Row]:
    """Bars of a source that divides by the ratios of these splits, as it (rightly or wrongly) applies them."""
    last = until or max(closes)
    told = {"basis": "split_adjusted", "basis_date": last, "source": source, **told}
    rows = []
    for day, close in closes.items():
        ratio = 1.0
        for ex_date, one in applied.items():
            ratio *= one if day < ex_date else 1.0
        rows.append(bar(day, close / ratio, **told))
    return rows


def evidence(rows: Iterable[Row], told: Iterable[Row], counts: Mapping[date, float] | None = None) -> Evidence:
    """What these raw bars and share counts are to the jury."""
    raw = bars(*rows).sort("symbol", "date", "fetched_at", "batch_id", "payload", maintain_order=True)
    undone = as_traded(raw.with_columns(delivered="close", hard=pl.lit(value=False)), actions(*told))
    shares = [{"symbol": "AAPL", "on": day, "shares": count} for day, count in (counts or {}).items()]
    return Evidence(undone, pl.DataFrame(shares, schema=SHARES))


def verdicts(
    rows: Iterable[Row], told: Sequence[Row], counts: Mapping[date, float] | None = None, *, policy: Policy = POLICY
) -> pl.DataFrame:
    """The verdicts on what is told, by these bars and share counts."""
    return resolve_actions(actions(*told), policy, evidence(rows, told, counts))


def verdict(
    rows: Iterable[Row], told: Sequence[Row], counts: Mapping[date, float] | None = None, *, policy: Policy = POLICY
) -> dict[str, Any]:
    """The only verdict."""
    (found,) = verdicts(rows, told, counts, policy=policy).to_dicts()
    return found


def traded(rows: Iterable[Row], told: Iterable[Row], source: str) -> dict[date, float]:
    """The closes of one source, as traded."""
    found = as_traded(bars(*rows), actions(*told)).filter(pl.col("source") == source)
    return dict(found.select("date", "close").iter_rows())
