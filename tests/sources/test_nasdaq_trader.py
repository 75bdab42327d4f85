"""NASDAQ Trader's directory: whole or refused, every ticker one canonical symbol, nothing guessed."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query
from marketkeep.sources.nasdaq_trader import NasdaqTrader

SOURCE = NasdaqTrader()
NOW = datetime(2024, 6, 12, 22, tzinfo=UTC)
TRADED = (
    "Nasdaq Traded|Symbol|Security Name|Listing Exchange|Market Category|ETF|Round Lot Size|Test Issue|Financial Status"
    "|CQS Symbol|NASDAQ Symbol|NextShares"
)
TRAILER = "File Creation Time: 0612202418:02|||||||||||"


def line(
    symbol: str,
    name: str = "Some Co. - Common Stock",
    *,
    exchange: str = "Q",
    cqs: str = "",
    etf: str = "N",
    test: str = "N",
) -> str:
    """A line of nasdaqtraded.txt."""
    return f"Y|{symbol}|{name}|{exchange}|Q|{etf}|100|{test}|N|{cqs}|{symbol}|N"


def file(*lines: str, header: str = TRADED, trailer: str | None = TRAILER) -> bytes:
    """A directory file."""
    return "\r\n".join([header, *lines, *([trailer] if trailer else []), ""]).encode()


def read(body: bytes, *, status: int = 200, at: datetime = NOW) -> pl.DataFrame:
    """The listings that the source reads of a body."""
    return SOURCE.parse(SOURCE.probe(NOW), Payload(status, (), body, at))["listings"]


def refusal(body: bytes, *, status: int = 200, at: datetime = NOW) -> PayloadRefused:
    """How the source refuses a body."""
    with pytest.raises(PayloadRefused) as caught:
        read(body, status=status, at=at)
    return caught.value


def test_plan_is_one_file_whatever_is_asked() -> None:
    """The whole directory is one call; it settles the day of asking, for everything."""
    query = Query("listings", (), date(2020, 1, 1), date(2024, 6, 13), NOW)
    (request,) = SOURCE.plan(query)
    assert request.url == "https://www.nasdaqtrader.com/dynamic/symdir/nasdaqtraded.txt"
    assert (request.symbols, request.start, request.end) == ((), date(2024, 6, 12), date(2024, 6, 13))
    assert SOURCE.next_page(request, Payload(200, (), b"", NOW)) is None
    assert SOURCE.offers["listings"].snapshot


def test_rows_are_the_lines_as_told() -> None:
    """Name, exchange, fund and test flags of each line, and the trailer's day, in the raw table's columns."""
    told = read(file(line("AAPL", "Apple  Inc. - Common Stock"), line("SPY", "SPDR", exchange="P", cqs="SPY", etf="Y")))
    assert dict(told.schema) == RAW_TABLES["listings"].delivered
    assert told.rows() == [
        ("AAPL", "Apple Inc. - Common Stock", "NASDAQ", False, False, None, date(2024, 6, 12)),
        ("SPY", "SPDR", "NYSE Arca", True, False, None, date(2024, 6, 12)),
    ]


@pytest.mark.parametrize(
    ("letter", "name"),
    [
        ("Q", "NASDAQ"),
        ("N", "NYSE"),
        ("A", "NYSE American"),
        ("P", "NYSE Arca"),
        ("Z", "Cboe BZX"),
        ("V", "IEX"),
        ("?", None),
    ],
)
def test_exchanges_have_names(letter: str, name: str | None) -> None:
    """A letter is the exchange's name; one that is not known is null, not a guess."""
    assert read(file(line("AAA", exchange=letter, cqs="AAA")))["exchange"].to_list() == [name]


@pytest.mark.parametrize(
    ("symbol", "cqs", "canonical"),
    [
        ("BRK.B", "BRK.B", "BRK.B"),
        ("BF.B", "BF/B", "BF.B"),
        ("ABR$D", "ABRpD", "ABR.PRD"),
        ("CEQP$", "CEQPp", "CEQP.PR"),
        ("AIG.W", "AIG.WS", "AIG.WS"),
        ("ASB.W", "ASB/WS", "ASB.WS"),
        ("BAC.A", "BAC/WS/A", "BAC.WS.A"),
        ("CCX.U", "CCX.U", "CCX.U"),
        ("BMY.R", "BMYr", "BMY.RT"),
        ("RIV.V", "RIVrw", "RIV.RT.WI"),
        ("DOUG.V", "DOUGw", "DOUG.WI"),
        ("MKC.V", "MKC.V", "MKC.V"),
        ("CCV", "CCV.CL", "CCV"),
        ("KEY$H", "KEYpH/CL", "KEY.PRH"),
        ("ACIC.W", "", "ACIC.WS"),
    ],
)
def test_symbol_columns_make_one_canonical_symbol(symbol: str, cqs: str, canonical: str) -> None:
    """Trap 31, trap 29: preferreds, warrants, units, rights, when-issued and called lines are read as what they are."""
    assert read(file(line(symbol, exchange="N", cqs=cqs)))["symbol"].to_list() == [canonical]


def test_odd_tickers_are_tickers() -> None:
    """Trap 63: no ticker is taken for nothing, truth or a number."""
    odd = ["NA", "NAN", "NULL", "NONE", "TRUE", "FALSE", "ON", "OFF", "INF", "E"]
    told = read(file(*(line(symbol) for symbol in odd)))
    assert told["symbol"].to_list() == sorted(odd)
    assert told["name"].null_count() == 0


def test_test_issues_are_flagged() -> None:
    """Trap 31: the exchanges' own test securities are there, and said to be tests."""
    told = read(file(line("AAPL"), line("ZVZZT", test="Y", etf=" ")))
    assert told.select("symbol", "test_issue", "etf").rows() == [("AAPL", False, False), ("ZVZZT", True, None)]


def test_lines_of_one_symbol_are_one_row() -> None:
    """A called part of a security, or a line told twice, does not make a second row; which is kept is not chance."""
    whole, called = (
        line("KEY$H", "Whole", exchange="N", cqs="KEYpH"),
        line("KEY$H", "Called", exchange="N", cqs="KEYpH.CL"),
    )
    assert read(file(whole, called)).equals(read(file(called, whole)))
    assert read(file(whole, called, whole))["name"].to_list() == ["Whole"]


def test_half_directories_are_read_by_their_headers() -> None:
    """nasdaqlisted has no exchange because all of it is NASDAQ's; otherlisted calls its columns otherwise."""
    listed = file(
        "AAPL|Apple Inc. - Common Stock|Q|N|N|100|N|N",
        header="Symbol|Security Name|Market Category|Test Issue|Financial Status|Round Lot Size|ETF|NextShares",
        trailer="File Creation Time: 0612202418:02|||||||",
    )
    other = file(
        "ABR$D|Arbor|N|ABRpD|N|100|N|ABR-D",
        header="ACT Symbol|Security Name|Exchange|CQS Symbol|ETF|Round Lot Size|Test Issue|NASDAQ Symbol",
        trailer="File Creation Time: 0612202418:02||||||",
    )
    assert read(listed).select("symbol", "exchange").rows() == [("AAPL", "NASDAQ")]
    assert read(other).select("symbol", "exchange").rows() == [("ABR.PRD", "NYSE")]


def test_directory_without_its_trailer_is_refused() -> None:
    """Trap 31: a file that does not end in its creation time may lack lines, and is asked for again."""
    refused = refusal(file(line("AAPL"), trailer=None))
    assert (refused.fault, refused.retry) == ("truncated", True)


@pytest.mark.parametrize("days", [30, -3])
def test_directory_of_another_day_is_refused(days: int) -> None:
    """Trap 31: the trailer tells freshness; a file of weeks ago, or of a day to come, is not the state of today."""
    refused = refusal(file(line("AAPL")), at=NOW + timedelta(days=days))
    assert (refused.fault, refused.retry) == ("stale", True)


def test_directory_of_last_friday_stands_on_a_long_weekend() -> None:
    """Over a weekend the last session's file is what there is; its own day is the rows' date."""
    told = read(file(line("AAPL")), at=NOW + timedelta(days=4))
    assert told["date"].to_list() == [date(2024, 6, 12)]


@pytest.mark.parametrize(
    ("body", "status", "fault", "retry"),
    [
        (b"", 200, "empty", True),
        (b"  \r\n ", 200, "empty", True),
        (b"<html>Not here</html>", 404, "not_found", False),
        (b"denied", 403, "http_403", False),
        (b"<html><body>Maintenance</body></html>", 200, "malformed", True),
        (file(), 200, "empty", True),
        (file(line("AAPL") + "|more"), 200, "malformed", True),
        (file(line("AAPL"), trailer="File Creation Time: 1399202418:02|||||||||||"), 200, "malformed", True),
        (file("1|2", header="A|B"), 200, "malformed", True),
    ],
)
def test_what_is_no_directory_is_refused(body: bytes, status: int, fault: str, retry: bool) -> None:
    """Every other answer is refused with a sentence that says what it is."""
    refused = refusal(body, status=status)
    assert (refused.fault, refused.retry) == (fault, retry)
    assert refused.reason.endswith(".")


def test_damaged_bytes_give_rows_or_a_refusal() -> None:
    """Wherever the file is cut or a byte is another, nothing but rows or a refusal comes of it."""
    whole = file(line("AAPL"), line("BRK.B", exchange="N", cqs="BRK/B"), line("ABR$D", exchange="N", cqs="ABRpD"))
    chance = random.Random(7)
    for _ in range(400):
        at = chance.randrange(len(whole))
        flipped = bytearray(whole)
        flipped[at] = chance.randrange(256)
        for body in (whole[:at], bytes(flipped)):
            with suppress(PayloadRefused):
                assert read(body).height
