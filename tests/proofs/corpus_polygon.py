"""
Every recorded answer of Polygon's, put to our source as the answer to the nearest request.

Bars and lists of the endpoints we use are answers to what we would ask; anything else stands in for one of them, and
must be refused.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from marketkeep.model import Payload, Query, Request
from marketkeep.sources.polygon import Polygon
from proofs.verdicts import FETCHED, Verdict, files_of, judge

POLYGON = Polygon()
SPLIT = ("GOOGL", "GOOG", "CTO", "SHOP", "DXCM", "AMZN", "BRW", "CM", "CIG.C")
# So many that their actions come by the list of the whole market, as the recorded ones did.
PAID = ("CSSEN", "AIRTP", *(f"Q{letter}" for letter in string.ascii_uppercase))


def daily(start: date, end: date) -> Request:
    """The request for daily bars of AAPL."""
    return POLYGON.plan(Query("daily_bars", ("AAPL",), start, end, FETCHED))[0]


def splits(symbols: tuple[str, ...] = SPLIT, start: date = date(2022, 5, 1), end: date = date(2022, 8, 1)) -> Request:
    """The request for splits of the whole market."""
    return POLYGON.plan(Query("actions", symbols, start, end, FETCHED))[0]


def dividends() -> Request:
    """The request for dividends of the whole market, as it follows the last page of splits."""
    first = splits(PAID, date(2023, 8, 1), date(2025, 7, 1))
    following = POLYGON.next_page(first, Payload(200, (), b'{"results":[],"status":"OK"}', FETCHED))
    assert following is not None
    return following


def request_for(name: str) -> Request:
    """The request that a file's endpoint is nearest to."""
    if name.startswith("v3_reference_dividends"):
        return dividends()
    if name.startswith("v3_"):
        return splits()
    if name.startswith("v2_aggs"):
        return daily(date(2005, 4, 1), date(2005, 4, 5))
    return daily(date(2023, 1, 1), date(2023, 1, 11))


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """One verdict for every file under `polygon`."""
    for path in files_of(corpus, "polygon"):
        yield judge(corpus, path, POLYGON, request_for(path.name), status=_statuses(path.parent)[path.name])


def _statuses(folder: Path) -> dict[str, int]:
    lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return {entry["file"]: entry["status"] for entry in map(json.loads, filter(None, lines))}
