"""Files of daily bars read by the csv module alone: the other side of a comparison, without a line of marketkeep."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

Bar = tuple[float | None, ...]
"""Open, high, low, close and volume."""


@dataclass(frozen=True, slots=True)
class Form:
    """
    A form of file: its name, its folders or files in the corpus, the headers of date, open, high, low, close and
    volume (none where the file has no header), and how the symbol is told.

    `symbol` is a header, or None where the file's name begins or ends with the ticker.
    """

    name: str
    paths: tuple[str, ...]
    headers: tuple[str, ...] = ("Date", "Open", "High", "Low", "Close", "Volume")
    symbol: str | None = None

    @property
    def lower(self) -> tuple[str, ...]:
        """The headers in lower case."""
        return tuple(header.lower() for header in self.headers)


FORMS = (
    Form("Stooq, adjusted", ("kaggle/huge_stock_market/Stocks", "kaggle/huge_stock_market/ETFs")),
    Form("five years, one file", ("kaggle/sp500_5yr",), symbol="name"),
    Form("plain OHLCV", ("misc_csv/daily_2024_2026",)),
    Form(
        "Alpha Vantage daily adjusted",
        ("alpha_vantage/daily_adjusted_csv",),
        headers=("timestamp", "open", "high", "low", "close", "volume"),
    ),
    Form("Yahoo download", ("yahoo/download_csv",)),
    Form("Quandl WIKI", ("quandl_wiki",), symbol="ticker"),
    Form("LEAN daily", ("lean/daily",), headers=()),
)
# Named by hand, because their names hold more than a ticker; all others are `<ticker>.` or `<ticker>.us.`.
_NAMED = {
    "BENCH-2014-2017": "BENCH",
    "orcl-1995-2014": "ORCL",
    "yhoo-1996-2015": "YHOO",
    "yahoofinance-GOOG-20040819-20180120": "GOOG",
    "yahoofinance-SPY-20080101-20180101": "SPY",
    "brk-a": "BRK.A",
}


def plain(path: Path) -> str:
    """A file's text, unpacked."""
    body = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            (name,) = archive.namelist()
            return archive.read(name).decode()
    return gzip.decompress(body).decode() if path.suffix == ".gz" else body.decode()


def named(path: Path) -> str:
    """The ticker in a file's name."""
    stem = path.name.partition(".")[0]
    part = stem.removeprefix("daily_adjusted_").split("WIKI-")[-1].split("-")[0]
    return _NAMED.get(stem, part).upper()


def file_bars(form: Form, path: Path) -> Iterator[tuple[str, date, Bar]]:
    """Symbol, date and values of every row of a file."""
    text = plain(path)
    if not form.headers:
        for row in csv.reader(io.StringIO(text)):
            prices = tuple(int(cell) / 10_000 for cell in row[1:5])
            yield named(path), date.fromisoformat(row[0][:8]), (*prices, float(row[5]))
        return
    rows = csv.reader(io.StringIO(text))
    header = [cell.lower() for cell in next(rows)]
    day, *values = (header.index(name) for name in form.lower)
    symbol = header.index(form.symbol) if form.symbol in header else None
    for row in rows:
        told = named(path) if symbol is None else row[symbol].replace("_", ".")
        yield told, date.fromisoformat(row[day]), tuple(float(row[place]) if row[place] else None for place in values)
