"""Files in every form users have them: recognised, said so, and read value for value."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date

import pytest
from files_given import D2, D3, ROW2, ROW3, Given

from marketkeep.errors import BadInput
from marketkeep.sources.files import members, read, recognise

LINES = ["2020-01-02,1,3,0.5,2,100", "2020-01-03,2,4,1.5,3,200"]
PLAIN = "Date,Open,High,Low,Close,Volume\n" + "\n".join(LINES) + "\n"


def _with_header(header: str) -> str:
    return "\n".join([header, *LINES])


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        "date,open,high,low,close,volume",
        "TIMESTAMP,OPEN,HIGH,LOW,CLOSE,VOL",
        "Datetime,Open Price,high_price,LOW PRICE,Close_Price,Volume",
        "time,open,high,low,close,volume",
        ",Open,High,Low,Close,Volume",
        "\ufefftimestamp,1. open,2. high,3. low,4. close,5. volume",
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
        '"Date","Open","High","Low","Close","Volume"',
        "Date,AAPL.Open,AAPL.High,AAPL.Low,AAPL.Close,AAPL.Volume",
    ],
)
def test_headers_in_any_spelling(header: str) -> None:
    """
    Case, spaces, underscores, brackets, quotes, a byte-order mark, a nameless or prefixed column do not matter.
    """
    assert Given(_with_header(header)).ohlcv == [ROW2, ROW3]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(ending: str) -> None:
    """
    Any line ending, empty lines, and no ending behind the last line are fine.
    """
    assert Given(ending.join(PLAIN.strip().split("\n"))).ohlcv == [ROW2, ROW3]
    assert Given(ending + PLAIN.replace("\n", ending) + ending).ohlcv == [ROW2, ROW3]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiters(delimiter: str) -> None:
    """
    Semicolons, tabs and bars separate fields as well.
    """
    assert Given(PLAIN.replace(",", delimiter)).ohlcv == [ROW2, ROW3]


def test_order_and_unused_columns() -> None:
    """
    Columns may stand in any order; those not used are named.
    """
    given = Given("Volume,OpenInt,Close,Low,High,Open,Date\n100,0,2,0.5,3,1,2020-01-02\n")
    assert given.ohlcv == [ROW2]
    assert given.form.unused == ("OpenInt",)
    assert "not used: 'OpenInt'" in given.form.describe()


def test_description() -> None:
    """
    A person sees how the file was understood.
    """
    header = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient"
    given = Given(f"{header}\n2020-01-02,1,3,0.5,2,1.9,100,0.0000,1.0\n", "daily_adjusted_AAPL.csv")
    assert given.form.describe() == [
        "read as ohlcv_csv, fields separated by ','",
        "symbol <- file name AAPL",
        "date <- 'timestamp' (YYYY-MM-DD)",
        "open <- 'open'",
        "high <- 'high'",
        "low <- 'low'",
        "close <- 'close'",
        "volume <- 'volume'",
        "adj_close <- 'adjusted_close'",
        "dividend <- 'dividend_amount'",
        "split <- 'split_coefficient'",
        "basis: as traded (columns adjusted_close, dividend_amount, split_coefficient: Alpha Vantage daily adjusted)",
    ]


BASES = {
    "Date,Open,High,Low,Close,Volume": "as_traded",
    "Date,Open,High,Low,Close,Volume,OpenInt": "adjusted",
    "Date,Open,High,Low,Close,Adj Close,Volume": "split_adjusted",
    "Date,Open,High,Low,Close,Volume,Adj Close": "as_traded",
    "Date,High,Low,Open,Close,Volume,Adj Close": "split_adjusted",
    "Date,Adj Close,Close,High,Low,Open,Volume": "split_adjusted",
    "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits": "adjusted",
    "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits,Capital Gains": "adjusted",
    "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits,Repaired?": "split_adjusted",
    "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient": "as_traded",
    "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio,Adj. Open,Adj. High,Adj. Low,Adj. Close,Adj. Volume": (
        "as_traded"
    ),
    "date,open,high,low,close,volume,dividend,split": "as_traded",
    "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor": "as_traded",
    "Date,AAPL.Open,AAPL.High,AAPL.Low,AAPL.Close,AAPL.Volume,AAPL.Adjusted": "split_adjusted",
    "Date,Close/Last,Volume,Open,High,Low": "split_adjusted",
}


@pytest.mark.parametrize(("header", "basis"), BASES.items())
def test_basis_told_by_the_columns(header: str, basis: str) -> None:
    """
    Whose export it is tells what was applied to its prices; splits are applied up to the last date of the file.
    """
    ones = ",1" * header.count(",")
    given = Given(f"{header}\n2020-01-03{ones}\n2020-01-02{ones}\n")
    assert given.bars["basis"].unique().to_list() == [basis]
    assert given.bars["basis_date"].unique().to_list() == [None if basis == "as_traded" else D3]
    assert ("adj_close" in given.form.columns) == (given.bars["adj_close"].null_count() == 0)


def test_options_override() -> None:
    """
    The caller's word on symbol, basis and basis date wins over the file's.
    """
    given = Given(PLAIN, "prices of apple.csv", symbol="brk-b", basis="split_adjusted", basis_date=date(2024, 6, 7))
    assert given.bars["symbol"].unique().to_list() == ["BRK.B"]
    assert given.bars["basis"].unique().to_list() == ["split_adjusted"]
    assert given.bars["basis_date"].unique().to_list() == [date(2024, 6, 7)]
    assert given.form.describe()[1] == "symbol <- option BRK.B"
    assert given.form.describe()[-2:] == ["basis: split adjusted (as you said)", "basis date: 2024-06-07"]
    with pytest.raises(BadInput, match="'raw' is not a basis; use one of as_traded, split_adjusted, adjusted"):
        Given(PLAIN, basis="raw")


def test_assumed_basis_is_said() -> None:
    """
    Plain bars are taken as traded, and the description says that this is assumed.
    """
    assert Given(PLAIN).form.describe()[-1] == "basis: as traded (assumed: no column tells)"


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("AAPL.csv", "AAPL"),
        ("aapl.us.txt", "AAPL"),
        ("some/folder/brk-b.csv", "BRK.B"),
        ("BRK.B.csv", "BRK.B"),
        ("brk_b.us.txt", "BRK.B"),
        ("daily_adjusted_IBM.csv", "IBM"),
        ("samples-WIKI-AAPL-2011-quandl.csv", "AAPL"),
        ("yahoofinance-SPY-20080101-20180101.csv", "SPY"),
        ("BTC-USD.csv", "BTC-USD"),
        ("^GSPC.csv", "^GSPC"),
        ("NULL.csv", "NULL"),
        ("msft daily.csv", "MSFT"),
    ],
)
def test_symbol_of_the_file_name(name: str, symbol: str) -> None:
    """
    A ticker is read from the file's name where nothing but dates and known words stands beside it.
    """
    assert Given(PLAIN, name).bars["symbol"].unique().to_list() == [symbol]


def test_tickers_that_look_like_values() -> None:
    """
    Trap 63: `NA`, `NULL`, `TRUE`, `INF` are tickers, and no parser guesses otherwise; preferreds and aliases are read.
    """
    written = ["NA", "NAN", "NULL", "TRUE", "ON", "INF", "BRK_A", "BRK B", "AAPL.US", "ABR$D", "abr-pd", "NONE"]
    rows = "\n".join(f"2020-01-02,1,3,0.5,2,100,{ticker}" for ticker in written[:-2])
    bars = Given(f"date,open,high,low,close,volume,Name\n{rows}\n2020-01-03,1,3,0.5,2,100,{written[-1]}\n").bars
    read_as = ["NA", "NAN", "NULL", "TRUE", "ON", "INF", "BRK.A", "BRK.B", "AAPL", "ABR.PRD", "NONE"]
    assert bars["symbol"].to_list() == read_as


def test_a_column_of_tickers_wins_over_one_of_names() -> None:
    """
    Where both are there, the ticker is the symbol and the name is not used.
    """
    given = Given("name,ticker,date,close\nAPPLE INC,AAPL,20200102,2\n")
    assert given.bars["symbol"].to_list() == ["AAPL"]
    assert given.form.describe()[1] == "symbol <- column 'ticker'"
    assert given.form.unused == ("name",)


def test_named_symbol_with_a_column_of_one_symbol() -> None:
    """
    A symbol named by the caller replaces the file's own, if that is one and the same in every row.
    """
    given = Given("date,close,ticker\n2020-01-02,2,goog\n2020-01-03,3,goog\n", symbol="GOOGL")
    assert given.bars["symbol"].to_list() == ["GOOGL", "GOOGL"]


def test_yfinance_header_of_three_lines() -> None:
    """
    yfinance's download of one ticker has three header lines; the second tells the symbol.
    """
    header = "Price,Close,High,Low,Open,Volume\nTicker,MSFT,MSFT,MSFT,MSFT,MSFT\nDate,,,,,\n"
    given = Given(header + "2020-01-02,2,3,0.5,1,100\n", "whatever it is.csv")
    assert given.ohlcv == [("MSFT", *ROW2[1:])]
    assert given.form.basis_reason == "yfinance download with auto-adjustment"
    unadjusted = (
        header.replace("Price,", "Price,Adj Close,").replace("Ticker,", "Ticker,MSFT,").replace("Date,", "Date,,")
    )
    told = Given(unadjusted + "2020-01-02,1,2,3,1,1,9")
    assert told.bars["basis"].to_list() == ["split_adjusted"]


def test_stooq_bulk_file() -> None:
    """
    Stooq's bulk files have brackets, a period and a column of empty times.
    """
    header = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"
    given = Given(f"{header}\nAAPL.US,D,20200102,000000,1,3,0.5,2,100,0\n", "anything.txt")
    assert given.ohlcv == [ROW2]
    assert given.bars["basis"].to_list() == ["adjusted"]


def test_numbers_as_vendors_write_them() -> None:
    """
    Thousands separators, exponents, currency signs and words for null are read; unknown stays null.
    """
    rows = [
        '2020-01-02,"1,234.50",$1300,1.2e3,1250.,"12,345,678"',
        "2020-01-03,null,NaN, 5 ,+6,6.3896155e+07",
        "2020-01-06,,N/A,none,.5,",
    ]
    assert [row[2:] for row in Given("\n".join(["date,open,high,low,close,volume", *rows])).ohlcv] == [
        (1234.5, 1300.0, 1200.0, 1250.0, 12_345_678.0),
        (None, None, 5.0, 6.0, 63_896_155.0),
        (None, None, None, 0.5, None),
    ]


def test_only_a_close_is_needed() -> None:
    """
    Without open, high, low or volume these are null.
    """
    assert Given("date,close\n2020-01-02,2\n").ohlcv == [("AAPL", D2, None, None, None, 2.0, None)]


def test_rows_without_any_price_are_counted() -> None:
    """
    Trap 58: rows of `null,null,...` in old Yahoo files are left out and counted.
    """
    given = Given(PLAIN + "2020-01-06,null,null,null,null,null\n2020-01-07,null,null,null,2,null\n")
    assert given.bars["date"].to_list() == [D2, D3, date(2020, 1, 7)]
    assert (given.tally.rows, given.tally.bars, given.tally.empty) == (4, 3, 1)


def test_a_row_said_twice_is_left_out() -> None:
    """
    The same row again, as at the seam of two downloads, is left out and counted.
    """
    given = Given(PLAIN + LINES[1] + "\n2020-01-06,2,4,1.5,3,200\n")
    assert given.bars.height == 3
    assert given.tally.repeated == 1


def test_archives() -> None:
    """
    Gzip and zip are read as what is inside, from a stream or an opener; the inner name may tell the symbol.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__MACOSX/._AAPL.csv", "x")
        archive.writestr("AAPL.csv", PLAIN)
    assert Given(packed.getvalue(), "QUANDL_ARCHIVE.zip").ohlcv == [ROW2, ROW3]
    assert Given(gzip.compress(PLAIN.encode()), "AAPL.csv.gz").ohlcv == [ROW2, ROW3]
    form = recognise("AAPL.zip", lambda: io.BytesIO(packed.getvalue()))
    frames = list(read("AAPL.zip", lambda: io.BytesIO(packed.getvalue()), form))
    assert frames[0]["daily_bars"].height == 2


@pytest.mark.parametrize("opener", [True, False])
def test_archive_of_several_files(opener: bool) -> None:
    """
    The files of a zip are given one by one, each with its own name; other files are their own only member.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("us/", "")
        archive.writestr("us/AAPL.csv", PLAIN)
        archive.writestr("us/msft.us.txt.gz", gzip.compress(PLAIN.encode()))
    stream = (lambda: io.BytesIO(packed.getvalue())) if opener else packed
    found = {}
    for name, member in members("all.zip", stream):
        for frames in read(name, member, recognise(name, member)):
            found[name] = frames["daily_bars"].rows()[0][:2]
    assert found == {"all.zip/us/AAPL.csv": ("AAPL", D2), "all.zip/us/msft.us.txt.gz": ("MSFT", D2)}
    plain = io.BytesIO(PLAIN.encode())
    assert members("AAPL.csv", plain) == [("AAPL.csv", plain)]
