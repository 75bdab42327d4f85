"""
Every recorded answer of Yahoo's, put to our source as the answer to the nearest request, and every CSV to the reader.

What came from another endpoint than the chart stands in for a chart of its symbol, and must be refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from marketkeep.errors import BadSymbol
from marketkeep.model import Request, Symbol
from marketkeep.sources.yahoo import Yahoo
from proofs.corpus_files import judge_file
from proofs.verdicts import Verdict, body_of, files_of, judge

YAHOO = Yahoo()
CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """One for every file under `yahoo`."""
    listed: dict[Path, dict[str, dict[str, Any]]] = {}
    for path in files_of(corpus, "yahoo"):
        if path.name.removesuffix(".gz").endswith(".csv"):
            yield from judge_file(corpus, path)
            continue
        if path.parent not in listed:
            listed[path.parent] = _index(path.parent)
        entry = listed[path.parent].get(path.name, {})
        yield judge(corpus, path, YAHOO, _request(path, entry), status=_status(path, entry))


def _index(folder: Path) -> dict[str, dict[str, Any]]:
    """What is known of the requests behind a folder's files."""
    if not (folder / "index.jsonl").exists():
        return {}
    told = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    return {one["file"]: one for one in told}


def _request(path: Path, entry: dict[str, Any]) -> Request:
    """A request for the chart of the symbol and interval that were asked for."""
    parts = urlsplit(entry.get("url", ""))
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    dataset = "minute_bars" if asked.get("interval") == "1m" else "daily_bars"
    symbol = _symbol(_told(path) or unquote(parts.path).rsplit("/", 1)[-1])
    start, end = (_day(asked.get(name)) for name in ("period1", "period2"))
    return Request(YAHOO.name, dataset, CHART + Symbol.parse(symbol).alias("yahoo"), (), (symbol,), start, end)


def _day(epoch: str | None) -> date | None:
    return datetime.fromtimestamp(int(epoch), UTC).date() if epoch else None


def _told(path: Path) -> str | None:
    """The symbol in the chart itself, for recordings whose request is not known."""
    body = body_of(path)
    result = (json.loads(body).get("chart") or {}).get("result") if body[:1] == b"{" else None
    return str(result[0]["meta"]["symbol"]) if result else None


def _symbol(text: str) -> str:
    """A symbol as we write it; `AAPL` where a path ends in a word, or in none of ours such as a currency pair."""
    try:
        return Symbol.parse(text).text if text.isupper() else "AAPL"
    except BadSymbol:
        return "AAPL"


def _status(path: Path, entry: dict[str, Any]) -> int:
    start = path.read_bytes()[:3]
    return int(entry.get("status") or (start if start.isdigit() else 200))
