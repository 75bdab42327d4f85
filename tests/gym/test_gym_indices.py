"""Pages and files about indices, and the yield curve, decode to the truth by our own sources and judging."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import httpx
import polars as pl
import pytest

from gym import serve, some_vendors
from gym.fund_holdings import FundHoldings
from gym.indices import SIZES, Indices
from gym.treasury import Treasury
from gym.truth import Truth
from gym.wikipedia import Wikipedia
from gym.wire import Ask, Vendor
from gym.yields import TENORS, point
from marketkeep.errors import PayloadRefused
from marketkeep.gold.membership import members_on, resolve_members
from marketkeep.model import Frames, Payload, Query, Request, Source
from marketkeep.sources.fund_holdings import IShares
from marketkeep.sources.treasury import Treasury as TreasurySource
from marketkeep.sources.wikipedia import Wikipedia as WikipediaSource
from member_rows import landed

Bounds = tuple[str, date | None, date | None]


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Sixty symbols over four years."""
    return Truth(symbols=60, years=4)


def evening(day: date) -> datetime:
    """An evening in New York."""
    return datetime.combine(day, time(23), tzinfo=UTC)


def ask(vendor: Vendor, source: Source, request: Request, now: datetime, variant: str | None = None) -> Frames:
    """What a source reads from the vendor's answer."""
    _, _, host, path = request.url.split("/", 3)
    reply = vendor.answer(Ask(host, f"/{path}", dict(request.params), now.timestamp(), variant=variant))
    assert reply is not None, request.url
    return source.parse(request, Payload(reply.status, (), reply.body, now))


def members_of(vendor: Vendor, source: Source, index: str, now: datetime, variant: str | None = None) -> pl.DataFrame:
    """The statements about an index."""
    (request,) = source.plan(Query("index_members", (index,), now.date(), now.date() + timedelta(days=1), now))
    return ask(vendor, source, request, now, variant)["index_members"]


def told(vendor: Wikipedia, index: str, today: date) -> set[Bounds]:
    """
    The bounds that a page tells: announced changes, those to come too, and of who is in the list when it was added.

    The Nasdaq-100's list has no such column.
    """
    dated = set() if index == "nasdaq100" else {one.symbol for one in vendor.listed(index, today)}
    return {
        (
            one.symbol,
            one.since if one.announced or one.symbol in dated else None,
            one.until if one.left and one.left <= today else None,
        )
        for one in vendor.indices.memberships(index)
        if one.announced is None or one.announced <= today
    }


def resolved(table: pl.DataFrame, index: str) -> set[Bounds]:
    """The bounds in a resolved table."""
    return set(table.filter(pl.col("index") == index).select("symbol", "from", "to").iter_rows())


def test_truth_has_members_for_a_day(truth: Truth) -> None:
    """
    The truth has what it is there for: sizes over the usual, one-day members, changes told before they take effect.
    """
    indices = Indices(truth)
    assert {index: len(indices.members(index, truth.last)) for index in SIZES} == SIZES
    lengths = [one.until - one.since for one in indices.memberships("sp500") if one.since and one.until]
    assert min(lengths) == timedelta(days=1)
    assert all(change.announced < change.effective for change in indices.changes("sp500", truth.last))


@pytest.mark.parametrize("index", ["sp500", "nasdaq100"])
def test_page_comes_back_as_the_truth(truth: Truth, index: str) -> None:
    """
    One page, walked back through its changes, gives every interval that the truth has: one-day members too (trap 55).
    """
    vendor, source = Wikipedia(truth), WikipediaSource()
    for day in truth.sessions.dates.tolist()[40::97]:
        frame = members_of(vendor, source, index, evening(day))
        table = resolve_members(landed(frame, "wikipedia", evening(day)))
        assert resolved(table, index) == told(vendor, index, day)


def test_pages_of_many_days_agree(truth: Truth) -> None:
    """
    Pages of a year of weeks, in any order, come to the same as the newest alone; who left before the page is kept.
    """
    vendor, source = Wikipedia(truth), WikipediaSource()
    days = truth.sessions.dates.tolist()[300:560:6]
    frames = [landed(members_of(vendor, source, "sp500", evening(day)), "wikipedia", evening(day)) for day in days]
    table = resolve_members(pl.concat(frames))
    assert table.equals(resolve_members(pl.concat(frames[::-1])))
    assert {one for one in told(vendor, "sp500", days[-1]) if one[1]} <= resolved(table, "sp500")
    for day in days:
        assert members_on(table, "sp500", day) == sorted(one.symbol for one in vendor.indices.members("sp500", day))


def test_dow_has_no_changes(truth: Truth) -> None:
    """
    The Dow's page tells members and since when; who has left is not on it.
    """
    vendor, source = Wikipedia(truth), WikipediaSource()
    day = truth.last
    table = resolve_members(landed(members_of(vendor, source, "dow_jones", evening(day)), "wikipedia", evening(day)))
    assert resolved(table, "dow_jones") == {
        (one.symbol, one.since, None) for one in vendor.indices.members("dow_jones", day)
    }


@pytest.mark.parametrize("index", ["sp500", "russell_1000"])
def test_holdings_come_back_as_the_truth(truth: Truth, index: str) -> None:
    """
    A fund's file gives the members of its day, class shares with their dot again.
    """
    vendor, source = FundHoldings(truth), IShares()
    now = evening(truth.last)
    frame = members_of(vendor, source, index, now)
    day = vendor.day(now.date())
    assert frame["date"].unique().to_list() == [day] != [truth.last]
    assert sorted(frame["symbol"]) == sorted(one.symbol for one in vendor.indices.members(index, day))
    assert "HEI.A" in set(frame["symbol"])


def test_curve_comes_back_as_the_truth(truth: Truth) -> None:
    """
    Every point of the window is read from the files of its years; today's is there from the evening on.
    """
    vendor, source = Treasury(truth), TreasurySource()
    start, end, now = date(2022, 8, 1), date(2024, 12, 31), datetime(2024, 12, 30, 15, tzinfo=UTC)
    requests = source.plan(Query("treasury_yields", (), start, end, now))
    assert [request.start for request in requests] == [date(2024, 1, 1), date(2023, 1, 1), start]
    frame = pl.concat([ask(vendor, source, request, now)["treasury_yields"] for request in requests]).sort("date")
    days = [day for day in truth.sessions.dates.tolist() if start <= day < date(2024, 12, 30)]
    expected = {
        (day, tenor, value) for day in days for tenor in TENORS if (value := point(truth.seed, day, tenor)) is not None
    }
    assert set(frame.select("date", "tenor", "yield").iter_rows()) == expected


@pytest.mark.parametrize(
    ("variant", "fault"), [("empty", "malformed"), ("wrong_symbol", "malformed"), ("not_found", "not_found")]
)
def test_page_that_is_another_is_refused(truth: Truth, variant: str, fault: str) -> None:
    """
    A page without its tables, of another index, or of nothing is refused, not read as an index that shrank.
    """
    with pytest.raises(PayloadRefused) as refused:
        members_of(Wikipedia(truth), WikipediaSource(), "sp500", evening(truth.last), variant)
    assert refused.value.fault == fault


@pytest.mark.parametrize(
    ("variant", "fault"), [("empty", "malformed"), ("wrong_symbol", "wrong_symbol"), ("not_found", "not_found")]
)
def test_file_of_another_fund_is_refused(truth: Truth, variant: str, fault: str) -> None:
    """
    Likewise a fund's file.
    """
    with pytest.raises(PayloadRefused) as refused:
        members_of(FundHoldings(truth), IShares(), "sp500", evening(truth.last), variant)
    assert refused.value.fault == fault


@pytest.mark.parametrize(("variant", "fault"), [("empty", "empty"), ("not_found", "not_found")])
def test_year_without_curve_is_refused(truth: Truth, variant: str, fault: str) -> None:
    """
    A file of headings alone is an answer that is empty; none at all is no file.
    """
    source = TreasurySource()
    (request,) = source.plan(Query("treasury_yields", (), date(2024, 1, 1), date(2024, 2, 1), evening(truth.last)))
    with pytest.raises(PayloadRefused) as refused:
        ask(Treasury(truth), source, request, evening(truth.last), variant)
    assert refused.value.fault == fault


def test_vendors_know_their_requests_only(truth: Truth) -> None:
    """
    What a vendor is asked for by anyone else is none of its data; the key names the index or the year.
    """
    vendors = Wikipedia(truth), FundHoldings(truth), Treasury(truth)
    other = Ask("other.example", "/", {}, evening(truth.last).timestamp())
    assert [(one.key_of(other), one.answer(other)) for one in vendors] == [(None, None)] * 3
    source = IShares()
    request = source.probe(evening(truth.last))
    path = "/" + request.url.split("/", 3)[3]
    assert vendors[1].key_of(Ask("www.ishares.com", path, dict(request.params), 0.0)) == "sp500"
    page = vendors[1].answer(Ask("www.ishares.com", path, {}, 0.0))
    assert page is not None
    assert page.content_type == "text/html"


@pytest.mark.parametrize("source", [WikipediaSource(), IShares(), TreasurySource()])
def test_answers_over_a_socket(truth: Truth, source: Source) -> None:
    """
    Each vendor answers at its host's path with what the source reads, and counts the request by its key.
    """
    with serve(truth=truth, vendors=some_vendors("wikipedia", "fund_holdings", "treasury")) as gym:
        request = source.probe(gym.now)
        reply = httpx.get(f"{gym.url}/{request.url.partition('://')[2]}", params=dict(request.params))
        frames = source.parse(request, Payload(reply.status_code, (), reply.content, gym.now))
        (hit,) = gym.log
    assert sum(frame.height for frame in frames.values()) > 25
    assert (hit.vendor, hit.key) in {("wikipedia", "dow_jones"), ("ishares", "sp500"), ("treasury", "curve 2024")}
