"""Raw facts, filings and companies made by hand, with their lineage beside them as `BatchStore.rows` gives them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketkeep.gold.fundamentals import resolve_fundamentals
from marketkeep.model import RAW_TABLES
from marketkeep.model import UTC as INSTANT

Row = dict[str, Any]
CIK = 42
RECEIVED = datetime(2025, 1, 2, 22, tzinfo=UTC)
LINEAGE = {"source": pl.String, "fetched_at": INSTANT, "digest": pl.String, "batch_id": pl.String}
QUARTERS = (("01-01", "03-31"), ("04-01", "06-30"), ("07-01", "09-30"), ("10-01", "12-31"))


def lineage(at: int = 0) -> Row:
    """What stands beside a row of a payload received that many days after the first."""
    moment = RECEIVED + timedelta(days=at)
    return {
        "source": "sec",
        "fetched_at": moment,
        "digest": f"sha256:{moment:%Y%m%d}",
        "batch_id": f"{moment:%Y%m%dT%H%M%S}-sec",
        "payload": 0,
    }


def fact(concept: str, span: str, value: float, filed: str, /, *, form: str = "10-Q", at: int = 0, **more: Any) -> Row:
    """
    One fact: `span` is an instant (`2024-03-31`) or first and last day (`2024-01-01/2024-03-31`); the accession is made
    from day and form, so facts of one filing share it.
    """
    start, _, end = span.rpartition("/")
    taxonomy, _, name = concept.rpartition(":")
    return {
        "cik": CIK,
        "taxonomy": taxonomy or "us-gaap",
        "concept": name,
        "unit": "USD",
        "start": date.fromisoformat(start) if start else None,
        "end": date.fromisoformat(end),
        "value": float(value),
        "accession": f"42-{filed}-{form}",
        "fiscal_year": None,
        "fiscal_period": None,
        "form": form,
        "filed": date.fromisoformat(filed),
        "frame": None,
        **lineage(at),
        **more,
    }


def year(
    concept: str, year: int, values: Sequence[float], *, restated: bool = False, late: int = 0, **more: Any
) -> list[Row]:
    """
    What the reports of a calendar year tell of a flow: each quarter and the sum to date, in the fourth only the year.

    `restated` ones are told a year later beside that year's own; `late` adds days to all filings.
    """
    told = []
    shift = 1 if restated else 0
    filed = [f"{year + shift}-05-01", f"{year + shift}-08-01", f"{year + shift}-11-01", f"{year + 1 + shift}-02-20"]
    for at, (begin, end) in enumerate(QUARTERS):
        when = (date.fromisoformat(filed[at]) + timedelta(days=late)).isoformat()
        to_date, quarter = f"{year}-01-01/{year}-{end}", f"{year}-{begin}/{year}-{end}"
        form = "10-K" if at == 3 else "10-Q"
        told.append(fact(concept, to_date, sum(values[: at + 1]), when, form=form, **more))
        if 0 < at < 3:
            told.append(fact(concept, quarter, values[at], when, form=form, **more))
    return told


def filing(accession: str, accepted: str | None, /, *, form: str = "10-Q", at: int = 0, cik: int = CIK) -> Row:
    """One filing and when the SEC says that it accepted it (an ISO time in UTC)."""
    return {
        "cik": cik,
        "accession": accession,
        "form": form,
        "filed": date(2024, 5, 1),
        "report_date": None,
        "accepted_at": datetime.fromisoformat(accepted) if accepted else None,
        "items": None,
        "document": None,
        **lineage(at),
    }


def company(sic: int | None = 3571, *, cik: int = CIK, at: int = 0) -> Row:
    """One company of an industry."""
    return {
        "cik": cik,
        "name": "Made Up Inc",
        "symbols": ["MADE"],
        "exchanges": ["Nasdaq"],
        "sic": sic,
        "industry": None,
        "fiscal_year_end": "1231",
        "former_names": [],
        **lineage(at),
    }


def frame(dataset: str, rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a frame of a raw table with its lineage."""
    return pl.DataFrame(list(rows), schema={**RAW_TABLES[dataset].schema, **LINEAGE})


def resolved(facts: Iterable[Row], filings: Iterable[Row] = (), companies: Iterable[Row] = ()) -> pl.DataFrame:
    """What gold makes of them."""
    made = (frame("facts", facts), frame("filings", filings), frame("companies", companies))
    return resolve_fundamentals(*made).rows


def values(rows: pl.DataFrame, metric: str, *periods: str) -> dict[str, list[float | None]]:
    """The versions of a metric's values by `period end`, of these periods or of all."""
    mine = rows.filter(pl.col("metric") == metric)
    if periods:
        mine = mine.filter(pl.col("period").is_in(list(periods)))
    named = mine.select(at=pl.format("{} {}", "period", "period_end"), value="value")
    return dict(named.group_by("at", maintain_order=True).agg("value").iter_rows())
