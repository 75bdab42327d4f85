"""
Every recorded answer of Binance's and Coinbase's, put to our sources as the answer to the nearest request.

CSV files with a header are such as users hand in, so the reader of files gets them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from marketkeep.model import Query, Request
from marketkeep.sources.binance import Binance
from marketkeep.sources.coinbase import Coinbase
from proofs.corpus_files import judge_file
from proofs.verdicts import FETCHED, Verdict, body_of, files_of, judge

BINANCE, COINBASE = Binance(), Coinbase()
# The recorded answers that came with another status than 200, by the beginning of what they say.
_STATUSES = {b'{"code":-1003': 429, b'{"message":"NotFound"}': 404, b'{"message":"End is too old"}': 400}


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """One for every file under `binance` and `coinbase`."""
    for path in files_of(corpus, "binance"):
        if path.parent.name == "bars_csv":
            yield from judge_file(corpus, path)
        else:
            yield judge(corpus, path, BINANCE, _klines(path), status=_status(path))
    for path in files_of(corpus, "coinbase"):
        yield judge(corpus, path, COINBASE, _candles(path), status=_status(path))


def _klines(path: Path) -> Request:
    """Minutes of the pair: what the recorded candles of both forms are."""
    pair, day = ("ADA-BTC", date(2021, 11, 27)) if path.name.startswith("ADABTC") else ("BTC-USDT", date(2021, 10, 22))
    return BINANCE.plan(Query("minute_bars", (pair,), day, date(2021, 12, 1), FETCHED))[0]


def _candles(path: Path) -> Request:
    """Days; the recordings named for their window were cut to its first and last day."""
    start = date(2020, 10, 17) if "2020-10-17" in path.name else date(2020, 1, 1)
    if path.parent.name == "rest":
        start = date(2024, 4, 1)
    return COINBASE.plan(Query("daily_bars", ("BTC-USD",), start, date(2026, 1, 1), FETCHED))[0]


def _status(path: Path) -> int:
    body = b"".join(body_of(path)[:200].split(b"\n")) if path.suffix != ".json" else _compact(body_of(path))
    return next((status for start, status in _STATUSES.items() if body.startswith(start)), 200)


def _compact(body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":")).encode()
