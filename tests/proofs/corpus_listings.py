"""What becomes of the recorded directories: NASDAQ Trader's files, the SEC's lists, nasdaq.com's screener."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from marketkeep.sources.nasdaq_trader import NasdaqTrader
from marketkeep.sources.sec_tickers import SecTickers
from proofs.verdicts import FETCHED, Verdict, files_of, judge

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def fetched(path: Path) -> datetime:
    """The evening of the day in a file's name; where there is none, when recorded payloads are said to have come."""
    found = _DAY.search(path.name)
    return datetime.fromisoformat(f"{found[0]}T23:00").replace(tzinfo=UTC) if found else FETCHED


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """One verdict for each file of the three folders."""
    directory, sec = NasdaqTrader(), SecTickers()
    for folder in ("nasdaq_trader", "nasdaq_com"):
        for path in files_of(corpus, folder):
            yield judge(corpus, path, directory, directory.probe(fetched(path)), fetched_at=fetched(path))
    for path in files_of(corpus, "sec/tickers"):
        yield judge(corpus, path, sec, sec.probe(FETCHED))
