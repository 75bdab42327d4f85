"""yfinance, pointed at the same bytes over a socket, reads what our parse of Yahoo's chart reads, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import yfinance
from curl_cffi import requests
from loopback import Answer, answering

from gym import Truth
from gym.wire import Ask, Reply
from gym.yahoo import CHART
from gym.yahoo import Yahoo as GymYahoo
from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import Frames, Payload, Query, Request, Symbol
from marketkeep.sources import Yahoo
from proofs.verdicts import FETCHED, body_of

YAHOO = Yahoo()
NAMES = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}
CLOSING = {**NAMES, "adj_close": "Adj Close"}
NOW = datetime(2024, 12, 11, 3, tzinfo=UTC)
GYM = GymYahoo(Truth(symbols=24, years=2))


class Reader:
    """yfinance with a session that sends every host to one address."""

    def __init__(self, base: str) -> None:
        class Session(requests.Session[Any]):
            def request(self, method: Any, url: str, **options: Any) -> Any:
                return super().request(method, base + url.split(str(urlsplit(url).hostname), 1)[1], **options)

        self.session = Session(impersonate="chrome")

    def history(self, symbol: str, start: object, end: object, interval: str) -> pl.DataFrame:
        """What yfinance's own `history` makes of the answer: ts, date at the venue, its columns; NaN is null."""
        ticker = yfinance.Ticker(symbol, session=self.session)
        options = {"auto_adjust": False, "actions": True, "repair": False, "prepost": interval == "1m"}
        frame = ticker.history(start=start, end=end, interval=interval, **options)
        columns = {name: frame[name].to_numpy(dtype=float) for name in frame.columns}
        stamps = [int(one.timestamp()) for one in frame.index]
        return pl.DataFrame({"ts": stamps, "date": frame.index.date.tolist(), **columns}).fill_nan(None)


@contextmanager
def reading(answer: Answer, cache: Path) -> Iterator[Reader]:
    """A reader whose every request is answered so."""
    yfinance.set_tz_cache_location(str(cache))
    with answering(answer) as base:
        reader = Reader(base)
        with reader.session:
            yield reader


def equal_bars(mine: pl.DataFrame, theirs: pl.DataFrame, names: dict[str, str], by: str) -> int:
    """How many rows are equal in every field; the first that is not stops the test."""
    # yfinance gives an event a row of its own where its session has no bar; such a row holds nothing else.
    priced = theirs.filter(pl.any_horizontal(pl.col("Open", "High", "Low", "Close").is_not_null()))
    ours = mine["ts"].dt.epoch("s") if by == "ts" else mine["date"]
    assert ours.to_list() == priced[by].to_list()
    for column, name in names.items():
        assert mine[column].to_list() == priced[name].to_list(), column
    return mine.height


def equal_actions(actions: pl.DataFrame, theirs: pl.DataFrame) -> int:
    """How many dividends and splits are equal."""
    dividends = theirs.filter(pl.col("Dividends") != 0).select("date", "Dividends").rows()
    splits = theirs.filter(pl.col("Stock Splits") != 0).select("date", "Stock Splits").rows()
    assert actions.filter(pl.col("kind") != "split").select("ex_date", "amount").rows() == dividends
    ratio = pl.col("numerator") / pl.col("denominator")
    assert actions.filter(kind="split").select("ex_date", ratio).rows() == splits
    return actions.height


# --- recorded --------------------------------------------------------------------------------------------------------


def recorded(corpus: Path) -> Iterator[tuple[str, bytes, str, str, Frames]]:
    """Every recorded chart that our source reads: its name, bytes, Yahoo's ticker, interval and our rows."""
    for folder in ("chart", "historical"):
        for path in sorted((corpus / "yahoo" / folder).glob("*.json*")):
            body = body_of(path)
            if path.name == "index.jsonl":
                continue
            meta = json.loads(body)["chart"]["result"][0]["meta"]
            interval = meta["dataGranularity"]
            dataset = "minute_bars" if interval == "1m" else "daily_bars"
            try:
                symbol = str(Symbol.parse(meta["symbol"]))
                request = Request("yahoo", dataset, "https://query2.finance.yahoo.com" + CHART, (), (symbol,))
                yield path.name, body, meta["symbol"], interval, YAHOO.parse(request, Payload(200, (), body, FETCHED))
            except (BadSymbol, PayloadRefused):
                continue


def test_recorded_charts_are_read_alike(corpus: Path, tmp_path: Path) -> None:
    """
    OHLCV, adjusted close, dividends and splits of every recorded chart, daily and 1m, are what yfinance reads.
    """
    table, told = [], list(recorded(corpus))
    for number, (name, body, ticker, interval, frames) in enumerate(told):
        # yfinance remembers answers by what was asked, so no two of these ask for the same.
        start = f"1990-01-{number + 1:02}"
        with reading(lambda path, _, body=body: Reply(200, body) if CHART in path else None, tmp_path) as reader:
            theirs = reader.history(ticker, start, "2026-06-01", interval)
        if interval == "1m":
            bars, actions = equal_bars(frames["minute_bars"], theirs, NAMES, "ts"), 0
        else:
            bars = equal_bars(frames["daily_bars"], theirs, CLOSING, "date")
            # Of a recording cut to a few bars yfinance adds the events of other days to the bars that are left.
            days = frames["daily_bars"]["date"].implode()
            whole = frames["actions"]["ex_date"].is_in(days).all()
            actions = equal_actions(frames["actions"], theirs) if whole else 0
        table.append(f"{name}: {bars} bars of {interval} and {actions} actions equal")
    print("\n".join(table))
    assert len(told) > 20
    assert {interval for _, _, _, interval, _ in told} == {"1d", "1m"}


# --- the gym's -------------------------------------------------------------------------------------------------------


def gym_answer(path: str, params: dict[str, str]) -> Reply | None:
    """What the gym's Yahoo says."""
    return GYM.answer(Ask("query2.finance.yahoo.com", path, params, NOW.timestamp()))


def ours(request: Request) -> Frames:
    """Our reading of the gym's answer to one of our requests."""
    reply = gym_answer(urlsplit(request.url).path, dict(request.params))
    assert reply is not None
    return YAHOO.parse(request, Payload(reply.status, (), reply.body, NOW))


def trading(count: int) -> list[str]:
    """Symbols of the gym that trade today under the ticker they have."""
    known = [GYM.truth.security(symbol) for symbol in GYM.truth.symbols]
    return [one.symbol for one in known if one.last >= NOW.date() and one.first < date(2024, 6, 1)][:count]


def test_gyms_days_are_read_alike(tmp_path: Path) -> None:
    """
    Two years of days, dividends and splits of a dozen symbols, halts told as nulls among them.
    """
    start, end, bars, actions = date(2023, 1, 2), date(2024, 12, 11), 0, 0
    with reading(gym_answer, tmp_path) as reader:
        for symbol in trading(12):
            frames = ours(YAHOO.plan(Query("daily_bars", (symbol,), start, end, NOW))[0])
            theirs = reader.history(Symbol.parse(symbol).alias("yahoo"), start.isoformat(), end.isoformat(), "1d")
            bars += equal_bars(frames["daily_bars"], theirs, CLOSING, "date")
            actions += equal_actions(frames["actions"], theirs)
    print(f"gym: {bars} daily bars and {actions} actions equal")
    assert bars > 5000
    assert actions > 30


def test_gyms_minutes_are_read_alike(tmp_path: Path) -> None:
    """
    A week of minutes with pre and post market, minutes told as nulls among them.
    """
    start, bars = date(2024, 12, 4), 0
    with reading(gym_answer, tmp_path) as reader:
        for symbol in trading(4):
            [request] = YAHOO.plan(Query("minute_bars", (symbol,), start, start + timedelta(7), NOW))
            theirs = reader.history(Symbol.parse(symbol).alias("yahoo"), start, start + timedelta(7), "1m")
            bars += equal_bars(ours(request)["minute_bars"], theirs, NAMES, "ts")
    print(f"gym: {bars} minutes equal")
    assert bars > 5000
