"""LEAN data folders: daily bars, factor files and map files."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from files_given import Given, refusal

from marketkeep.sources.files import read, recognise

FACTORS = """19980102,0.8613657,0.00892857,1
20000620,0.8613657,0.00892857,101
20050225,0.8613657,0.01785710,88.97
20120808,0.8613657,0.03571430,619.86
20121106,0.8650639,0.03571430,582.86
20140606,0.8690150,0.03571430,645.57
20501231,0.8690150,0.25,0
"""


def _facts(content: str, name: str) -> dict[str, pl.DataFrame]:
    stream = io.BytesIO(content.encode())
    (frames,) = read(name, stream, recognise(name, stream))
    return dict(frames)


def test_daily_bars() -> None:
    """
    Trap 65: prices are ten thousandths, as traded; the symbol is the file's name.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "aapl.csv", "20210330 00:00,1,2,3,4,5\n20210331 00:00,1216500,1235401,1211500,1221500,109019052"
        )
    given = Given(packed.getvalue(), "aapl.zip")
    assert given.form.name == "lean_daily"
    assert given.ohlcv[1] == ("AAPL", date(2021, 3, 31), 121.65, 123.5401, 121.15, 122.15, 109_019_052.0)
    assert given.bars["basis"].unique().to_list() == ["as_traded"]
    assert given.form.describe()[:3] == [
        "read as lean_daily",
        "symbol <- file name AAPL",
        "date <- 'field 1' (YYYYMMDD)",
    ]


def test_factor_file() -> None:
    """
    Steps between lines are the actions, exact again, on the session after the line's date.
    """
    told = _facts(FACTORS, "aapl.csv")["actions"].select("ex_date", "kind", "numerator", "denominator", "amount").rows()
    assert told == [
        (date(2000, 6, 21), "split", 2, 1, None),
        (date(2005, 2, 28), "split", 2, 1, None),
        (date(2012, 8, 9), "dividend", None, None, 2.65),
        (date(2012, 11, 7), "dividend", None, None, 2.65),
        (date(2014, 6, 9), "split", 7, 1, None),
    ]


def test_split_and_dividend_on_one_day() -> None:
    """
    A dividend that goes ex with a split is per share after the split.
    """
    actions = _facts("20200102,0.99,0.5,100\n20501231,1,1,0\n", "aapl.csv")["actions"]
    assert actions.select("kind", "numerator", "amount", "text").rows() == [
        ("split", 2, None, "1/0.5"),
        ("dividend", None, 0.5, "100 x (1 - 0.99/1)"),
    ]


def test_map_file() -> None:
    """
    Each ticker is good through its line's date; the last one of a security no longer listed has no successor.
    """
    assert _facts("20041112,nwsa,Q\n20130628,nwsa,Q\n20190318,foxa,Q\n20190320,tfcfa,Q\n", "tfcfa.csv")[
        "ticker_history"
    ].rows() == [
        ("TFCFA", "NWSA", "FOXA", date(2013, 7, 1)),
        ("TFCFA", "FOXA", "TFCFA", date(2019, 3, 19)),
        ("TFCFA", "TFCFA", None, date(2019, 3, 21)),
    ]
    assert _facts("19980102,aapl,Q\n20501231,aapl,Q\n", "aapl.csv")["ticker_history"].is_empty()


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        ("19980102 09:00,1,2,3,4,5\n", "aapl.csv", "aapl.csv, line 1: intraday bars: not a daily file"),
        ("34200000,1,2,3,4,5\n", "20140605_aapl_minute_trade.csv", "line 1: intraday bars: not a daily file"),
        ("20150113 00:00,272.39,2,3,4,5\n", "btcusd.csv", "decimals or other fields (crypto, quotes) are not read"),
        ("20200102,1,1,1\n2020x,1,1,1\n", "aapl.csv", "line 2: '2020x' is not a date of the form YYYYMMDD"),
        ("20200102,1,1,1\n20200102,1,1,1\n", "aapl.csv", "line 2: dates do not ascend"),
        (
            "20200102,1,1,1\n20200103,1,x,1\n",
            "aapl.csv",
            "line 2: not a line of a factor file (date, two factors, a close)",
        ),
        (
            "20200102,1,1,1\n20200103,1,0,1\n",
            "aapl.csv",
            "line 2: not a line of a factor file (date, two factors, a close)",
        ),
        ("20200102,aapl,Q\n20200103,,Q\n", "aapl.csv", "line 2: '' is not a symbol: it is empty."),
        ("20200102 00:00,1,2,3,4,5\n20200103 00:00,1,2,3,4\n", "aapl.csv", "line 2: 5 fields where the header has 6"),
        (
            "20200102 00:00,1,2,3,4,5\n20200103 00:00,1,2,3,x,5\n",
            "aapl.csv",
            "line 2, column 'field 5': 'x' is not a number",
        ),
    ],
)
def test_what_is_not_read(content: str, name: str, expected: str) -> None:
    """
    Finer bars, crypto and damaged lines are refused.
    """
    assert expected in refusal(content, name)


def test_recorded_factor_files(corpus: Path) -> None:
    """
    The recorded factor files tell the dividends that another vendor tells for the same stocks.
    """

    def actions(path: str) -> pl.DataFrame:
        with (corpus / path).open("rb") as file:
            name = path.rpartition("/")[2]
            frames = list(read(name, file, recognise(name, file)))
        both = pl.col("ex_date").is_between(date(1999, 11, 2), date(2020, 11, 25))
        rows = pl.concat(one["actions"] for one in frames).filter(both)
        return rows.select("ex_date", "kind", "numerator", "denominator", "amount").sort("ex_date", "kind")

    for symbol, count in (("aapl", 38), ("ibm", 85)):
        ours = actions(f"lean/factor_files/{symbol}.csv")
        assert ours.equals(actions(f"alpha_vantage/daily_adjusted_csv/daily_adjusted_{symbol.upper()}.csv.gz"))
        assert ours.height == count
