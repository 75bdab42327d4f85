"""What our source makes of every recorded payload of Alpaca, each as the answer to the request nearest to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import orjson

from marketkeep.errors import BadSymbol
from marketkeep.model import Query, Request, Symbol
from marketkeep.sources.alpaca import Alpaca
from proofs.verdicts import Verdict, body_of, files_of, judge

SOURCE = Alpaca()
START, END = date(2016, 1, 4), date(2026, 9, 1)
_NOW = datetime(2026, 9, 1, 22, tzinfo=UTC)
_STATUS = {"403-recent-sip.json": 403, "DefaultDo_Error-1.json": 422}
_ACTIONS = ("MNTS", "SRE", "MSBC", "FCF", "JUPW", "ZMTBY", "TPBAU", "IFN", "LSI", "VFS")


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """One verdict a file: bars and actions are read, trades, quotes, options and the rest are refused with a reason."""
    for path in files_of(corpus, "alpaca"):
        yield judge(corpus, path, SOURCE, request_of(path), status=_STATUS.get(path.name, 200))


def request_of(path: Path) -> Request:
    """The request that a file answers, or the nearest one to it."""
    if "corporate_actions" in path.name:
        return _planned("actions", _ACTIONS)
    symbols = _symbols(path)
    if Symbol.parse(symbols[0]).asset_class != "crypto":
        return _planned("daily_bars", symbols)
    request = _planned("minute_bars", symbols)
    if path.name != "get_crypto_bars-1.json":
        return request
    # Recorded from the daily interval, which we never ask for: a crypto day of Alpaca's is not UTC.
    params = tuple((name, "1Day" if name == "timeframe" else value) for name, value in request.params)
    return replace(request, dataset="daily_bars", params=params)


def _planned(dataset: str, symbols: tuple[str, ...]) -> Request:
    request = SOURCE.plan(Query(dataset, symbols, START, END, _NOW))[0]
    return replace(request, start=START, end=END)


def _symbols(path: Path) -> tuple[str, ...]:
    """The symbols under the root of a recorded answer, as far as they are symbols."""
    told = orjson.loads(body_of(path))
    groups = [group for group in told.values() if isinstance(group, dict)] if isinstance(told, dict) else []
    found = []
    for name in (name for group in groups for name in group):
        with suppress(BadSymbol):
            found.append(Symbol.parse(name).text)
    return tuple(found) or ("AAPL",)
