"""Yahoo's form decodes back to the truth, in our own arithmetic and in yfinance's own hands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import numpy as np
import polars as pl
import pytest
import yfinance
from curl_cffi import requests

from gym import Truth, Yahoo, serve
from gym.sessions import new_york_date
from gym.wire import Ask
from gym.yahoo import CHART

ALL = {"period1": "0", "period2": "4000000000", "interval": "1d", "events": "div,splits"}


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Sixty symbols over four years."""
    return Truth(symbols=60, years=4)


@pytest.fixture(scope="module")
def yahoo(truth: Truth) -> Yahoo:
    """A Yahoo over it."""
    return Yahoo(truth)


def charted(symbol: str, params: dict[str, str], at: datetime) -> Ask:
    """A chart as it is asked for."""
    return Ask("query2.finance.yahoo.com", CHART + symbol.replace(".", "-"), params, at.timestamp())


def chart(yahoo: Yahoo, symbol: str, now: datetime | None = None, **params: str):
    """Status and decoded result (or error) of a chart."""
    at = now or datetime(2025, 1, 3, 3, tzinfo=UTC)
    reply = yahoo.answer(charted(symbol, ALL | params, at))
    body = httpx.Response(200, content=reply.body).json()["chart"]
    return reply.status, (body["result"] or [body["error"]])[0]


def as_traded(result, truth: Truth, symbol: str, on: date) -> pl.DataFrame:
    """Undo what Yahoo did, rows of null left out."""
    quote, history = result["indicators"]["quote"][0], truth.history(symbol)
    frame = pl.DataFrame({"date": [new_york_date(t) for t in result["timestamp"]], **quote}).drop_nulls()
    ratio = dict(zip(history.sessions.dates.tolist(), history.ratio_after(on).tolist(), strict=True))
    by = pl.Series([ratio[day] for day in frame["date"]])
    return frame.select(
        "date",
        *((pl.col(c) * by).round(2) for c in ("open", "high", "low", "close")),
        volume=(pl.col("volume") / by).round(6),
    )


def test_every_symbol_decodes_to_the_truth(yahoo, truth):
    """Prices times ratio and volume over it, rounded as float64 needs, are the as-traded bars."""
    for symbol in truth.symbols:
        status, result = chart(yahoo, symbol)
        assert status == 200
        decoded = as_traded(result, truth, symbol, truth.last)
        assert decoded.equals(truth.bars(symbol).select(decoded.columns)), symbol


def test_numbers_are_float32_in_float64(yahoo):
    """As recorded: 129.0399932861328 and its like, and whole volumes."""
    _, result = chart(yahoo, "NA")
    closes = result["indicators"]["quote"][0]["close"]
    assert all(float(np.float32(value)) == value for value in closes)
    assert any(len(str(value)) > 12 for value in closes)
    assert all(isinstance(value, int) for value in result["indicators"]["quote"][0]["volume"])


def test_adjclose_is_yahoos_own_arithmetic(yahoo, truth):
    """Yahoo's adjclose is the split-adjusted close times 1 - D / previous close for all later dividends."""
    for symbol in truth.symbols[:24]:
        _, result = chart(yahoo, symbol)
        told = [v for v in result["indicators"]["adjclose"][0]["adjclose"] if v is not None]
        assert np.allclose(told, truth.adjusted(symbol)["adj_close"], rtol=2e-7), symbol


def test_events_are_keyed_by_opening_and_scaled(yahoo, truth):
    """Dividends are divided by later splits, for told symbols they are as paid; splits name both numbers."""
    for symbol in truth.symbols:
        _, result = chart(yahoo, symbol)
        events = result.get("events", {})
        opens = {str(t) for t in result["timestamp"]}
        assert {*events.get("dividends", {}), *events.get("splits", {})} <= opens
        splits = truth.actions(symbol).filter(pl.col("kind") == "split")
        told = [(e["numerator"], e["denominator"], e["splitRatio"]) for e in events.get("splits", {}).values()]
        assert told == [(n, d, f"{n}:{d}") for n, d in splits.select("numerator", "denominator").rows()]
        cash = truth.actions(symbol).filter(pl.col("kind") == "dividend")
        assert len(events.get("dividends", {})) == cash.height
        for (day, paid), event in zip(
            cash.select("ex_date", "amount").rows(), events.get("dividends", {}).values(), strict=True
        ):
            later = splits.filter(pl.col("ex_date") > day)
            scale = 1.0 if symbol in yahoo.as_paid else (later["numerator"] / later["denominator"]).product()
            assert event["amount"] == pytest.approx(paid / scale, abs=6e-7), symbol
            assert new_york_date(event["date"]) == day
    assert any(truth.actions(s)["kind"].n_unique() == 2 for s in yahoo.as_paid)


def test_future_splits_are_not_applied(yahoo, truth):
    """Before a split's ex-date prices are as traded; the same request after it gives others."""
    day = truth.actions("BRK.B").filter(pl.col("kind") == "split")["ex_date"][0]
    eve = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    _, result = chart(yahoo, "BRK.B", eve)
    assert "splits" not in result.get("events", {})
    assert result["indicators"]["quote"][0]["close"][-1] == pytest.approx(
        truth.bars("BRK.B").filter(pl.col("date") < day)["close"][-1], rel=1e-7
    )
    assert "splits" in chart(yahoo, "BRK.B", eve + timedelta(days=1))[1]["events"]


def test_window_is_half_open(yahoo, truth):
    """period1 is included, period2 is not; events keep to the window too."""
    opens = truth.history("NA").sessions.opens
    _, result = chart(yahoo, "NA", period1=str(opens[10]), period2=str(opens[13]))
    assert result["timestamp"] == opens[10:13].tolist()
    assert not result.get("events")


def test_window_without_sessions_has_no_timestamp(yahoo):
    """Trap 58: a weekend is status 200 with an empty quote; before the first trade it is a 400."""
    saturday = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp())
    status, result = chart(yahoo, "NA", period1=str(saturday), period2=str(saturday + 86_400))
    assert (status, "timestamp" in result, result["indicators"]["quote"]) == (200, False, [{}])
    assert chart(yahoo, "NA", period1="0", period2="86400")[0] == 400


def test_row_under_way_is_partial_and_may_be_there_twice(yahoo):
    """Trap 5: during the session the last row is stamped now, holds part of the volume, and differs later."""
    now = datetime(2024, 6, 4, 17, tzinfo=UTC)
    for symbol, rows in (("NA", 1), ("BRK.B", 2)):
        _, result = chart(yahoo, symbol, now, period1=str(int(now.timestamp()) - 10 * 3600))
        assert len(result["timestamp"]) == rows
        assert result["timestamp"][-1] == now.timestamp() == result["meta"]["regularMarketTime"]
        _, after = chart(yahoo, symbol, now + timedelta(hours=6), period1=str(int(now.timestamp()) - 10 * 3600))
        assert result["indicators"]["quote"][0]["volume"][-1] < after["indicators"]["quote"][0]["volume"][-1]
        assert after["timestamp"] == [int(datetime(2024, 6, 4, 13, 30, tzinfo=UTC).timestamp())]


def test_halts_are_missing_or_null(yahoo, truth):
    """A halted session has no row, or for some symbols a row of null; never a repeated price."""
    halted = [s for s in truth.symbols if truth.security(s).halts]
    assert halted
    for symbol in halted:
        _, result = chart(yahoo, symbol)
        rows = dict(
            zip(map(new_york_date, result["timestamp"]), result["indicators"]["quote"][0]["close"], strict=True)
        )
        for day in truth.security(symbol).halts:
            assert rows.get(day) is None
            assert (day in rows) == (symbol in yahoo.null_halts)


def test_rename_moves_all_history(yahoo, truth):
    """Trap 11: until the day the old ticker answers, from then on only the new one, with all history."""
    security = next(iter(truth.renames.values()))
    day = datetime(security.renamed_on.year, security.renamed_on.month, security.renamed_on.day, 23, tzinfo=UTC)
    assert chart(yahoo, security.formerly, day - timedelta(days=1))[0] == 200
    assert chart(yahoo, security.symbol, day - timedelta(days=1))[0] == 404
    assert chart(yahoo, security.formerly, day)[0] == 404
    status, result = chart(yahoo, security.symbol, day)
    assert status == 200
    assert new_york_date(result["timestamp"][0]) == security.first


def test_unknown_symbol_is_the_recorded_404(yahoo):
    """The body says what Yahoo says."""
    assert chart(yahoo, "NOPE") == (404, {"code": "Not Found", "description": "No data found, symbol may be delisted"})


def test_share_classes_carry_a_dash(yahoo):
    """BRK.B is asked for and answered as BRK-B."""
    assert yahoo.key_of(Ask("", "/v8/finance/chart/BRK-B", {}, 0)) == "BRK.B"
    assert chart(yahoo, "BRK.B")[1]["meta"]["symbol"] == "BRK-B"


@pytest.mark.parametrize(("asked", "rows"), [("5d", 4), ("1mo", 21), ("max", 1005)])
def test_ranges_are_served(yahoo, asked, rows):
    """A range instead of two instants counts back from now."""
    at = datetime(2025, 1, 1, 3, tzinfo=UTC)
    reply = yahoo.answer(charted("NA", {"range": asked, "interval": "1d"}, at))
    stamps = httpx.Response(200, content=reply.body).json()["chart"]["result"][0]["timestamp"]
    assert abs(len(stamps) - rows) <= 2


def test_yfinance_reads_the_truth(truth, tmp_path):
    """The real yfinance, on its own path with cookie, crumb and time zone, gets the truth within float32."""

    class Session(requests.Session):
        def request(self, method, url, **options):
            return super().request(method, gym.url + url.split(urlsplit(url).hostname, 1)[1], **options)

    yfinance.set_tz_cache_location(str(tmp_path))
    with serve(truth=truth) as gym, Session(impersonate="chrome") as session:
        for symbol in ("BRK.B", "NA", "TRUE", "QAAC"):
            ticker = yfinance.Ticker(symbol.replace(".", "-"), session=session)
            frame = ticker.history(start="2020-01-01", end="2025-01-01", auto_adjust=False)
            expected = truth.adjusted(symbol)
            assert frame.index.date.tolist() == expected["date"].to_list()
            split = expected["close"] * expected["split_factor"]
            assert np.allclose(frame["Close"], split, rtol=1e-6)
            assert np.allclose(frame["Adj Close"], expected["adj_close"], rtol=1e-6)
            assert np.allclose(frame["Volume"], expected["volume"] / expected["split_factor"], rtol=1e-12)
            ratios = truth.actions(symbol).filter(pl.col("kind") == "split")
            assert frame["Stock Splits"][frame["Stock Splits"] != 0].tolist() == pytest.approx(
                (ratios["numerator"] / ratios["denominator"]).to_list()
            )
            assert int((frame["Dividends"] > 0).sum()) == truth.actions(symbol).height - ratios.height
