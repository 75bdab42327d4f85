"""Made answers of the SEC for tests: company facts and submissions of one company, and how they are read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import Frames, Payload, Request
from marketkeep.sources.sec import Sec

SEC = Sec()
COMPANY, CIK = "CIK0000000042", 42
NOW = datetime(2024, 5, 7, 12, tzinfo=UTC)
TODAY, TOMORROW = date(2024, 5, 7), date(2024, 5, 8)


def fact(end: str = "2023-12-31", val: Any = 5, **more: Any) -> dict[str, Any]:
    """One fact as the SEC writes it, an instant unless a `start` is given."""
    filing = {"accn": "0000000042-24-000001", "fy": 2023, "fp": "FY", "form": "10-K", "filed": "2024-02-20"}
    return {"end": end, "val": val} | filing | more


def companyfacts(*facts: dict[str, Any], taxonomy: str = "us-gaap", concept: str = "Assets", unit: str = "USD") -> Any:
    """A document with facts of one concept."""
    about = {"label": concept, "description": concept, "units": {unit: list(facts)}}
    return {"cik": CIK, "entityName": "Made Up Inc", "facts": {taxonomy: {concept: about}}}


def filings(*forms: str, **columns: list[Any]) -> dict[str, Any]:
    """Filings as columns, each a day before the last."""
    days = [f"2024-05-{6 - at:02d}" for at in range(len(forms))]
    made: dict[str, list[Any]] = {
        "accessionNumber": [f"0000000042-24-{900 - at:06d}" for at in range(len(forms))],
        "filingDate": days,
        "reportDate": [""] * len(forms),
        "acceptanceDateTime": [f"{day}T20:15:{at:02d}.000Z" for at, day in enumerate(days)],
        "form": list(forms),
        "items": [""] * len(forms),
        "primaryDocument": [""] * len(forms),
    }
    return made | columns


def submissions(recent: dict[str, Any] | None = None, pages: int = 0, **more: Any) -> Any:
    """A company's first answer."""
    files = [{"name": f"{COMPANY}-submissions-{number:03d}.json"} for number in range(1, pages + 1)]
    return {
        "cik": "0000000042",
        "name": "Made Up Inc",
        "sic": "3571",
        "sicDescription": "Electronic Computers",
        "fiscalYearEnd": "0926",
        "tickers": ["MADE"],
        "exchanges": ["Nasdaq"],
        "formerNames": [],
        "filings": {"recent": filings("10-Q") if recent is None else recent, "files": files},
    } | more


def asked(dataset: str, url: str = "") -> Request:
    """The request for the company's own answer."""
    path = "api/xbrl/companyfacts" if dataset == "facts" else "submissions"
    made = url or f"https://data.sec.gov/{path}/{COMPANY}.json"
    return Request("sec", dataset, made, (), (COMPANY,), TODAY, TOMORROW)


def payload(told: Any, status: int = 200) -> Payload:
    """An answer; bytes as they are, anything else as JSON."""
    return Payload(status, (), told if isinstance(told, bytes) else orjson.dumps(told), NOW)


def parse(dataset: str, told: Any, status: int = 200) -> Frames:
    """What the source reads."""
    return SEC.parse(asked(dataset), payload(told, status))


def facts_of(told: Any) -> pl.DataFrame:
    """The facts the source reads."""
    return parse("facts", told)["facts"]


def refused(dataset: str, told: Any, status: int = 200) -> tuple[str, bool]:
    """Code of the refusal, and whether asking again may help."""
    with pytest.raises(PayloadRefused) as caught:
        parse(dataset, told, status)
    return caught.value.fault, caught.value.retry
