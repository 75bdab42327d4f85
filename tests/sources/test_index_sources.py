"""Pages and files about indices: read by their headings, refused where they are not what was asked for."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from gym.fund_holdings import PATHS, FundHoldings
from gym.truth import Truth
from gym.wikipedia import Wikipedia as Page
from gym.wire import Ask
from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Request, Source
from marketkeep.sources.fund_holdings import IShares
from marketkeep.sources.tables import grids
from marketkeep.sources.wikipedia import Wikipedia

NOW = datetime(2024, 12, 31, 23, tzinfo=UTC)
TODAY = date(2024, 12, 31)
COLUMNS = RAW_TABLES["index_members"].delivered


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Forty symbols over two years."""
    return Truth(symbols=40, years=2)


@pytest.fixture(scope="module")
def page(truth: Truth) -> bytes:
    """The S&P 500's page."""
    reply = Page(truth).answer(Ask("", "/wiki/List_of_S%26P_500_companies", {}, NOW.timestamp()))
    assert reply is not None
    return reply.body


@pytest.fixture(scope="module")
def file(truth: Truth) -> bytes:
    """The holdings of the S&P 500's fund."""
    path = next(path for path, index in PATHS.items() if index == "sp500")
    reply = FundHoldings(truth).answer(Ask("", path, {"fileType": "csv"}, NOW.timestamp()))
    assert reply is not None
    return reply.body


def request_of(source: Source, index: str) -> Request:
    """What the source is asked for an index."""
    (request,) = source.plan(Query("index_members", (index,), TODAY, TODAY + timedelta(days=1), NOW))
    return request


def parse(source: Source, body: bytes, index: str = "sp500", status: int = 200) -> pl.DataFrame:
    """The statements that the source reads from a body."""
    return source.parse(request_of(source, index), Payload(status, (), body, NOW))["index_members"]


def refusal(source: Source, body: bytes, index: str = "sp500", status: int = 200) -> PayloadRefused:
    """Why the source reads nothing from a body."""
    with pytest.raises(PayloadRefused) as refused:
        parse(source, body, index, status)
    return refused.value


# --- plan ------------------------------------------------------------------------------------------------------------


def test_one_request_an_index() -> None:
    """
    Each index that a source knows is one request that settles today; others are none.
    """
    query = Query("index_members", ("sp500", "ftse100", "dow_jones", "russell_1000"), TODAY, TODAY, NOW)
    pages, files = Wikipedia().plan(query), IShares().plan(query)
    assert [(one.symbols, one.start, one.end) for one in pages] == [
        (("sp500",), TODAY, date(2025, 1, 1)),
        (("dow_jones",), TODAY, date(2025, 1, 1)),
    ]
    assert [one.symbols for one in files] == [("sp500",), ("russell_1000",)]
    assert pages[0].full_url == "https://en.wikipedia.org/wiki/List_of_S%26P_500_companies"
    assert "fileName=IWB_holdings" in files[1].full_url


@pytest.mark.parametrize("source", [Wikipedia(), IShares()])
def test_offer_is_a_snapshot(source: Source) -> None:
    """
    An answer tells the state of today, needs no key, and a probe is one request like any other.
    """
    assert source.offers["index_members"].snapshot
    assert source.access.needs == ()
    assert source.probe(NOW).symbol in ("sp500", "dow_jones")
    assert source.next_page(source.probe(NOW), Payload(200, (), b"", NOW)) is None
    other = Request(source.name, "index_members", "https://x.example/", (), ("ftse100",))
    with pytest.raises(PayloadRefused, match="for the index ftse100"):
        source.parse(other, Payload(200, (), b"", NOW))


# --- Wikipedia -------------------------------------------------------------------------------------------------------


def test_columns_are_found_by_heading(page: bytes) -> None:
    """
    A column more, or another order, changes nothing: headings tell what a cell is.
    """
    plain = parse(Wikipedia(), page)
    assert plain.columns == [name for name in COLUMNS if name != "weight"]
    wider = page.replace(b"<th>Security</th>\n", b"<th>Logo</th>\n<th>Security</th>\n", 1)
    wider = wider.replace(b'</a>\n</td>\n<td><a href="/wiki/X">', b'</a>\n</td>\n<td></td>\n<td><a href="/wiki/X">')
    assert wider != page
    assert parse(Wikipedia(), wider).equals(plain)


def test_members_carry_name_and_filer(page: bytes) -> None:
    """
    A member has the company's name and its number at the SEC.
    """
    members = parse(Wikipedia(), page).filter(pl.col("event") == "member")
    assert members["date"].unique().to_list() == [TODAY]
    assert members.null_count().row(0) == (0,) * members.width
    assert members["cik"].min() == 1000
    assert members["name"].str.ends_with("& Sons (The)").all()


def test_footnotes_spans_and_hidden_keys() -> None:
    """
    Footnotes, styles and sort keys are no text; a cell that spans rows or columns is in each of them.
    """
    html = (
        '<table><tr><th rowspan="2">Date</th><th colspan="2">Added</th></tr><tr><th>Ticker</th><th>Security</th></tr>'
        '<tr><td rowspan="2"><span style="display:none">2020</span>May 7,<br>2026<sup>[3]</sup></td><td>A [a]</td>'
        "<td><style>.x{}</style>Alpha<table><tr><td>in</td></tr></table></td></tr><tr><td>B</td><td>Beta</td></tr>"
        '<tr><td colspan="3">a note</td></tr></table>'
    )
    outer = next(grids(html.encode()))
    assert outer.headings == (("date",), ("added", "ticker"), ("added", "security"))
    assert outer.rows == (
        ("May 7, 2026", "A", "Alphain"),
        ("May 7, 2026", "B", "Beta"),
        ("a note", "a note", "a note"),
    )


@pytest.mark.parametrize("span", ["999999999999999999999999", "-3", "x", "0", "²"])
def test_odd_spans_are_harmless(span: str) -> None:
    """
    A span that is no number, or a huge one, neither fails nor fills the memory.
    """
    html = f'<table><tr><th rowspan="1" colspan="{span}">Symbol</th></tr><tr><td rowspan="{span}">A</td></tr></table>'
    assert next(grids(html.encode())).rows[0][0] == "A"


def test_page_that_shrank_is_refused(page: bytes) -> None:
    """
    Fewer than nine tenths of the members, or no table of changes where there is always one, is not the page.
    """
    rows = page.split(b"<tr>")
    assert refusal(Wikipedia(), b"<tr>".join(rows[:200])).fault == "malformed"
    assert "no table of changes" in refusal(Wikipedia(), page.replace(b"Removed", b"Gone")).reason
    undated = page.replace(b", 2024\n", b"\n").replace(b", 2023\n", b"\n")
    assert "changes only 0 have a date" in refusal(Wikipedia(), undated).reason


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        (b"", 200, "malformed"),
        (b"\x00\xff\xfe", 200, "malformed"),
        (b"{}", 200, "malformed"),
        (b"<html><title>Just a moment...</title></html>", 200, "malformed"),
        (b"<html>Too many requests</html>", 403, "http_403"),
        (b"", 301, "http_301"),
        (b"", 404, "not_found"),
    ],
)
@pytest.mark.parametrize("source", [Wikipedia(), IShares()])
def test_other_answers_are_refused(source: Source, body: bytes, status: int, fault: str) -> None:
    """
    An error, a challenge page or nothing is refused with a reason in words.
    """
    refused = refusal(source, body, status=status)
    assert refused.fault == fault
    assert refused.retry is (status == 200)


# --- fund holdings ---------------------------------------------------------------------------------------------------


def test_holdings_form(file: bytes) -> None:
    """
    Trap 64: byte-order mark, lines above, quoted thousands, cash and futures, a remnant, the legal text below.
    """
    assert file.startswith(b"\xef\xbb\xbfiShares")
    frame = parse(IShares(), file)
    assert frame.columns == ["index", "symbol", "date", "event", "name", "weight"]
    assert not {"XTSLA", "USD", "ESU6", "HOLX"} & set(frame["symbol"])
    assert frame["weight"].unique().to_list() == [0.2]
    assert frame["date"].unique().to_list() == [date(2024, 12, 30)]


def holdings(*shares: tuple[str, str], above: str = 'Fund Holdings as of,"Jul 17, 2026"', count: int = 460) -> bytes:
    """A file of `count` plain shares and these (ticker, exchange)."""
    rows = [*shares, *((f"A{number}", "NASDAQ") for number in range(count))]
    text = "".join(
        f'"{ticker}","SOME CLASS {ticker[-1:]}","Equity","0.10","1,000.00","{venue}"\n' for ticker, venue in rows
    )
    return f"{above}\n\nTicker,Name,Asset Class,Weight (%),Quantity,Exchange\n{text}\n".encode()


def test_class_shares_have_their_dot() -> None:
    """
    BRKB is BRK.B and BFA is BF.A; tickers that end in their class without a dot (FOXA, CVNA) stay, slashes are read.
    """
    given = [
        ("BRKB", "NYSE"),
        ("BFA", "NYSE"),
        ("FOXA", "NASDAQ"),
        ("CVNA", "NYSE"),
        ("UA/C", "NYSE"),
        ("HEIA", "NYSE"),
    ]
    assert parse(IShares(), holdings(*given))["symbol"].to_list()[:6] == [
        "BRK.B",
        "BF.A",
        "FOXA",
        "CVNA",
        "UA.C",
        "HEI.A",
    ]


def test_tickers_that_look_like_values() -> None:
    """
    Trap 63: NA, NULL, TRUE, ON and INF are tickers.
    """
    odd = ["NA", "NULL", "TRUE", "ON", "INF", "NAN"]
    assert parse(IShares(), holdings(*((name, "NYSE") for name in odd)))["symbol"].to_list()[:6] == odd


def test_list_with_holes_is_refused() -> None:
    """
    Two shares without a ticker of a US exchange are left out; many would look as if members had left.
    """
    few = [("-", "NYSE"), ("0R01", "London Stock Exchange")]
    assert parse(IShares(), holdings(*few)).height == 460
    assert "3 of 463 shares have no ticker" in refusal(IShares(), holdings(*few, ("AAPL*", "NASDAQ"))).reason


def test_day_must_be_told() -> None:
    """
    A list of an unknown day says nothing; nor does one that is far too short.
    """
    assert "as of which day" in refusal(IShares(), holdings(above="")).reason
    assert "as of which day" in refusal(IShares(), holdings(above='Fund Holdings as of,"-"')).reason
    assert "too few" in refusal(IShares(), holdings(count=100)).reason


# --- anything whatever -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_damage_is_refused_or_read(page: bytes, file: bytes, seed: int) -> None:
    """
    Cut, flipped or repeated bytes give rows in the right columns or a refusal, never another error.
    """
    rng = random.Random(seed)
    for source, whole in ((Wikipedia(), page), (IShares(), file)):
        body = bytearray(whole[: rng.randrange(len(whole))] if seed % 2 else whole)
        for _ in range(rng.randrange(40)):
            at = rng.randrange(len(body) or 1)
            body[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
        try:
            frame = parse(source, bytes(body))
        except PayloadRefused:
            continue
        assert set(frame.columns) <= set(COLUMNS)
        assert frame.select("index", "symbol", "date", "event").null_count().sum_horizontal().item() == 0
