"""The truth is consistent in itself, the same for the same seed, and holds every shape that vendors trip over."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from gym.profiles import profile_of
from gym.truth import RATIOS, SPECIAL, Truth
from marketkeep.model import Symbol


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Two hundred symbols over ten years."""
    return Truth()


@pytest.fixture(scope="module")
def bars(truth: Truth) -> pl.DataFrame:
    """All bars of all symbols."""
    return pl.concat(truth.bars(symbol).with_columns(symbol=pl.lit(symbol)) for symbol in truth.symbols)


def test_bars_are_consistent(bars):
    """Low and high enclose open and close; prices are whole cents from about 2 to 3,000; volume comes in hundreds."""
    wrong = bars.filter(
        (pl.col("high") < pl.max_horizontal("open", "close", "low"))
        | (pl.col("low") > pl.min_horizontal("open", "close"))
        | (pl.col("low") < 1.8)
        | (pl.col("high") > 3300)
        | (pl.col("volume") % 100 != 0)
        | (pl.col("volume") <= 0)
    )
    assert wrong.is_empty()
    cents = bars["close"].to_numpy() * 100
    assert np.allclose(cents, np.round(cents), atol=1e-6)


def test_sessions_are_those_of_the_exchange(truth, bars):
    """No bar lies on a holiday or weekend, and sessions known to be closed or short are right."""
    days = set(bars["date"])
    assert {date(2018, 12, 5), date(2022, 6, 20), date(2024, 7, 4), date(2024, 1, 6)}.isdisjoint(days)
    at = int(np.searchsorted(truth.sessions.dates, np.datetime64("2023-11-24")))
    assert truth.sessions.closes[at] - truth.sessions.opens[at] == 3.5 * 3600
    missing = {s: len(truth.security(s).halts) for s in truth.symbols if truth.security(s).halts}
    whole = [s for s in truth.symbols if truth.security(s).first == truth.sessions.dates[0].item()]
    for symbol in whole:
        if not truth.security(symbol).delisted:
            assert truth.bars(symbol).height == len(truth.sessions.dates) - missing.get(symbol, 0)


def test_truth_depends_on_seed_and_number_only(truth):
    """The same seed gives the same bars however many symbols there are; another seed gives others."""
    few = Truth(symbols=3)
    assert few.bars("TRUE").equals(truth.bars("TRUE"))
    assert few.actions("TRUE").equals(truth.actions("TRUE"))
    assert not Truth(seed=8, symbols=3).bars("TRUE").equals(truth.bars("TRUE"))


def test_every_shape_is_there(truth):
    """Late listings, delistings, halts, renames, every split ratio, tiny and shared ex-date dividends."""
    securities = [truth.security(s) for s in truth.symbols]
    assert sum(s.first > truth.sessions.dates[0].item() for s in securities) > 20
    assert sum(s.delisted for s in securities) > 10
    assert sum(bool(s.halts) for s in securities) > 20
    assert sum(s.formerly is not None for s in securities) > 5
    actions = {s: truth.history(s).actions for s in truth.symbols}
    assert {a.ratio for some in actions.values() for a in some if a.ratio} == {Fraction(*r) for r in RATIOS}
    cash = [a.amount for some in actions.values() for a in some if a.amount]
    assert min(cash) == 0.001
    shared = [s for s, some in actions.items() if len({a.ex_date for a in some}) < len(some)]
    assert len(shared) > 5
    assert set(SPECIAL) <= set(truth.symbols)
    assert all(Symbol.parse(s).text == s for s in (*truth.symbols, *truth.renames))


def test_ex_dates_are_sessions_with_bars(truth):
    """An action never falls on a day without a bar, and a dividend is below the close before it."""
    for symbol in truth.symbols:
        bars = truth.bars(symbol)
        actions = truth.actions(symbol)
        assert set(actions["ex_date"]) <= set(bars["date"][1:]), symbol
        joined = bars.with_columns(before=pl.col("close").shift()).join(actions, left_on="date", right_on="ex_date")
        assert joined.filter(pl.col("amount") >= pl.col("before") * 0.2).is_empty(), symbol


def test_adjusted_close_is_smooth_over_splits(truth):
    """Over a split the adjusted close moves by a day's move, not by the ratio."""
    for symbol in truth.symbols[:40:4]:
        adjusted = truth.adjusted(symbol)["adj_close"]
        assert (adjusted.pct_change().abs().drop_nulls() < 0.15).all(), symbol


def test_factors_know_only_what_has_happened(truth):
    """As of the day before a split, no factor holds it."""
    ex_date = truth.actions("BRK.B").filter(pl.col("kind") == "split")["ex_date"][0]
    before, after = date.fromordinal(ex_date.toordinal() - 1), ex_date
    assert truth.adjusted("BRK.B", before)["split_factor"][0] == 1
    assert truth.adjusted("BRK.B", after)["split_factor"][0] == 0.5


def test_profiles_tell_companies_apart(truth: Truth) -> None:
    """Names and filer numbers are a company's own, but share classes have one filer; ETFs trade on Arca without one."""
    profiles = {symbol: truth.profile(symbol) for symbol in truth.symbols}
    filers = [p.cik for p in profiles.values() if p.cik]
    shared = {symbol for symbol, p in profiles.items() if p.cik and filers.count(p.cik) > 1}
    assert shared == {"BRK.B", "QAAA", "BF.A", "QAAB"}
    assert [profiles[s].share_class for s in ("BRK.B", "QAAA", "HEI.A", "NA")] == ["B", "A", "A", None]
    assert profiles["BRK.B"].name == profiles["QAAA"].name
    names = [profiles[symbol].name for symbol in truth.symbols if symbol not in shared]
    assert len(names) == len(set(names))
    etfs = {symbol for symbol, p in profiles.items() if p.etf}
    assert len(etfs) > 10
    assert all((p.exchange == "ARCX") == (p.cik is None) == p.etf for p in profiles.values())
    assert {p.exchange for p in profiles.values()} == {"ARCX", "XNAS", "XNYS", "XASE"}
    assert {s for s, p in profiles.items() if p.former_name} == {s.symbol for s in truth.renames.values()}
    assert Truth(8, 60, 3).profile("NA") == profiles["NA"]


def test_a_ticker_is_used_twice(truth: Truth) -> None:
    """A delisted company's ticker is later another's, with another filer; it is beside the symbols, not among them."""
    ((ticker, (first, second)),) = truth.reused.items()
    assert ticker not in truth
    assert (first.delisted, second.delisted, second.last) == (True, False, truth.sessions.dates[-1].item())
    assert first.last < second.first
    assert first.symbol == second.symbol == ticker
    assert profile_of(first).cik != profile_of(second).cik
    assert {profile_of(first).name, profile_of(second).name}.isdisjoint(truth.profile(s).name for s in truth.symbols)
    for history, security in zip(truth.reused_history, (first, second), strict=True):
        assert history.frame()["date"][0] == security.first
        assert history.frame()["date"][-1] == security.last
