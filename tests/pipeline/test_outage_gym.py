"""A backfill from three sources, the first of which is down half of the time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest
from gym_keep import after_close, differing, published_tree
from vendors_keep import VendorsKeep

import marketkeep
from gym import Down, Gym, Limit, serve
from gym.polygon import Polygon
from gym.vendors import some_vendors
from marketkeep.pipeline.collecting.filling import Outcome
from marketkeep.pipeline.collecting.update import backfill
from marketkeep.pipeline.journal import read_run, run_keys
from marketkeep.pipeline.rebuild import rebuild

START, LAST = date(2021, 12, 30), date(2024, 12, 27)
SYMBOLS = 300
RATES = {"yahoo": 200, "polygon": 120, "alpaca": 20}
ALPACA_QUOTA = 150


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """Yahoo answers ten requests, then fails ten, and so on; each vendor refuses what comes faster than it allows."""
    limits = {
        "yahoo": Limit(RATES["yahoo"], 1.0),
        "polygon": Limit(RATES["polygon"], 1.0),
        "alpaca": Limit(RATES["alpaca"], 1.0, per_day=ALPACA_QUOTA),
    }
    with serve(
        SYMBOLS,
        4,
        last=LAST,
        now=after_close(LAST),
        # No directory tells of renames here, so there are none.
        vendors=lambda truth: [*some_vendors("yahoo", "alpaca")(truth), Polygon(truth, by_day=False)],
        limits=limits,
        down={"yahoo": Down(up=10, down=10)},
    ) as one:
        yield one


@pytest.fixture(scope="module")
def keep(gym: Gym, tmp_path_factory: pytest.TempPathFactory) -> VendorsKeep:
    """
    A keep that follows 300 symbols and may ask three sources: Yahoo the cheapest, Polygon two years back only, Alpaca's
    calls scarce.
    """
    told = {name: {"calls": calls, "seconds": 1.0} for name, calls in RATES.items()}
    told["alpaca"]["quota"] = ALPACA_QUOTA
    settings = {"attempts": 2, "timeout_seconds": 5.0, "rest_seconds": 20.0}
    made = VendorsKeep(tmp_path_factory.mktemp("outage") / "keep", gym, sources=told, settings=settings)
    made.follow(START)
    return made


@pytest.fixture(scope="module")
def outcome(keep: VendorsKeep) -> Outcome:
    """One backfill of three years."""
    return keep.collect(backfill, start=START, end=LAST)


def test_complete_in_one_run(outcome: Outcome, keep: VendorsKeep, gym: Gym) -> None:
    """
    Every bar and action of 300 symbols over three years is there and true after one run.
    """
    print(outcome.collected.by_source, outcome.collected.faults, outcome.collected.notes)
    assert outcome.collected.failed == {}
    assert differing(keep.root, gym, START, LAST) == {}
    assert marketkeep.open(keep.root).coverage()["rows"].sum() > 190_000


def test_each_row_names_the_source_that_gave_it(outcome: Outcome, keep: VendorsKeep, gym: Gym) -> None:
    """
    A bar's source is a vendor that answered for its symbol, as the vendors' own log has it; all three gave some.
    """
    assert gym.truth is not None
    served = {(hit.vendor, symbol) for hit in gym.log if hit.status == 200 for symbol in asked(hit.params, hit.key)}
    bars = pl.concat([marketkeep.open(keep.root).bars(symbol).polars() for symbol in gym.truth.symbols])
    said = set(bars.select("source", "symbol").unique().rows())
    assert said <= served
    assert {source for source, _ in said} == {"yahoo", "polygon", "alpaca"}


def test_no_source_is_asked_more_than_it_allows(outcome: Outcome, keep: VendorsKeep, gym: Gym) -> None:
    """
    Measured at the server: no request was over a rate, none over the quota.
    """
    assert [gym.over(name) for name in RATES] == [[], [], []]
    assert gym.count_of("alpaca") <= ALPACA_QUOTA


def test_outage_is_told_in_words(outcome: Outcome, keep: VendorsKeep) -> None:
    """
    The journal says in a sentence that the source failed and until when it is not asked.
    """
    told = [one for path in run_keys(keep.root) for one in read_run(keep.root, path) if one["event"] == "source"]
    notes = [one["note"] for one in told if one["source"] == "yahoo"]
    assert any("its server fails (HTTP 503)" in note and "not asked again before" in note for note in notes), notes


def test_second_run_asks_for_nothing(outcome: Outcome, keep: VendorsKeep, gym: Gym) -> None:
    """
    What is held or answered is not asked for again, whoever told it; a rebuild gives the same bytes.
    """
    gym.clear()
    again = keep.collect(backfill, start=START, end=LAST)
    assert (again.collected.planned, gym.count) == (0, 0)
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def asked(params: dict[str, str], key: str) -> list[str]:
    """The symbols that a request was about."""
    return params["symbols"].split(",") if "symbols" in params else [key]


def test_second_opinion_confirms_what_one_source_told(outcome: Outcome, keep: VendorsKeep, gym: Gym) -> None:
    """
    Asked for its own word, a source tells of sessions that another told before, once; then both confirm each other.
    """
    assert gym.truth is not None
    bars = marketkeep.open(keep.root).bars(gym.truth.symbols, "2024-11-01", LAST).polars()
    symbol = bars.filter(pl.col("source") == "yahoo")["symbol"][0]
    span = {"start": date(2024, 11, 1), "end": date(2024, 11, 29), "symbols": [symbol], "datasets": ["daily_bars"]}
    keep.collect(backfill, names=["polygon"], second_opinion=True, **span)
    proof = marketkeep.open(keep.root).explain(symbol, "2024-11-05", "close")
    assert (proof.status, {one.source for one in proof.candidates}) == ("confirmed", {"yahoo", "polygon"})
    gym.clear()
    keep.collect(backfill, names=["polygon"], second_opinion=True, **span)
    assert gym.count == 0
