"""What our source makes of every recorded payload of Alpha Vantage, each as the answer to a whole daily series."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from marketkeep.model import Query, Request
from marketkeep.sources.alpha_vantage import AlphaVantage
from proofs.verdicts import Verdict, files_of, judge

SOURCE = AlphaVantage()
_NOW = datetime(2026, 9, 1, 22, tzinfo=UTC)


def verdicts(corpus: Path) -> Iterator[Verdict]:
    """One verdict a file: daily series of both forms are read, notes, searches and other series are refused."""
    for path in files_of(corpus, "alpha_vantage"):
        yield judge(corpus, path, SOURCE, request_of(path))


def request_of(path: Path) -> Request:
    """The request for the whole history of a file's symbol; of IBM where the name tells none."""
    kept = path.name.startswith("daily_adjusted_")
    symbol = path.name.removeprefix("daily_adjusted_").partition(".")[0] if kept else "IBM"
    (request,) = SOURCE.plan(Query("daily_bars", (symbol,), date(1990, 1, 1), date(2026, 9, 1), _NOW))
    return request
