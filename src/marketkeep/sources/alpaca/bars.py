"""
Alpaca's bars: one page of an answer, in columns. A daily bar is stamped at midnight of its session in New York.

An answer of another interval, of other symbols, or with two different bars for one instant is refused.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import EMPTY, RAW_TABLES, Request
from marketkeep.sources.alpaca.answers import NAME, Answer, malformed, plain
from marketkeep.sources.alpaca.asking import CRYPTO, spelled
from marketkeep.sources.misshapen import MISSHAPEN

_ZONES = {False: "America/New_York", True: "UTC"}
_NUMBERS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw", "trade_count": "n"}
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def read_bars(request: Request, answer: Answer) -> pl.DataFrame:
    """
    The bars of one page in the columns of their raw table, as traded; none where the page continues another.

    Raises `PayloadRefused` when they are not bars of the interval and the symbols asked for.
    """
    bars = answer.get("bars") or {}
    if not isinstance(bars, dict):
        raise malformed("not bars: the answer's bars are no object by symbol")
    table = RAW_TABLES[request.dataset]
    told = {symbol: bars[spelled(symbol)] for symbol in request.symbols if bars.get(spelled(symbol))}
    _expect_asked(request, answer, bars, told)
    if not told:
        return pl.DataFrame(schema=table.delivered)
    try:
        frame = _columns(told)
    except MISSHAPEN as error:
        raise malformed(f"the bars are not built as bars are ({type(error).__name__})") from error
    frame = _placed(request, frame).filter(pl.col("date").is_between(request.start, request.end, closed="left"))
    return frame.select(name for name in table.delivered if name in frame.columns)


def _expect_asked(request: Request, answer: Answer, bars: dict[str, Any], told: dict[str, Any]) -> None:
    """Refuse what is no list of bars, what is another symbol's, and a first page that has nothing and leads nowhere."""
    if any(not isinstance(rows, list) for rows in told.values()):
        raise malformed("not a list of bars: the answer has one bar a symbol, the latest perhaps")
    if told:
        return
    others = [name for name, rows in bars.items() if rows]
    if others:
        reason = f"asked for {', '.join(request.symbols[:3])}, answered {plain(others[0]).replace('...', 'another')}"
        raise PayloadRefused(NAME, "wrong_symbol", reason)
    if not answer.get("next_page_token") and "page_token" not in dict(request.params):
        named = ", ".join(request.symbols[:3]) + (" and others" if len(request.symbols) > 3 else "")
        raise PayloadRefused(NAME, EMPTY, f"Alpaca has no bars of {named} from {request.start} to {request.end}.")


def _columns(told: dict[str, list[dict[str, Any]]]) -> pl.DataFrame:
    rows = [row for bars in told.values() for row in bars]
    counts = pl.Series([len(bars) for bars in told.values()], dtype=pl.UInt32)
    columns = {
        "symbol": pl.Series(list(told), dtype=pl.String).repeat_by(counts).explode(),
        "t": pl.Series([row.get("t") for row in rows], dtype=pl.String),
        **{name: pl.Series([row.get(key) for row in rows], dtype=pl.Float64) for name, key in _NUMBERS.items()},
    }
    frame = pl.DataFrame(columns).with_columns(
        ts=pl.col("t").str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False),
        trade_count=pl.col("trade_count").cast(pl.Int64),
    )
    if not frame["ts"].is_between(_EARLIEST, _LATEST).fill_null(value=False).all():
        raise ValueError("a time that is none")
    return frame.drop("t")


def _placed(request: Request, frame: pl.DataFrame) -> pl.DataFrame:
    """The bars in order, each on its session, with what the request says of them."""
    crypto = request.url.startswith(CRYPTO)
    there = pl.col("ts").dt.convert_time_zone(_ZONES[crypto])
    frame = frame.unique(maintain_order=True).sort("symbol", "ts", maintain_order=True)
    twice = frame.filter(pl.struct("symbol", "ts").is_duplicated())
    if twice.height:
        raise malformed(f"two different bars of {twice['symbol'][0]} for {twice['ts'][0]:%Y-%m-%d %H:%M} UTC")
    feed = "alpaca" if crypto else dict(request.params).get("feed", "")
    frame = frame.with_columns(
        date=there.dt.date(), feed=pl.lit(feed), basis=pl.lit("as_traded"), basis_date=pl.lit(None, dtype=pl.Date)
    )
    if request.dataset == "daily_bars":
        odd = frame.filter(there.dt.time() != pl.time())
        if odd.height:
            begins = odd.select(there.dt.strftime("%H:%M")).item(0, 0)
            raise malformed(f"not daily bars: one of {odd['symbol'][0]} begins at {begins} {_ZONES[crypto]}")
    elif frame.select((pl.col("ts").dt.truncate("1m") != pl.col("ts")).any()).item():
        raise malformed("not minute bars: they do not begin with their minutes")
    return frame
