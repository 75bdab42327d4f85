"""Years of a universe, day by day over real sockets: who is who, who is a member, and what a rebuild makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest
from gym_keep import after_close, published_tree
from vendors_keep import VendorsKeep

import marketkeep
from gold.told import changes, of
from gym import Truth, serve
from gym.fund_holdings import FundHoldings
from gym.indices import Indices, Membership
from gym.profiles import profile_of
from gym.truth import REUSED
from gym.vendors import some_vendors
from gym.wire import Vendor
from gym.yields import point
from marketkeep.calendars import XNYS
from marketkeep.model import Policy
from marketkeep.pipeline.collecting.windows import windows
from marketkeep.pipeline.rebuild import rebuild

TRUTH = Truth(symbols=40, years=2)
FAST = {"calls": 1000, "seconds": 1.0}
SOURCES = dict.fromkeys(("nasdaq_trader", "sec_tickers", "sec", "wikipedia", "ishares", "treasury"), FAST)
DATASETS = ("listings", "index_members", "treasury_yields", "filings")
EVERY = [TRUTH.security(symbol) for symbol in TRUTH.symbols]
FIRST, LAST = TRUTH.sessions.dates[0].item(), TRUTH.sessions.dates[-1].item()
LIED = (date(2024, 3, 1), date(2024, 9, 30))
"""Within these days the fund of the S&P 500 does not tell of one member, and tells of one that is none."""


def events() -> list[date]:
    """First sessions on which a ticker of the truth is gone, is another's name, or has a new holder."""
    gone = [XNYS.next_session(one.last) for one in (*EVERY, *TRUTH.reused[REUSED]) if one.delisted]
    renamed = [one.renamed_on for one in EVERY if one.renamed_on]
    return sorted([*gone, *renamed, TRUTH.reused[REUSED][1].first])


def days() -> list[date]:
    """The session before each event, its own and the next; the first and the last of the truth."""
    around = {day for one in events() for day in (XNYS.previous_session(one), one, XNYS.next_session(one))}
    return sorted({FIRST, LAST} | around)


class Lying(Indices):
    """Indices of which the fund's file of the S&P 500 is wrong for some months."""

    def members(self, index: str, day: date) -> list[Membership]:
        """Who is told of."""
        known = super().members(index, day)
        if index != "sp500" or not LIED[0] <= day <= LIED[1]:
            return known
        return [*(one for one in known if one.symbol != "TRUE"), Membership("QQQQ", "Nobody & Sons")]


def vendors(truth: Truth) -> list[Vendor]:
    """The vendors of reference data, the fund's lying."""
    fund = FundHoldings(truth)
    fund.indices = Lying(truth)
    return [*some_vendors("nasdaq_trader", "sec_tickers", "sec", "wikipedia", "treasury")(truth), fund]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorsKeep]:
    """A keep that was updated on each of the days; it follows the tickers of the first one."""
    with serve(truth=TRUTH, vendors=vendors, now=after_close(FIRST)) as gym:
        root = tmp_path_factory.mktemp("universe") / "keep"
        keep = VendorsKeep(root, gym, policy=Policy(start=FIRST), sources=SOURCES)
        keep.follow(FIRST, [*(one.formerly or one.symbol for one in EVERY), REUSED])
        for day in days():
            gym.now = after_close(day)
            outcome = keep.collect(datasets=DATASETS)
            assert outcome.collected.failed == {}, day
        yield keep


@pytest.fixture
def reader(lived: VendorsKeep) -> marketkeep.Keep:
    """The keep as its readers see it."""
    return marketkeep.open(lived.root)


def test_history_has_every_change_of_a_ticker(reader: marketkeep.Keep) -> None:
    """Old tickers became new ones, delisted ones are gone, the reused one was given up by its first holder."""
    renamed = {(one.formerly, one.symbol, one.renamed_on) for one in EVERY if one.renamed_on}
    gone = {(one.symbol, None, XNYS.next_session(one.last)) for one in (*EVERY, *TRUTH.reused[REUSED]) if one.delisted}
    told = changes(reader.ticker_history())
    assert set(told) == renamed | gone
    assert len(told) == len(renamed | gone)


def test_securities_are_who_they_are(reader: marketkeep.Keep) -> None:
    """Listed is who the truth says is; a form proves a company's delisting; following goes along with a rename."""
    known = reader.securities()
    listed = {one.symbol for one in EVERY if not one.delisted} | {REUSED}
    stocks = known.filter(pl.col("asset_class") != "bond")
    assert set(stocks.filter(pl.col("active"))["symbol"]) == listed
    for one in EVERY:
        row = of(known, one.symbol)
        fund = TRUTH.profile(one.symbol).etf
        assert row["followed"], one
        assert row["delisting_date"] == (XNYS.next_session(one.last) if one.delisted else None), one
        assert row["delisting_reason"] == (("directory" if fund else "form_25") if one.delisted else None), one
        if one.formerly:
            assert one.formerly not in known["symbol"], one


def test_reused_ticker_is_its_second_holders(reader: marketkeep.Keep) -> None:
    """The row is that of the company that has the ticker now, which nobody asked to follow."""
    row = of(reader.securities(), REUSED)
    second = TRUTH.reused[REUSED][1]
    assert (row["active"], row["followed"], row["delisting_date"]) == (True, False, None)
    assert row["name"].startswith(profile_of(second).name)


def test_class_shares_are_securities_of_their_own(reader: marketkeep.Keep) -> None:
    """Classes of one company share its number at the SEC and nothing else."""
    known = reader.securities()
    classes = [symbol for symbol in TRUTH.symbols if TRUTH.profile(symbol).share_class]
    assert {"BRK.B", "BF.A", "HEI.A"} <= set(classes)
    shared = known.filter(pl.col("cik").is_not_null() & pl.col("active")).group_by("cik").agg("symbol")
    beside = {tuple(sorted(row)) for row in shared["symbol"].to_list() if len(row) > 1}
    assert ("BRK.B", "QAAA") in beside
    assert not set(reader.ticker_history()["old_symbol"]) & {symbol for pair in beside for symbol in pair}


def test_treasuries_are_securities(reader: marketkeep.Keep) -> None:
    """Each point of the curve is a bond that is not followed; the 3-month point is the rate without risk."""
    bonds = reader.securities().filter(pl.col("symbol").str.starts_with("^UST"))
    # The last day's curve is not out yet in the evening.
    day = XNYS.previous_session(LAST)
    rates = reader.treasury_yields(day)
    assert bonds["asset_class"].unique().to_list() == ["bond"]
    assert not bonds["followed"].any()
    assert set(bonds["symbol"]) == {f"^UST{tenor}" for tenor in rates["tenor"]}
    assert reader.treasury_yields(day, day, tenor="3M")["yield"].to_list() == [point(TRUTH.seed, day, "3M")]


def test_members_of_every_day_are_the_truths(reader: marketkeep.Keep) -> None:
    """On each day of an update, members are those of the truth; those of a fund on the day its file tells of."""
    indices = Indices(TRUTH)
    for day in days():
        for index in ("sp500", "nasdaq100", "dow_jones"):
            assert reader.members(index, day) == sorted(one.symbol for one in indices.members(index, day)), (index, day)
        told = FundHoldings(TRUTH).day(day)
        assert reader.members("russell_1000", told) == sorted(
            one.symbol for one in indices.members("russell_1000", told)
        ), told
    assert reader.members("sp500") == reader.members("sp500", LAST)


@pytest.mark.parametrize("index", ["sp500", "nasdaq100"])
def test_intervals_are_the_truths(reader: marketkeep.Keep, index: str) -> None:
    """Where a page tells changes, intervals are exact, however seldom it is read, from the keep's start on."""

    def seen(since: date | None) -> date | None:
        return since if since and since >= FIRST else None

    true = {(one.symbol, seen(one.since), one.until) for one in Indices(TRUTH).memberships(index)}
    ours = reader.index_members(index).select("symbol", "from", "to").rows()
    assert {(symbol, seen(since), until) for symbol, since, until in ours} == true
    assert len(ours) == len(true)


def test_disagreements_are_findings(reader: marketkeep.Keep) -> None:
    """What the fund's file does not tell as the page does is found, each within its days, and nothing else."""
    found = reader.findings().filter(pl.col("check") == "source_disagreement").sort("symbol")
    assert found["detail"].to_list() == [
        "ishares has QQQQ in sp500, wikipedia has not",
        "wikipedia has TRUE in sp500, ishares has not",
    ]
    assert all(LIED[0] <= first <= last <= LIED[1] for first, last in found.select("first", "last").iter_rows())


def test_who_left_is_not_asked_for(lived: VendorsKeep) -> None:
    """A delisted symbol and an old ticker are followed by nobody's update, though their history stays."""
    wanted = {one.symbol for one in windows(lived.work, ["daily_bars"], lived.clock())}
    assert wanted == {one.symbol for one in EVERY if not one.delisted}


def test_rebuild_is_the_same(lived: VendorsKeep) -> None:
    """All of it made again at once comes out byte for byte."""
    before = published_tree(lived.root)
    rebuild(lived.work)
    assert published_tree(lived.root) == before
