"""
What Yahoo answered: a chart, taken apart into its rows, or a refusal in a plain sentence.

Nothing here knows what was planned or what a row means; the same chart carries days and minutes.
"""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import EMPTY, NOT_FOUND, PLAN_LIMIT, Payload, Request, Symbol
from marketkeep.model.new_york import NEW_YORK

NAME = "yahoo"
VALUES = ("open", "high", "low", "close", "volume")
# Seconds since 1970 that reach the year 2286: a time beyond is no time.
_FAR = 10**10
# Yahoo answers in plain text or JSON, under several roots, when it has nothing; these words mean "no such data".
_NOTHING = ("No data found", "Data doesn't exist", "Timestamp data missing", "may be delisted")
_TOO_OLD = ("must be within the last",)
_WORD = re.compile(r"^[A-Za-z]{1,30}$")


def read_chart(request: Request, payload: Payload) -> dict[str, Any]:
    """The chart in an answer: of the symbol and interval asked for, with rows; raises `PayloadRefused` otherwise."""
    chart = _chart(payload, request.symbol or "the symbol")
    _expect_asked(request, chart)
    if not chart.get("timestamp"):
        raise no_bars(request)
    return chart


def no_bars(request: Request) -> PayloadRefused:
    """The refusal of a chart without any row to take."""
    return PayloadRefused(NAME, EMPTY, f"Yahoo has no bars of {request.symbol} from {request.start} to {request.end}.")


def malformed(what: str) -> PayloadRefused:
    """The refusal of an answer that is not built as charts are."""
    return PayloadRefused(NAME, "malformed", what)


def _chart(payload: Payload, symbol: str) -> dict[str, Any]:
    if payload.status >= 400:
        raise _refusal(payload, symbol)
    try:
        root = orjson.loads(payload.body)
        kind, answer = next(iter(root.items()))
        if answer.get("error"):
            said = _plain(str(answer["error"].get("description")))
            raise PayloadRefused(NAME, "refused", f"Yahoo refused the request for {symbol}: {said}.", retry=False)
        if kind != "chart":
            raise _no_chart(root)
        result = answer["result"][0]
        if not isinstance(result["meta"], dict) or not isinstance(result["indicators"]["quote"], list):
            raise malformed("Yahoo's chart lacks its bars.")
    except orjson.JSONDecodeError as error:
        raise malformed("Yahoo's answer is cut or no JSON.") from error
    except (StopIteration, AttributeError, KeyError, TypeError, IndexError) as error:
        raise _no_chart(root) from error
    return dict(result)


def _plain(text: str) -> str:
    """The words of a text that are plain words, the rest left out: no secret of the asking can be among them."""
    words = [word.strip(".,:;'\"") for word in text[:200].split()]
    return " ".join(word if _WORD.match(word) else "..." for word in words) or "nothing"


def _no_chart(root: object) -> PayloadRefused:
    """The refusal of another endpoint's answer, which the word at its root tells."""
    kind = next(iter(root), None) if isinstance(root, dict) else None
    instead = f" but {kind}" if isinstance(kind, str) and kind != "chart" and _WORD.match(kind) else ""
    return malformed(f"Yahoo's answer is no chart of bars{instead}.")


def _refusal(payload: Payload, symbol: str) -> PayloadRefused:
    status, text = payload.status, payload.body[:2000].decode("utf-8", "replace")
    if status == 404 or (status == 400 and any(words in text for words in _NOTHING)):
        return PayloadRefused(
            NAME, NOT_FOUND, f"Yahoo knows no {symbol} or has no data for it (HTTP {status}).", retry=False
        )
    if any(words in text for words in _TOO_OLD):
        reason = f"Yahoo has minute bars of the last 30 days only (HTTP {status})."
        return PayloadRefused(NAME, PLAN_LIMIT, reason, retry=False)
    if status in (401, 403):
        reason = f"Yahoo turned the request for {symbol} away (HTTP {status}); it may answer later."
        return PayloadRefused(NAME, f"http_{status}", reason, retry=False)
    reason = f"Yahoo refused the request for {symbol} (HTTP {status})."
    return PayloadRefused(NAME, f"http_{status}", reason, retry=False)


def _expect_asked(request: Request, chart: dict[str, Any]) -> None:
    interval = "1m" if request.dataset == "minute_bars" else "1d"
    told = chart["meta"].get("dataGranularity")
    if told not in (None, interval):
        reason = f"Yahoo answered with bars of another interval ({str(told)[:20]}) than {interval}."
        raise PayloadRefused(NAME, "wrong_interval", reason, retry=False)
    symbol = str(chart["meta"].get("symbol"))
    asked = Symbol.parse(request.symbol or "").alias("yahoo")
    if symbol.upper() != asked.upper():
        raise PayloadRefused(NAME, "wrong_symbol", f"Yahoo answered for {symbol[:24]!r} when asked for {asked}.")


def zone_of(chart: dict[str, Any]) -> ZoneInfo:
    """The zone that tells a row's date: the venue's own (UTC for crypto); New York where none is named."""
    name = chart["meta"].get("exchangeTimezoneName")
    try:
        return ZoneInfo(str(name)) if name else NEW_YORK
    except (KeyError, OSError, ValueError):
        return NEW_YORK


def rows_of(chart: dict[str, Any], zone: ZoneInfo) -> pl.DataFrame:
    """
    The chart's rows in its own order: stamp (epoch seconds), date in `zone`, values and adj_close, null where told so.

    Raises `PayloadRefused` where arrays differ in length or hold what is no number or time.
    """
    stamps: list[int] = chart["timestamp"]
    quote = chart["indicators"]["quote"][0]
    adjusted = (chart["indicators"].get("adjclose") or [{}])[0].get("adjclose")
    columns = {name: quote.get(name) or [None] * len(stamps) for name in VALUES}
    columns["adj_close"] = adjusted or [None] * len(stamps)
    if any(len(values) != len(stamps) for values in columns.values()):
        raise malformed("The arrays of Yahoo's chart differ in length.")
    frame = pl.DataFrame(
        {"stamp": stamps, **columns}, schema={"stamp": pl.Int64, **dict.fromkeys(columns, pl.Float64)}, strict=False
    )
    # What is not a number comes out as null; null itself is how Yahoo says that a value is not known.
    odd = [name for name, values in columns.items() if frame[name].null_count() > values.count(None)]
    if odd or not frame["stamp"].is_between(-_FAR, _FAR).fill_null(value=False).all():
        raise malformed(f"Yahoo's chart holds what is no number or time in {', '.join(odd) or 'timestamp'}.")
    here = pl.from_epoch("stamp", time_unit="s").dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key)
    known = pl.any_horizontal(pl.col(*VALUES).is_not_null())
    return frame.with_columns(date=here.dt.date()).filter(known)
