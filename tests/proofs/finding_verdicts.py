"""
Fifty findings on the corpus's real bars, drawn by `real_bars.sampled`, each looked at by a person with the bars around
it and what is known of the day.

`fault` is a fault of the data, `event` something that happened in the market, `false` an alarm at nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import NamedTuple


class Looked(NamedTuple):
    """A finding, and what it was found to be."""

    shelf: str
    check: str
    symbol: str
    source: str
    day: date
    verdict: str
    words: str


def _looked(place: str, day: str, verdict: str, words: str) -> Looked:
    shelf, check, symbol, *source = place.split()
    return Looked(shelf, check, symbol, source[0] if source else shelf, date.fromisoformat(day), verdict, words)


_UNTOLD = "the file has its payment in the adjusted close, and no column that tells it"
_CENTS = "prices were rounded to a cent before they were adjusted: three levels are all there is"
_THIN = "few trades, so one price; EEM until 2003 is another fund"
_TAPE = "a stray print far below the market made the low (busted or from another venue)"
_NO_VOLUME = "on this day the file has no volume for 30 of its 46 symbols"

LOOKED = (
    _looked(
        *("alphavantage adj_close_differs MSFT", "2004-11-15", "event"),
        "3.08 dollars paid at once, a tenth of the price: the vendor reckons D over the close of the ex-date, we over "
        "that before",
    ),
    _looked("misc adj_close_differs AAPL", "2016-05-05", "fault", _UNTOLD),
    _looked("misc adj_close_differs AAPL", "2016-11-03", "fault", _UNTOLD),
    _looked("yahoo-csv adj_close_differs SPY", "2009-09-18", "fault", _UNTOLD),
    _looked("yahoo-csv adj_close_differs SPY", "2010-06-18", "fault", _UNTOLD),
    _looked(
        *("alphavantage flat_bar INTC", "2014-06-13", "fault"),
        "the close of the day before four times, with 122 million shares; Intel opened 5 % higher and closed at 29.87",
    ),
    _looked("lean flat_bar EEM", "1999-04-08", "event", _THIN),
    _looked("stooq flat_bar BRK.A", "1989-03-07", "event", "ten shares changed hands"),
    _looked("stooq flat_bar WMT", "1980-01-21", "fault", _CENTS),
    _looked("wiki flat_bar GORO", "2006-10-30", "event", "6,100 shares of a company just listed, over the counter"),
    _looked("kaggle5y not_a_session AAPL", "2013-05-27", "fault", "Memorial Day; the file is made up"),
    _looked("kaggle5y not_a_session MSFT", "2015-01-19", "fault", "Martin Luther King Day; the file is made up"),
    _looked(
        *("stooq not_a_session BRK.A", "1985-09-27", "event"),
        "hurricane Gloria closed New York; 200 shares over the counter, where the share was quoted then",
    ),
    _looked(
        *("stooq not_a_session INTC", "1985-09-27", "event"),
        "hurricane Gloria closed New York, NASDAQ's dealers went on with a fifth of the volume",
    ),
    _looked("stooq not_a_session WMT", "1978-03-24", "fault", "Good Friday: a copy of the day before, volume and all"),
    _looked("lean open_gap IBM", "2002-12-23", "fault", "the open is twice the market, 159.58 for 79.79"),
    _looked(
        *("stooq open_gap LUV", "1999-01-08", "event"),
        "up 12 % on twice the volume; the open and high 14 % above the close are told by nobody else",
    ),
    _looked("stooq open_gap ORCL", "1990-07-11", "event", "eight times the volume, and the price stayed down"),
    _looked("stooq open_gap VXX", "2015-08-24", "event", "the opening of 2015-08-24, volatility up by a third"),
    _looked("stooq open_gap WMT", "1974-08-21", "fault", _CENTS),
    _looked("yahoo-csv open_outside SPY", "2015-03-05", "fault", "the open is below the low by 0.43"),
    _looked("yahoo-csv open_outside SPY", "2015-03-30", "fault", "the open is the close of the session before"),
    _looked(
        *("lean price_spike GOOGL", "2008-09-30", "fault"),
        "erroneous orders in the last minutes, broken by the exchange that evening: the close was near 400, not 294.57",
    ),
    _looked(
        *("lean price_spike WM~2009", "2008-07-14", "event"),
        "Washington Mutual lost a third in the panic after IndyMac, and won it back in two days",
    ),
    _looked("stooq price_spike INTC", "1973-03-02", "fault", _CENTS),
    _looked("stooq price_spike INTC", "1973-06-04", "fault", _CENTS),
    _looked("stooq price_spike WMT", "1975-05-27", "fault", _CENTS),
    _looked("lean range_absurd AAPL", "2009-09-21", "fault", _TAPE),
    _looked("lean range_absurd AAPL", "2010-08-31", "fault", _TAPE),
    _looked("lean range_absurd AAPL", "2011-01-03", "fault", _TAPE),
    _looked("lean range_absurd GOOGL", "2008-09-30", "fault", "the erroneous orders again, with a low of 0.01"),
    _looked("alphavantage return_outlier SPY", "2020-03-16", "event", "the fall of 2020-03-16, trading was halted"),
    _looked(
        *("kaggle5y return_outlier AMZN", "2017-07-05", "fault"),
        "nothing of the kind happened to Amazon, then at 970: the file is made up",
    ),
    _looked("lean return_outlier WM", "2008-10-13", "event", "the market rose by 11.6 % that day"),
    _looked("stooq return_outlier WMT", "2015-10-14", "event", "Walmart lowered its outlook and lost 10 %"),
    _looked(
        *("together source_disagreement SPY alphavantage", "2000-01-25", "event"),
        "closes of two times: the fund traded until 16:15, and one source ends at 16:00",
    ),
    _looked("together source_disagreement SPY alphavantage", "2003-05-29", "fault", f"LEAN's: {_TAPE}"),
    _looked("together source_disagreement SPY alphavantage", "2004-09-03", "fault", f"LEAN's: {_TAPE}"),
    _looked(
        *("together source_disagreement SPY yahoo-csv", "2011-07-08", "fault"),
        "Yahoo's high is from before the open, when the number of jobs was not out yet",
    ),
    _looked("lean split_missed WM~2009", "2001-05-16", "fault", "Washington Mutual's 3:2 split, told by no file"),
    _looked("stooq split_missed INTC", "1972-01-14", "fault", f"not a split: {_CENTS}"),
    _looked("stooq split_missed INTC", "1972-01-27", "fault", f"not a split: {_CENTS}"),
    _looked(
        *("alphavantage volume_outlier SPY", "2010-03-18", "fault"),
        "170,817 shares on a day between two of 177 and 226 million: thousands",
    ),
    _looked("stooq volume_outlier JNJ", "1992-12-31", "fault", "a tenth of the usual, and of no other share's"),
    _looked("stooq volume_outlier UAA", "2016-10-25", "event", "Under Armour cut its outlook and lost 13 %"),
    _looked("yahoo-csv volume_outlier GOOG", "2014-04-01", "event", "class C traded when issued until 2014-04-02"),
    _looked(
        *("stooq volume_zero C", "2009-08-05", "fault"),
        "more shares than 32 bits can count (over two billion): written as 0",
    ),
    _looked("stooq volume_zero CAT", "2010-04-26", "fault", _NO_VOLUME),
    _looked("stooq volume_zero VZ", "2010-04-26", "fault", _NO_VOLUME),
    _looked("stooq volume_zero XOM", "2010-04-26", "fault", _NO_VOLUME),
)


def tally() -> Counter[str]:
    """How many findings had which verdict."""
    return Counter(one.verdict for one in LOOKED)
