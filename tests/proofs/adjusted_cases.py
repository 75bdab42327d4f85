"""
The adjusted closes of the corpus: who tells them, of which symbol, in which file, and what explains a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from proofs.adjusted_closes import Rule, Told, told_by_chart, told_by_csv, told_by_export

WITHIN = 1e-4
Read = Callable[[Path], Told]

YAHOO_CSV: Read = partial(told_by_csv, columns=("Date", "Close", "Adj Close"))
ALPHA_VANTAGE: Read = partial(told_by_csv, columns=("timestamp", "close", "adjusted_close"))
WIKI: Read = partial(told_by_csv, columns=("Date", "Close", "Adj. Close"))
PLOTLY: Read = partial(told_by_csv, columns=("Date", "AAPL.Close", "AAPL.Adjusted"))


@dataclass(frozen=True)
class Case:
    """
    One vendor's adjusted closes of one symbol, in a file of the corpus.

    `actions` is the file that tells the actions where theirs does not; what it knows of is the `year`, where one is
    given. `split_adjusted` says that their closes are. In `rule` and `otherwise` is what explains a difference: the
    rule they reckon by, payments that they have otherwise (0: not at all); `why` says so in words.
    """

    vendor: str
    symbol: str
    path: str
    read: Read
    actions: str | None = None
    split_adjusted: bool = False
    rule: Rule = "before"
    otherwise: tuple[tuple[date, float], ...] = ()
    why: str = ""
    year: int | None = None

    @property
    def name(self) -> str:
        """Vendor, symbol and the file's own name."""
        return f"{self.vendor} {self.symbol} {Path(self.path).name.partition('.')[0]}"


_RETURN = "theirs is another rule: 1 / (1 + D / close of the ex-date)"


def daily_adjusted(symbol: str) -> str:
    """The recorded daily-adjusted file of a symbol."""
    return f"alpha_vantage/daily_adjusted_csv/daily_adjusted_{symbol}.csv.gz"


def _alpha_vantage(symbol: str) -> Case:
    return Case("Alpha Vantage", symbol, daily_adjusted(symbol), ALPHA_VANTAGE, rule="ex_date", why=_RETURN)


def _wiki(symbol: str, name: str, rule: Rule = "before", why: str = "") -> Case:
    return Case("Quandl WIKI", symbol, f"quandl_wiki/{name}-quandl.csv.gz", WIKI, rule=rule, why=why)


def _bulk(symbol: str, theirs: str, rule: Rule = "before", why: str = "") -> Case:
    read = partial(told_by_csv, columns=("date", "close", "adj_close"), only=("ticker", theirs))
    return Case("Quandl WIKI", symbol, "quandl_wiki/QUANDL_ARCHIVE.zip", read, rule=rule, why=why)


def _chart(symbol: str, path: str) -> Case:
    return Case("Yahoo chart", symbol, f"yahoo/{path}.json", told_by_chart, split_adjusted=True)


def _download(symbol: str, name: str, **more: object) -> Case:
    return Case("Yahoo download", symbol, f"yahoo/download_csv/{name}.csv.gz", YAHOO_CSV, split_adjusted=True, **more)  # type: ignore[arg-type]


def _export(ticker: str, name: str, **more: object) -> Case:
    """
    An export of yfinance's of a listing abroad, repaired by hand.

    It is handed in under the name of a pair, whose calendar has every day: there is none here of its exchange.
    """
    path = f"yahoo/price_defects/{name}-fixed.csv.gz"
    return Case("yfinance, repaired", f"{ticker}-USD", path, told_by_export, split_adjusted=True, **more)  # type: ignore[arg-type]


REPAIRED = (
    *("3988-HK-1d-bad-div", "4063-T-1d-bad-div", "4063-T-1d-bad-stock-split", "8TRA-DE-1d-missing-div-adjust"),
    *("ALPHA-PA-1d-bad-stock-split", "DEX-AX-1d-bad-stock-split", "ELCO-L-1d-bad-div", "JENYX-1d-cg-double-count"),
    *("KAP-IL-1d-bad-div", "KEN-TA-1d-bad-div", "LA-V-1d-bad-stock-split", "LSC-L-1d-bad-div", "NVT-L-1d-bad-div"),
    *("PSH-L-1d-bad-div", "RGL-L-1d-bad-div", "SCR-TO-1d-bad-div", "SERE-L-1d-bad-div", "SSW-JO-1d-100x-error"),
    "TEM-L-1d-bad-div",
)
CASES = (
    *map(_alpha_vantage, ("AAPL", "IBM", "INTC", "MSFT", "SPY")),
    _wiki("AAPL", "samples-WIKI-AAPL-2011"),
    _wiki("AAPL", "samples-WIKI-AAPL-2012", "ex_date", _RETURN),
    *(_wiki("GORO", f"samples-WIKI-GORO-{year}") for year in range(2006, 2013)),
    *(_wiki("IBM", f"samples-WIKI-IBM-{year}", "ex_date", _RETURN) for year in (2008, 2009, 2011)),
    _wiki("ORCL", "samples-WIKI-ORCL-2011", "ex_date", _RETURN),
    _wiki("ORCL", "testcases-WIKI-ORCL-2000"),
    _bulk("AAPL", "AAPL", "ex_date", _RETURN),
    _bulk("BRK.A", "BRK_A"),
    _bulk("MSFT", "MSFT", "ex_date", _RETURN),
    _bulk("ZEN", "ZEN"),
    _chart("AAPL", "chart/chart-AAPL-2020-08-31-to-2020-11-07-rec2022-03-06"),
    _chart("AAPL", "chart/chart-AAPL-2020-08-31-to-2020-11-07-rec2025"),
    _chart("MSFT", "historical/historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31-rec2025"),
    _chart("TSLA", "chart/pricehist-tsla-recent"),
    _download("SPY", "yahoofinance-SPY-20080101-20180101", actions=daily_adjusted("SPY")),
    _download("GOOG", "yahoofinance-GOOG-20040819-20180120"),
    _download("YHOO", "yhoo-1996-2015"),
    _download("BENCH", "BENCH-2014-2017"),
    _download("ORCL", "orcl-1995-2014", actions="quandl_wiki/samples-WIKI-ORCL-2011-quandl.csv.gz", year=2011),
    Case(
        *("plotly, from Yahoo", "AAPL", "misc_csv/plotly-finance-charts-apple.csv.gz", PLOTLY, daily_adjusted("AAPL")),
        split_adjusted=True,
    ),
    *(_export(name.partition("-")[0], name) for name in REPAIRED),
    _export(
        *("SAND", "SAND-1d-bad-div"),
        otherwise=((date(2024, 1, 16), 0.03),),
        why="theirs has a wrong event: the payment of 2024-01-16 counts twice, also once the phantom of 01-12 is gone",
    ),
)
