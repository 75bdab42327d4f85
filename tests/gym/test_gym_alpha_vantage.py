"""Alpha Vantage's form in the gym: strings newest first, notes with the key in them; it reads back as the truth."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import orjson
import polars as pl
import pytest

from gym import Truth
from gym.alpha_vantage import KEY, AlphaVantage, coefficient
from gym.wire import Ask
from marketkeep.errors import PayloadRefused
from marketkeep.model import BAD_KEY, EMPTY, NOT_FOUND, PLAN_LIMIT, QUOTA, Frames, Payload, Query, Request
from marketkeep.sources.alpha_vantage import AlphaVantage as Source
from marketkeep.sources.ratios import exact_ratio

NOW = datetime(2025, 1, 3, 3, tzinfo=UTC)
PRICES = ("open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Thirty symbols over three years."""
    return Truth(symbols=30, years=3)


def ask(request: Request, **more: Any) -> Ask:
    """A planned request as it arrives: the client has put the key into its parameters."""
    params = dict(request.params) | {"apikey": KEY} | more.pop("params", {})
    return Ask("www.alphavantage.co", "/query", params, NOW.timestamp(), **more)


def read(vendor: AlphaVantage, symbol: str, start: date, **more: Any) -> Frames:
    """What the source reads of the vendor's answer."""
    source = Source()
    (request,) = source.plan(Query("daily_bars", (symbol,), start, date(2025, 1, 1), NOW))
    reply = vendor.answer(ask(request, **more))
    assert (reply.status, vendor.key_of(ask(request))) == (200, symbol)
    return source.parse(request, Payload(200, (), reply.body, NOW))


def standing(truth: Truth) -> list[str]:
    """The symbols that have bars to the end."""
    return [one for one in truth.symbols if not truth.security(one).delisted]


def test_last_hundred_sessions_read_back_as_the_truth(truth):
    """
    A free key's answer holds the window asked for, class shares under their dash.
    """
    vendor, start = AlphaVantage(truth), date(2024, 9, 3)
    for symbol in standing(truth):
        bars = read(vendor, symbol, start)["daily_bars"]
        assert bars.select("date", *PRICES).equals(truth.bars(symbol).filter(pl.col("date") >= start))


@pytest.mark.parametrize("datatype", ["json", "csv"])
def test_adjusted_series_reads_back_as_the_truth(truth, datatype):
    """
    Trap 66: the adjusted series has bars as traded, dividends as paid, and splits whose rounded text is made exact.
    """
    vendor, start = AlphaVantage(truth, premium=True), date(2022, 1, 3)
    params = {"function": "TIME_SERIES_DAILY_ADJUSTED", "datatype": datatype}
    for symbol in truth.symbols:
        frames = read(vendor, symbol, start, params=params)
        true = truth.adjusted(symbol, NOW.date()).filter(pl.col("date") >= start)
        assert frames["daily_bars"].select("date", *PRICES).equals(true.select("date", *PRICES))
        assert (frames["daily_bars"]["adj_close"] / true["adj_close"] - 1).abs().max() < 1e-9
        columns = ("ex_date", "kind", "numerator", "denominator", "amount")
        actions = truth.actions(symbol).filter(pl.col("ex_date") >= start).select(columns)
        assert frames["actions"].select(columns).sort(columns).equals(actions.sort(columns))


def test_series_is_strings_newest_first(truth):
    """
    Trap 28: figures are strings under numbered keys, the last session comes first.
    """
    (request,) = Source().plan(Query("daily_bars", ("BRK.B",), date(2024, 12, 1), date(2025, 1, 1), NOW))
    told = orjson.loads(AlphaVantage(truth).answer(ask(request)).body)
    days = list(told["Time Series (Daily)"])
    assert (days == sorted(days, reverse=True), len(days), told["Meta Data"]["2. Symbol"]) == (True, 100, "BRK-B")
    assert all(isinstance(value, str) for value in told["Time Series (Daily)"][days[0]].values())
    assert list(told["Time Series (Daily)"][days[0]]) == ["1. open", "2. high", "3. low", "4. close", "5. volume"]


def test_notes_come_with_status_200(truth):
    """
    Traps 27 and 59: every refusal is a note with status 200; the reason has none of its words, the key least of all.
    """
    vendor, told = AlphaVantage(truth), {}
    for variant in vendor.variants:
        with pytest.raises(PayloadRefused) as caught:
            read(vendor, "BRK.B", date(2024, 9, 3), variant=variant)
        assert KEY not in caught.value.reason
        told[variant] = caught.value.fault, caught.value.retry
    assert told == {
        "empty": (EMPTY, True),
        "wrong_symbol": ("wrong_symbol", True),
        "not_found": (NOT_FOUND, False),
        "plan_limit": (PLAN_LIMIT, False),
        "quota": (QUOTA, False),
        "bad_key": (BAD_KEY, False),
    }


def test_free_key_has_no_whole_history(truth):
    """
    A window beyond the last hundred sessions needs a paid plan, and so does the adjusted series.
    """
    vendor = AlphaVantage(truth)
    for more in ({"start": date(2023, 1, 3)}, {"start": date(2024, 12, 2), "params": _adjusted()}):
        with pytest.raises(PayloadRefused) as caught:
            read(vendor, "BRK.B", **more)
        assert caught.value.fault == PLAN_LIMIT


def _adjusted() -> dict[str, str]:
    return {"function": "TIME_SERIES_DAILY_ADJUSTED"}


@pytest.mark.parametrize(("new", "old"), [(2, 1), (3, 1), (7, 1), (3, 2), (4, 1), (1, 5), (1, 10), (1, 3), (20, 7)])
def test_coefficients_are_rounded_and_recovered(new, old):
    """
    Trap 66: one over a rounded decimal is what stands in the answer, and the exact ratio is what is read from it.
    """
    assert Fraction(*exact_ratio(coefficient(new, old))) == Fraction(new, old)
    assert coefficient(7, 1) == "7.00000700001"
