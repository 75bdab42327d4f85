"""
Alpha Vantage's daily bars: as traded, one symbol a call, 25 calls a day for free. A source of second opinions.

Every answer has status 200: errors and notes are told apart by their root. A note repeats the caller's key, so none of
its words is ever passed on. The adjusted series (a paid one, or a CSV kept from it) brings dividends and splits as
well; its prices are as traded too, and its adjusted close is kept as a witness.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from io import BytesIO

import orjson
import polars as pl

from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import (
    BAD_KEY,
    EMPTY,
    NOT_FOUND,
    PLAN_LIMIT,
    QUOTA,
    RAW_TABLES,
    Access,
    Frames,
    Offer,
    Payload,
    Query,
    Rate,
    Request,
    Symbol,
    Whole,
)
from marketkeep.model.new_york import new_york_date
from marketkeep.sources.misshapen import MISSHAPEN
from marketkeep.sources.ratios import exact_ratio

_NAME = "alpha_vantage"
_URL = "https://www.alphavantage.co/query"
# What `compact` reaches, its last 100 sessions, in calendar days; `full` needs a paid plan.
_COMPACT_DAYS = 140
_RATE = Rate(calls=5, seconds=60.0)
_OFFERS = {"daily_bars": Offer(frozenset({"equity"}), days=_COMPACT_DAYS)}
_ACCESS = Access(
    "Free with a key: 25 calls a day, the last 100 sessions; for your own use, not to redistribute.",
    site="https://www.alphavantage.co/support/#api-key",
    needs=("key",),
    params=(("apikey", "{key}"),),
)
_SERIES = "Time Series (Daily)"
_BARS = {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume"}
_MORE = {"adjusted_close": "adj_close", "dividend_amount": "dividend", "split_coefficient": "split"}
_BLANK = b"\xef\xbb\xbf \t\r\n"
_NOTES = ("Error Message", "Information", "Note")
_SPENT = re.compile(r"rate limit|call frequency|requests? per|calls? per|sparingly", re.IGNORECASE)
_PREMIUM = re.compile(r"premium (?:endpoint|feature|plan|membership)", re.IGNORECASE)
_KEYLESS = re.compile(r"apikey is invalid|invalid or missing|demo\W+api ?key|claim your free", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AlphaVantage(Whole):
    """Daily bars as Alpha Vantage gives them; needs a free key."""

    name: str = _NAME
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = 25

    def plan(self, query: Query) -> list[Request]:
        """One request a symbol: of the last 100 sessions where they hold the window, else of all there is."""
        near = query.start >= query.today - timedelta(days=_COMPACT_DAYS)
        size = "compact" if near else "full"
        symbols = [s for s in query.symbols if Symbol.parse(s).asset_class == "equity"]
        return [self._request(symbol, size, query.start, query.end) for symbol in symbols]

    def probe(self, now: datetime) -> Request:
        """The last days of one symbol that is always there."""
        today = new_york_date(now)
        return self._request("IBM", "compact", today - timedelta(days=7), today + timedelta(days=1))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """Bars within the window asked, and actions where the series tells of them; refused when it is a note."""
        if payload.status >= 400:
            fault = BAD_KEY if payload.status in (401, 403) else f"http_{payload.status}"
            raise _refused(fault, f"Alpha Vantage refused the request (HTTP {payload.status}).", retry=False)
        try:
            rows = _of_json(request, payload.body) if _is_json(payload.body) else _of_csv(payload.body)
            return _frames(request, _typed(rows))
        except MISSHAPEN as error:
            raise _refused("malformed", f"not a daily series as it should be ({type(error).__name__}).") from error

    def _request(self, symbol: str, size: str, start: date, end: date) -> Request:
        params = (
            ("function", "TIME_SERIES_DAILY"),
            ("symbol", Symbol.parse(symbol).alias("alpha_vantage")),
            ("outputsize", size),
            ("datatype", "json"),
        )
        return Request(self.name, "daily_bars", _URL, params, (symbol,), start, end)


def _refused(fault: str, reason: str, *, retry: bool = True) -> PayloadRefused:
    return PayloadRefused(_NAME, fault, reason, retry=retry)


def _is_json(body: bytes) -> bool:
    return body.lstrip(_BLANK)[:1] in (b"{", b"[")


def _of_json(request: Request, body: bytes) -> dict[str, pl.Series]:
    """The texts of a JSON series by our names of its columns."""
    answer = orjson.loads(body.lstrip(_BLANK))
    if not isinstance(answer, dict):
        raise _refused("malformed", "not daily bars: the answer is no JSON object.")
    for root in _NOTES:
        if root in answer:
            raise _note(root, str(answer[root]))
    if not answer or answer.get(_SERIES) == {}:
        raise _refused(EMPTY, f"Alpha Vantage has nothing of {request.symbol}.")
    if not isinstance(answer.get(_SERIES), dict) or not isinstance(answer.get("Meta Data"), dict):
        raise _refused("malformed", f"not daily bars: the answer holds no {_SERIES!r}.")
    _expect_asked(request, str(answer["Meta Data"].get("2. Symbol")))
    days, rows = list(answer[_SERIES]), list(answer[_SERIES].values())
    named = {name.partition(". ")[2].replace(" ", "_"): name for name in rows[0]}
    columns = {ours: named[theirs] for theirs, ours in _BARS.items()}
    columns |= {ours: named[theirs] for theirs, ours in _MORE.items() if theirs in named}
    texts = {ours: pl.Series([row[name] for row in rows], dtype=pl.String) for ours, name in columns.items()}
    return {"date": pl.Series(days, dtype=pl.String), **texts}


def _note(root: str, text: str) -> PayloadRefused:
    """What a note means, in our own words: its own may hold the key."""
    if _SPENT.search(text):
        reason = "Alpha Vantage's calls are used up for now; a free key has 25 a day and 5 a minute."
        return _refused(QUOTA, reason, retry=False)
    if _KEYLESS.search(text):
        return _refused(BAD_KEY, "Alpha Vantage does not accept the key; a free one is had at its site.", retry=False)
    if _PREMIUM.search(text):
        return _refused(PLAN_LIMIT, "Alpha Vantage tells only the last 100 sessions to free plans.", retry=False)
    if root == "Error Message":
        return _refused(NOT_FOUND, "Alpha Vantage knows no such symbol (it calls the request invalid).", retry=False)
    return _refused("refused", "Alpha Vantage answered with a note instead of bars.", retry=False)


def _expect_asked(request: Request, told: str) -> None:
    try:
        same = Symbol.parse(told) == Symbol.parse(request.symbol or "")
    except BadSymbol:
        same = False
    if not same:
        raise _refused("wrong_symbol", f"asked for {request.symbol}, answered with another symbol's series.")


def _of_csv(body: bytes) -> dict[str, pl.Series]:
    """The texts of a CSV series by our names of its columns."""
    header = body.partition(b"\n")[0].decode("utf-8-sig").strip().split(",")
    names = {"timestamp": "date"} | _BARS | _MORE
    if not {"timestamp", *_BARS} <= set(header) <= names.keys():
        raise _refused("malformed", "not daily bars: the columns are others than those of a daily series.")
    if not body.endswith(b"\n"):
        raise _refused("truncated", "the last line of the series is not whole.")
    frame = pl.read_csv(BytesIO(body), infer_schema=False)
    return {names[name]: frame[name] for name in header}


def _typed(rows: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The texts as dates and numbers, oldest first, but those that tell actions; what is neither is an error."""
    numbers = [name for name in rows if name not in ("date", "dividend", "split")]
    frame = pl.DataFrame(dict(rows)).with_columns(
        pl.col("date").str.to_date("%Y-%m-%d"), pl.col(*numbers).cast(pl.Float64)
    )
    finite = all(frame[name].is_finite().all() for name in numbers)
    if not finite or any(column.null_count() for column in frame) or frame["date"].is_duplicated().any():
        raise ValueError("a value is missing or without bounds, or a session there twice")
    return frame.sort("date")


def _frames(request: Request, frame: pl.DataFrame) -> Frames:
    frame = frame.filter(pl.col("date").is_between(request.start, request.end, closed="left")).with_columns(
        symbol=pl.lit(request.symbol or ""), basis=pl.lit("as_traded"), basis_date=pl.lit(None, dtype=pl.Date)
    )
    if frame.is_empty():
        raise _refused(EMPTY, f"Alpha Vantage has no bars of {request.symbol} from {request.start} to {request.end}.")
    bars = RAW_TABLES["daily_bars"].delivered
    found = {"daily_bars": frame.select(name for name in bars if name in frame.columns)}
    return found | {"actions": _actions(frame)} if {"dividend", "split"} & set(frame.columns) else found


def _actions(frame: pl.DataFrame) -> pl.DataFrame:
    """What the series tells beside its bars: dividends as paid that day, splits with their exact ratio."""
    rows: list[dict[str, object]] = []
    for name, nothing in (("split", 1.0), ("dividend", 0.0)):
        if name in frame.columns:
            told = frame.filter(pl.col(name).cast(pl.Float64) != nothing)
            rows += [_action(name, *row) for row in told.select("symbol", "date", name).rows()]
    return pl.DataFrame(rows, schema=RAW_TABLES["actions"].delivered, orient="row").sort("ex_date", maintain_order=True)


def _action(kind: str, symbol: str, ex_date: date, text: str) -> dict[str, object]:
    row: dict[str, object] = {"symbol": symbol, "ex_date": ex_date, "kind": kind, "text": text, "basis": "as_traded"}
    if kind == "split":
        numerator, denominator = exact_ratio(text)
        return row | {"numerator": numerator, "denominator": denominator}
    amount = float(text)
    if not 0 < amount < float("inf"):
        raise ValueError("a dividend of nothing or less")
    return row | {"amount": amount, "currency": "USD"}
