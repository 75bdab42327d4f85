"""Massive's own Python client and our source read the same from the same answers, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import polars as pl
import pytest

from gym import Truth, serve
from gym.polygon import Polygon as Vendor
from gym.scripted import Step, scripted
from gym.server import Gym
from gym.truth import REUSED
from marketkeep.model import Payload, Query, Request
from marketkeep.sources.polygon import Polygon

massive = pytest.importorskip("massive", reason="the official client is a development dependency")

POLYGON = Polygon()
KEY = "gym-key-polygon"
EVENING = datetime(2025, 1, 1, 3, tzinfo=UTC)
BARS = ("open", "high", "low", "close", "volume")
START, END = date(2024, 1, 2), date(2024, 12, 31)


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Thirty symbols over two years."""
    return Truth(symbols=30, years=2)


@pytest.fixture(scope="module")
def gym(truth: Truth) -> Iterator[Gym]:
    """Polygon over it."""
    with serve(truth=truth, now=EVENING, vendors=lambda told: [Vendor(told)]) as running:
        yield running


@contextmanager
def official(url: str) -> Iterator[Any]:
    """The official client, asking at another address; its connections are closed at the end."""
    client = massive.RESTClient(KEY, base=url, retries=0)
    try:
        yield client
    finally:
        for one in (client, client.vx):
            one.client.clear()


def fetch(url: str, request: Request) -> Payload:
    """What a server says to our request."""
    parts = urlsplit(request.url)
    headers = {"Authorization": f"Bearer {KEY}"}
    reply = httpx.get(f"{url}/{parts.netloc}{parts.path}", params=list(request.params), headers=headers)
    return Payload(reply.status_code, (), reply.content, EVENING)


def ours(url: str, query: Query, page: int | None = None) -> pl.DataFrame:
    """What our source reads of all pages; `page` is how many rows one may have."""
    waiting, frames = POLYGON.plan(query), []
    while waiting:
        request = waiting.pop(0)
        if page is not None and "limit" in dict(request.params):
            request = replace(request, params=tuple((dict(request.params) | {"limit": str(page)}).items()))
        payload = fetch(url, request)
        frames.append(POLYGON.parse(request, payload)[query.dataset])
        if following := POLYGON.next_page(request, payload):
            waiting.insert(0, following)
    assert frames
    return pl.concat(frames)


def session(stamp: int) -> date:
    """The date in New York of a stamp at its midnight or its close."""
    return (datetime.fromtimestamp(stamp / 1000, UTC) - timedelta(hours=4)).date()


def values(one: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Fields of one of the client's objects."""
    return tuple(getattr(one, name) for name in names)


# --- what the gym says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [None, 100])
def test_daily_bars(gym: Gym, truth: Truth, page: int | None) -> None:
    """Trap 22: the same bars of a ticker, on one page or on several."""
    for symbol in truth.symbols[:4]:
        with official(f"{gym.url}/api.polygon.io") as client:
            listed = list(
                client.list_aggs(symbol, 1, "day", START, END, adjusted=False, sort="asc", limit=page or 50_000)
            )
        frame = ours(gym.url, Query("daily_bars", (symbol,), START, END + timedelta(days=1), EVENING), page)
        assert frame.select("date", *BARS).rows() == [(session(one.timestamp), *values(one, BARS)) for one in listed]
        assert frame.height == truth.bars(symbol).filter(pl.col("date") >= START).height > 200


def test_daily_bars_of_the_market(gym: Gym, truth: Truth) -> None:
    """Trap 63: the same bars of every ticker of a session, those with odd names included."""
    with official(f"{gym.url}/api.massive.com") as client:
        grouped = client.get_grouped_daily_aggs(END, adjusted=False, include_otc=False)
    frame = ours(gym.url, Query("daily_bars", (*truth.symbols, REUSED), END, END + timedelta(days=1), EVENING))
    assert {row[0]: row[1:] for row in frame.select("symbol", "date", *BARS).rows()} == {
        one.ticker: (session(one.timestamp), *values(one, BARS)) for one in grouped
    }
    assert frame.height > 20


@pytest.mark.parametrize("page", [None, 500])
def test_minute_bars(gym: Gym, page: int | None) -> None:
    """Trap 20: the same minutes in UTC over a half day, before and after hours included."""
    start, end = date(2024, 11, 27), date(2024, 12, 3)
    with official(f"{gym.url}/api.polygon.io") as client:
        listed = list(
            client.list_aggs("NA", 1, "minute", start, end - timedelta(days=1), adjusted=False, limit=page or 50_000)
        )
    frame = ours(gym.url, Query("minute_bars", ("NA",), start, end, EVENING), page)
    names = (*BARS, "vwap", "transactions")
    told = frame.select(pl.col("ts").dt.epoch("ms"), *BARS, "vwap", "trade_count").rows()
    assert told == [(one.timestamp, *values(one, names)) for one in listed]
    assert frame.height > 1000


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("page", [None, 5])
def test_actions(gym: Gym, truth: Truth, count: int, page: int | None) -> None:
    """The same splits and dividends, of one ticker or of the market, on one page or on several."""
    every = (*truth.symbols, *truth.renames, REUSED)
    start, symbols = date(2023, 1, 3), every if count == len(truth.symbols) else every[:count]
    one_ticker = {"ticker": symbols[0]} if count == 1 else {}
    told = one_ticker | {"limit": page or 1000, "order": "asc"}
    with official(f"{gym.url}/api.polygon.io") as client:
        splits = list(
            client.list_splits(execution_date_gte=start, execution_date_lt=END, sort="execution_date", **told)
        )
        paid = list(
            client.list_dividends(ex_dividend_date_gte=start, ex_dividend_date_lt=END, sort="ex_dividend_date", **told)
        )
    frame = ours(gym.url, Query("actions", symbols, start, END, EVENING), page)
    cash = frame.filter(pl.col("kind") != "split")
    assert same_splits(frame.filter(pl.col("kind") == "split"), splits)
    assert same_dividends(cash, paid)
    assert frame.height == len(splits) + len(paid) > 2


def same_splits(frame: pl.DataFrame, splits: list[Any]) -> bool:
    """Whether rows are the client's splits, in order: ticker, day, and the ratio as written and as a number."""
    names = ("symbol", "ex_date", "text", "numerator", "denominator")
    rows = [(*row[:3], row[3] / row[4]) for row in frame.select(names).rows()]
    told = [
        (
            one.ticker,
            date.fromisoformat(one.execution_date),
            f"{one.split_to}:{one.split_from}",
            one.split_to / one.split_from,
        )
        for one in splits
    ]
    return rows == told


def same_dividends(frame: pl.DataFrame, paid: list[Any]) -> bool:
    """Whether rows are the client's dividends, in order: ticker, amount, currency and all four days."""
    columns = ("symbol", "amount", "currency", "ex_date", "declared_date", "record_date", "pay_date")
    names = ("ex_dividend_date", "declaration_date", "record_date", "pay_date")
    rows = [(*row[:3], *map(str, row[3:])) for row in frame.select(columns).rows()]
    return rows == [(one.ticker, one.cash_amount, one.currency, *values(one, names)) for one in paid]


def test_a_wrong_key(gym: Gym) -> None:
    """The client raises the vendor's words where our source says that the key is not accepted."""
    client = massive.RESTClient("other", base=f"{gym.url}/api.polygon.io", retries=0)
    with pytest.raises(massive.exceptions.BadResponse, match="Unknown API Key"):
        list(client.list_aggs("NA", 1, "day", START, END))
    for one in (client, client.vx):
        one.client.clear()


# --- what was recorded -----------------------------------------------------------------------------------------------


def test_recorded_bars(corpus: Path) -> None:
    """Traps 21 and 61: a recorded answer, as if asked for unadjusted: the same fields, exponents and all."""
    path = corpus / "polygon" / "recorded" / "aggs-AAPL-1day-2023-01-01_2023-01-10-desc.json"
    body = path.read_bytes().replace(b'"adjusted":true', b'"adjusted":false')
    query = Query("daily_bars", ("AAPL",), date(2023, 1, 1), date(2023, 1, 11), EVENING)
    with scripted(Step(body=body)) as server, official(server.url) as client:
        listed = list(client.list_aggs("AAPL", 1, "day", "2023-01-01", "2023-01-10"))
        frame = ours(server.url, query)
    assert frame.select("date", *BARS).rows() == [(session(one.timestamp), *values(one, BARS)) for one in listed]
    assert frame["volume"].to_list()[0] == 63896155.0


def test_recorded_actions(corpus: Path) -> None:
    """The recorded lists of splits and dividends: the same rows."""
    mocks = corpus / "polygon" / "mocks"
    bodies = [(mocks / f"v3_reference_{name}.json").read_bytes() for name in ("splits", "dividends")]
    with scripted(*(Step(body=body) for body in bodies * 2)) as server, official(server.url) as client:
        splits, paid = list(client.list_splits()), list(client.list_dividends())
        symbols = tuple(dict.fromkeys(one.ticker for one in (*splits, *paid)))
        filled = (*symbols, *(f"Q{at:c}" for at in range(ord("A"), ord("Z"))))
        frame = ours(server.url, Query("actions", filled, date(2022, 5, 1), date(2025, 7, 1), EVENING))
    assert same_splits(frame.head(len(splits)), splits)
    assert same_dividends(frame.tail(len(paid)), paid)
    assert (len(splits), len(paid)) == (10, 10)
