"""
Submissions: who a company is, and its filings, newest first; the older ones in further pages without any wrapper.

`accepted_at` is kept as the SEC tells it, in UTC. That is right for most companies. For some, nearly all of their
instants are the time of day in New York with a Z behind it, and the answer does not say so: whoever needs to know when
a filing could be used takes the later of both readings. Before 2002 only the day is known, as midnight.

An older page names no company: that it is the right one is known from its address alone.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import orjson
import polars as pl

from marketkeep.errors import BadSymbol
from marketkeep.model import RAW_TABLES, Frames, Payload, Symbol
from marketkeep.sources.sec.answers import column, empty, malformed

_FILINGS, _COMPANIES = RAW_TABLES["filings"].delivered, RAW_TABLES["companies"].delivered
# The column, the name the SEC gives it, and whether every filing has one.
_FIELDS = (
    ("accession", "accessionNumber", True),
    ("form", "form", True),
    ("filed", "filingDate", True),
    ("report_date", "reportDate", False),
    ("accepted_at", "acceptanceDateTime", False),
    ("items", "items", False),
    ("document", "primaryDocument", False),
)
_MOST_PAGES = 999


def read_submissions(told: dict[str, Any], cik: int) -> Frames:
    """A company's filings, and itself where it is described: only its first page does that."""
    if "filings" in told:
        return {"companies": _company(told, cik), "filings": _filings(told["filings"]["recent"], cik)}
    if "accessionNumber" not in told:
        raise malformed("not submissions: it has no filings")
    return {"filings": _filings(told, cik)}


def page_count(payload: Payload, company: str) -> int:
    """How many older pages a company's first answer names; 0 where it is none."""
    name = re.compile(rf"{company}-submissions-(\d{{3}})\.json")
    try:
        files = orjson.loads(payload.body)["filings"]["files"]
        numbers = [int(found[1]) for one in files if (found := name.fullmatch(one["name"]))]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return 0
    return min(max(numbers, default=0), _MOST_PAGES)


def _filings(told: dict[str, list[Any]], cik: int) -> pl.DataFrame:
    made: dict[str, pl.Series] = {}
    count = len(told["accessionNumber"])
    if not count:
        raise empty(f"CIK{cik:010d}", "filings")
    for name, theirs, always in _FIELDS:
        values = told[theirs] if always else told.get(theirs) or [None] * count
        if not isinstance(values, list) or len(values) != count:
            raise malformed("the arrays of the filings differ in length")
        made[name] = column(values, _FILINGS[name], name)
        if always and made[name].null_count():
            raise ValueError(f"a filing without {name}")
    frame = pl.DataFrame(made).with_columns(
        pl.lit(cik, dtype=pl.Int64).alias("cik"),
        *(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in ("items", "document")),
    )
    return frame.select(list(_FILINGS)).unique(maintain_order=True)


def _company(told: dict[str, Any], cik: int) -> pl.DataFrame:
    symbols, exchanges = _listed(told.get("tickers") or [], told.get("exchanges") or [])
    row = {
        "cik": cik,
        "name": told["name"],
        "symbols": symbols,
        "exchanges": exchanges,
        "sic": int(told["sic"]) if told.get("sic") else None,
        "industry": told.get("sicDescription") or None,
        "fiscal_year_end": told.get("fiscalYearEnd") or None,
        "former_names": [_former(one) for one in told.get("formerNames") or []],
    }
    if not isinstance(row["name"], str):
        raise TypeError("the company has no name")
    return pl.DataFrame([row], schema=_COMPANIES, orient="row", strict=True)


def _listed(tickers: list[Any], exchanges: list[Any]) -> tuple[list[str], list[str | None]]:
    """The tickers that are such, in canonical form, each with its exchange (None where that is not told)."""
    symbols: list[str] = []
    places: list[str | None] = []
    for at, ticker in enumerate(tickers):
        try:
            symbols.append(Symbol.parse(ticker).text)
        except BadSymbol:
            continue
        places.append(exchanges[at] or None if at < len(exchanges) else None)
    return symbols, places


def _former(told: dict[str, Any]) -> dict[str, Any]:
    """Its days stand as midnight in New York or in UTC: the day that is written is meant in both."""
    return {"name": str(told["name"]), "from": _day(told.get("from")), "to": _day(told.get("to"))}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None
