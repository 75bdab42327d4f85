"""
Polygon's aggregates as raw bars: of one ticker, or of all tickers of a session.

Stamps are milliseconds UTC; a bar's session is the date in New York. A daily bar of one ticker is stamped at that
midnight, one of the whole market at the close. Adjusted bars are refused, for only what was traded is asked for.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import EMPTY, UTC, Request, Symbol
from marketkeep.model.new_york import NEW_YORK
from marketkeep.sources.misshapen import MISSHAPEN
from marketkeep.sources.polygon.answers import NAME, malformed, results_of

_FIELDS = {
    "T": pl.String,
    "t": pl.Int64,
    **dict.fromkeys(("o", "h", "l", "c", "v", "vw"), pl.Float64),
    "n": pl.Int64,
}
# Milliseconds since 1970 that reach the year 2286: a time beyond is no time.
_FAR = 10**13
_BAR = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}


def daily_rows(request: Request, root: dict[str, Any]) -> pl.DataFrame:
    """
    Daily bars of the symbols and sessions asked for, as traded.

    A session's bars of the whole market may lack a symbol asked for. Raises `PayloadRefused` (empty, malformed,
    truncated, wrong_symbol, wrong_basis, wrong_interval, wrong_session).
    """
    found = _found(request, root)
    if (found.group_by("symbol", "date").agg(stamps=pl.col("t").n_unique())["stamps"] > 1).any():
        raise PayloadRefused(NAME, "wrong_interval", "Polygon gave several bars of a session where one was asked for.")
    return found.select("symbol", "date", *(pl.col(theirs).alias(ours) for ours, theirs in _BAR.items()), _basis())


def minute_rows(request: Request, root: dict[str, Any]) -> pl.DataFrame:
    """
    Minute bars of the symbol and sessions asked for, as traded, with extended hours, of the consolidated tape.

    Raises `PayloadRefused` (empty, malformed, truncated, wrong_symbol, wrong_basis, wrong_interval).
    """
    found = _found(request, root)
    at = _instant("t")
    if found.height and found.select((at.dt.time() == pl.time(0)).all()).item():
        raise PayloadRefused(NAME, "wrong_interval", "Polygon gave bars of days where bars of minutes were asked for.")
    return found.select(
        "symbol",
        "date",
        *(pl.col(theirs).alias(ours) for ours, theirs in _BAR.items()),
        _basis(),
        ts=pl.from_epoch("t", time_unit="ms").dt.replace_time_zone("UTC").cast(UTC),
        vwap=pl.col("vw"),
        trade_count=pl.col("n"),
        feed=pl.lit("sip"),
    )


def _found(request: Request, root: dict[str, Any]) -> pl.DataFrame:
    """The bars asked for in Polygon's columns, with `symbol` and `date`."""
    whole_market = "/grouped/" in request.url
    _expect_asked(request, root, whole_market=whole_market)
    rows = _rows(request, root)
    found = _within(request, rows)
    if whole_market:
        if found.height < rows.height:
            raise PayloadRefused(NAME, "wrong_session", f"Polygon gave bars of another session than {request.start}.")
        return _named(request, found)
    if found.is_empty() and not _is_part(request, root):
        raise _nothing(request)
    return found.with_columns(symbol=pl.lit(request.symbol))


def _expect_asked(request: Request, root: dict[str, Any], *, whole_market: bool) -> None:
    if not isinstance(root.get("adjusted"), bool) or "resultsCount" not in root:
        raise malformed("Polygon's answer is not one of bars: adjusted or resultsCount is missing.")
    if not whole_market:
        told, asked = root.get("ticker"), Symbol.parse(request.symbol or "").alias("polygon")
        if told != asked:
            raise PayloadRefused(NAME, "wrong_symbol", f"Polygon gave bars of another ticker than {asked}.")
    if root["adjusted"]:
        reason = "Polygon gave bars adjusted for splits where bars as traded were asked for."
        raise PayloadRefused(NAME, "wrong_basis", reason, retry=False)


def _rows(request: Request, root: dict[str, Any]) -> pl.DataFrame:
    results = results_of(root)
    told = root["resultsCount"]
    if isinstance(told, int) and told > len(results):
        raise PayloadRefused(NAME, "truncated", f"Polygon tells of {told} bars and gave {len(results)}.")
    if not results and not _is_part(request, root):
        raise _nothing(request)
    try:
        rows = pl.from_dicts(results, schema=_FIELDS)
    except MISSHAPEN as error:
        raise malformed("A bar of Polygon's holds what is no number.") from error
    if not rows["t"].is_between(0, _FAR).fill_null(value=False).all() or rows["c"].null_count():
        raise malformed("A bar of Polygon's has no time or no close.")
    return rows.with_columns(date=_instant("t").dt.date())


def _is_part(request: Request, root: dict[str, Any]) -> bool:
    """Whether the answer is one page of several: a page may be without rows where the whole is not."""
    return bool(root.get("next_url")) or any(name == "cursor" for name, _ in request.params)


def _named(request: Request, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of the symbols asked for, out of the whole market."""
    if rows["T"].null_count():
        raise malformed("A bar of the whole market has no ticker.")
    return rows.join(_names(request.symbols), on="T", how="inner", maintain_order="left")


# The same thousands of symbols are asked for session by session.
@lru_cache(maxsize=4)
def _names(symbols: tuple[str, ...]) -> pl.DataFrame:
    """Polygon's ticker of each symbol."""
    wanted = {Symbol.parse(symbol).alias("polygon"): symbol for symbol in symbols}
    return pl.DataFrame({"T": list(wanted), "symbol": list(wanted.values())}, schema_overrides={"T": pl.String})


def _within(request: Request, rows: pl.DataFrame) -> pl.DataFrame:
    if request.start is None or request.end is None:
        return rows
    return rows.filter(pl.col("date").is_between(request.start, request.end, closed="left"))


def _instant(column: str) -> pl.Expr:
    return pl.from_epoch(column, time_unit="ms").dt.replace_time_zone("UTC").dt.convert_time_zone(NEW_YORK.key)


def _basis() -> pl.Expr:
    return pl.lit("as_traded").alias("basis")


def _nothing(request: Request) -> PayloadRefused:
    whose = "the market" if "/grouped/" in request.url else request.symbol
    return PayloadRefused(NAME, EMPTY, f"Polygon has no bars of {whose} in the sessions asked for.")
