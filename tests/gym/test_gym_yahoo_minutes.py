"""Yahoo's minutes decode back to the truth's, in our own arithmetic and in yfinance's hands, within Yahoo's reach."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import numpy as np
import orjson
import polars as pl
import pytest
import yfinance
from curl_cffi import requests

from gym import Truth, Yahoo, serve
from gym.minutes import between, minutes, regular
from gym.wire import Ask
from gym.yahoo import CHART
from gym.yahoo_minutes import MOST_DAYS

NOW = datetime(2025, 1, 1, 3, tzinfo=UTC)
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Forty symbols over two years."""
    return Truth(symbols=40, years=2)


@pytest.fixture(scope="module")
def yahoo(truth: Truth) -> Yahoo:
    """A Yahoo over it."""
    return Yahoo(truth)


def chart(yahoo: Yahoo, symbol: str, day: date, days: int = 1, now: datetime = NOW, **params: str):
    """Status and decoded result (or error) of the minutes of some days (UTC)."""
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    window = {"period1": str(start), "period2": str(start + days * 86_400), "interval": "1m"}
    variant = params.pop("variant", None)
    path = CHART + symbol.replace(".", "-")
    asked = Ask("query2.finance.yahoo.com", path, window | params, now.timestamp(), variant=variant)
    reply = yahoo.answer(asked)
    body = orjson.loads(reply.body)["chart"]
    return reply.status, (body["result"] or [body["error"]])[0]


def rows(result) -> pl.DataFrame:
    """The rows of a chart."""
    quote = result["indicators"]["quote"][0]
    return pl.DataFrame({"ts": result["timestamp"], **{name: quote[name] for name in (*PRICES, "volume")}})


def test_minutes_decode_to_the_truth(yahoo, truth):
    """Regular minutes of a week with a half day, rounded, are the truth's; nulls are minutes without a trade."""
    for symbol in truth.symbols:
        history = truth.history(symbol)
        if history.security.last < NOW.date() - timedelta(days=1):
            continue
        _, result = chart(yahoo, symbol, date(2024, 12, 23), 7)
        told = rows(result)
        assert (told["close"].null_count() > 0) == (symbol in yahoo.null_minutes), symbol
        days = history.sessions.between(date(2024, 12, 23), date(2024, 12, 29)).dates.tolist()
        expected = pl.concat([regular(history, day) for day in days])
        told = told.drop_nulls().with_columns(pl.col(PRICES).round(2), pl.col("volume").cast(pl.Float64))
        assert told.equals(expected.select(told.columns)), symbol


def test_numbers_are_float32_and_there_is_no_adjclose(yahoo):
    """As recorded: prices are float32 in float64, volumes whole, indicators hold the quote only."""
    _, result = chart(yahoo, "BF.A", date(2024, 12, 30))
    told = rows(result).drop_nulls()
    assert all(float(np.float32(value)) == value for value in told["close"])
    assert told["volume"].dtype == pl.Int64
    assert set(result["indicators"]) == {"quote"}
    assert (result["meta"]["dataGranularity"], result["meta"]["scale"]) == ("1m", 3)
    assert len(result["meta"]["tradingPeriods"]) == 1


def test_splits_since_are_applied(yahoo, truth):
    """Minutes before a split come over its ratio once it is in force, volume times it."""
    symbol = next(s for s in truth.symbols if any(a.ratio for a in truth.history(s).actions))
    split = next(a for a in truth.history(symbol).actions if a.ratio)
    eve = truth.history(symbol).sessions.between(truth.first, split.ex_date - timedelta(days=1)).dates[-1].item()
    later = datetime(split.ex_date.year, split.ex_date.month, split.ex_date.day, 23, tzinfo=UTC)
    true = regular(truth.history(symbol), eve)
    for now, ratio in ((later - timedelta(days=1), 1.0), (later, float(split.ratio))):
        told = rows(chart(yahoo, symbol, eve, now=now)[1]).drop_nulls()
        assert np.allclose(told["close"], true["close"] / ratio, rtol=1e-6)
        assert np.allclose(told["volume"], true["volume"] * ratio, atol=0.5)


def test_extended_hours_come_when_asked_for(yahoo, truth):
    """Trap 25: rows before and after regular hours have prices, but no volume, and the periods are told."""
    day = date(2024, 12, 30)
    true = minutes(truth.history("BF.A"), day)
    aside = true.join(regular(truth.history("BF.A"), day), on="ts", how="anti")
    _, result = chart(yahoo, "BF.A", day, 2, includePrePost="true")
    told = rows(result).drop_nulls().filter(pl.col("ts").is_in(aside["ts"].implode()))
    assert told["close"].round(2).to_list() == aside["close"].to_list()
    assert told["volume"].sum() == 0
    assert set(result["meta"]["tradingPeriods"]) == {"pre", "regular", "post"}


def test_reach_is_thirty_days_and_a_call_eight(yahoo):
    """Beyond either Yahoo answers 422 in its own words."""
    status, error = chart(yahoo, "NA", date(2024, 12, 1))
    assert (status, error["code"]) == (422, "Unprocessable Entity")
    assert error["description"].endswith("The requested range must be within the last 30 days.")
    status, error = chart(yahoo, "NA", date(2024, 12, 10), MOST_DAYS + 1)
    assert status == 422
    assert "Only 8 days worth of 1m granularity data" in error["description"]
    assert chart(yahoo, "NA", date(2024, 12, 10), MOST_DAYS)[0] == 200


def test_days_without_sessions_have_no_timestamp(yahoo):
    """As recorded for a weekend: status 200, an empty quote and nothing else."""
    for told in (chart(yahoo, "NA", date(2024, 12, 28)), chart(yahoo, "NA", date(2024, 12, 30), variant="empty")):
        status, result = told
        assert (status, "timestamp" in result, result["indicators"]) == (200, False, {"quote": [{}]})


def test_minute_under_way_is_partial(yahoo, truth):
    """The last row is not final; some symbols have one more, of this second and without volume; no row is later."""
    now = datetime(2024, 12, 30, 16, 0, 40, tzinfo=UTC)
    minute = int(now.timestamp()) - 40
    for symbol in ("BF.A", "BRK.B"):
        true = between(truth.history(symbol), minute, minute + 60).row(0, named=True)
        told = rows(chart(yahoo, symbol, now.date(), now=now)[1])
        partial = told.filter(pl.col("ts") == minute).row(0, named=True)
        assert round(partial["open"], 2) == true["open"]
        assert partial["volume"] == true["volume"] * 40 // 60
        second = told.filter(pl.col("ts") > minute)
        assert second.select("ts", "volume").rows() == ([(minute + 40, 0)] if symbol in yahoo.live_twice else [])


def test_duplicates_repeat_rows(yahoo):
    """Told twice are the last rows, with equal figures."""
    told = rows(chart(yahoo, "INF", date(2024, 12, 30), variant="duplicates")[1])
    plain = rows(chart(yahoo, "INF", date(2024, 12, 30))[1])
    assert told.height == plain.height + 3
    assert told.unique(maintain_order=True).equals(plain)


def test_reused_ticker_is_the_last_companys(yahoo, truth):
    """The first company until it is gone, nobody in between, then the second; never both in one chart."""
    ((ticker, (first, second)),) = truth.reused.items()
    for day, holder in ((first.last, first), (first.last + timedelta(days=3), None), (second.last, second)):
        now = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
        asked = Ask("", CHART + ticker, {"period1": "0", "period2": "4000000000"}, now.timestamp())
        body = orjson.loads(yahoo.answer(asked).body)["chart"]
        if holder is None:
            assert body["error"]["code"] == "Not Found"
        else:
            opened = datetime.fromtimestamp(body["result"][0]["timestamp"][0], UTC).date()
            assert opened == holder.first


def test_yfinance_reads_the_minutes(truth, tmp_path):
    """The real yfinance, asked for regular hours and for all, gets the truth's minutes within float32."""

    class Session(requests.Session):
        def request(self, method, url, **options):
            return super().request(method, gym.url + url.split(urlsplit(url).hostname, 1)[1], **options)

    yfinance.set_tz_cache_location(str(tmp_path))
    with serve(truth=truth, now=NOW) as gym, Session(impersonate="chrome") as session:
        for symbol in ("BF.A", "TRUE"):
            ticker = yfinance.Ticker(symbol.replace(".", "-"), session=session)
            for prepost in (False, True):
                frame = ticker.history(
                    start="2024-12-26", end="2024-12-31", interval="1m", prepost=prepost, auto_adjust=False
                )
                days = [date(2024, 12, day) for day in (26, 27, 30)]
                pick = minutes if prepost else regular
                expected = pl.concat([pick(truth.history(symbol), day) for day in days])
                frame = frame.dropna(subset=["Close"])
                assert [int(stamp.timestamp()) for stamp in frame.index] == expected["ts"].to_list()
                assert np.allclose(frame["Close"], expected["close"], rtol=1e-6)
                assert np.allclose(frame["High"], expected["high"], rtol=1e-6)
