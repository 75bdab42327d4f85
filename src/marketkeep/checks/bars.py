"""
The checks of daily bars: each one rule, one function. Frames in, marks out; nothing is repaired.

All of them look at one row and its own payload only, so a row's score never depends on what else is held, and an
update gives the same scores as a rebuild. Prices are compared with a slack of one part in a million, because some
sources deliver float32.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks.rules import Check
from marketkeep.checks.scoring import codes_behind, count_copies, score

_PRICES = ("open", "high", "low", "close")
_SLACK = 1e-6
_ABSURD_RANGE = 5.0

_high, _low, _open, _close = pl.col("high"), pl.col("low"), pl.col("open"), pl.col("close")


def _price_missing() -> pl.Expr:
    return _close.is_null()


def _price_not_positive() -> pl.Expr:
    return pl.any_horizontal((pl.col(name) <= 0) | ~pl.col(name).is_finite() for name in _PRICES)


def _high_below_low() -> pl.Expr:
    return _high < _low * (1 - _SLACK)


def _open_outside() -> pl.Expr:
    return (_open > _high * (1 + _SLACK)) | (_open < _low * (1 - _SLACK))


def _close_outside() -> pl.Expr:
    return (_close > _high * (1 + _SLACK)) | (_close < _low * (1 - _SLACK))


def _prices_incomplete() -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_null() for name in ("open", "high", "low"))


def _range_absurd() -> pl.Expr:
    return (_low > 0) & (_high > _low * _ABSURD_RANGE)


def _flat_bar() -> pl.Expr:
    return (_open == _close) & (_high == _low) & (_open == _high) & (pl.col("volume") > 0)


def _volume_negative() -> pl.Expr:
    return pl.col("volume") < 0


def _volume_missing() -> pl.Expr:
    return pl.col("volume").is_null()


def _volume_zero() -> pl.Expr:
    return (pl.col("volume") == 0) & (_high > _low)


def _not_a_session() -> pl.Expr:
    return pl.col("session_close").is_null()


def _not_final() -> pl.Expr:
    return pl.col("fetched_at") < pl.col("final_from")


def _duplicate_row() -> pl.Expr:
    return pl.col("copied") & ~pl.col("conflicting")


def _duplicate_conflict() -> pl.Expr:
    return pl.col("conflicting")


BAR_CHECKS: tuple[Check, ...] = (
    Check("price_missing", "error", 100, "The close is missing.", _price_missing, hard=True),
    Check(
        "price_not_positive", "error", 100, "A price is zero, negative or not a number.", _price_not_positive, hard=True
    ),
    Check("high_below_low", "error", 100, "The high lies below the low.", _high_below_low, hard=True),
    Check("volume_negative", "error", 100, "The volume is negative.", _volume_negative, hard=True),
    Check("not_a_session", "error", 100, "The venue held no session on that date.", _not_a_session, hard=True),
    Check(
        "duplicate_conflict",
        "error",
        100,
        "One payload tells different bars for one session; which is right cannot be known.",
        _duplicate_conflict,
        hard=True,
    ),
    Check(
        "not_final",
        "info",
        100,
        "Received before the session's close plus a lag: the bar may still change.",
        _not_final,
        hard=True,
    ),
    Check("open_outside", "warning", 20, "The open lies outside low to high.", _open_outside),
    Check("close_outside", "warning", 30, "The close lies outside low to high.", _close_outside),
    Check("range_absurd", "warning", 40, "The high is more than five times the low.", _range_absurd),
    Check("prices_incomplete", "warning", 20, "Open, high or low is missing.", _prices_incomplete),
    Check("volume_zero", "warning", 10, "No volume, yet the price moved.", _volume_zero),
    Check("volume_missing", "info", 5, "The volume is unknown.", _volume_missing),
    Check("flat_bar", "info", 5, "One price all session, with volume.", _flat_bar),
    Check("duplicate_row", "info", 0, "One payload tells the same bar more than once; one is kept.", _duplicate_row),
)


def check_bars(bars: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """
    Score bars: adds `failed` (bits, see `failed_codes`), `hard` (bool) and `score` (Int16, 0 to 100; 0 where hard).

    `bars` has symbol, date, open, high, low, close, volume, fetched_at (UTC), calendar, and batch_id and payload that
    tell payloads apart; it is sorted by symbol and date with each payload's rows together. `sessions` has calendar,
    date, session_close and final_from (both UTC; a bar received from final_from on is final).
    """
    frame = bars.join(sessions, on=["calendar", "date"], how="left", maintain_order="left")
    payload = [name for name in ("batch_id", "payload") if name in frame.columns]
    counted = count_copies(frame, ["symbol", "date", *payload], [*_PRICES, "volume"])
    return score(counted, BAR_CHECKS).drop("session_close", "final_from", "copied", "conflicting")


def failed_codes(bits: int) -> list[str]:
    """The codes behind the `failed` bits of one row, in the order of `BAR_CHECKS`."""
    return codes_behind(bits, BAR_CHECKS)
