"""
Rules that hold for a bar of any length: each an expression that is true where a row fails it.

A row has open, high, low, close, volume, fetched_at, session_close (null where its date is no session), final_from, and
`copied` and `conflicting` of its own payload. Prices are compared with a slack of one part in a million, because some
sources deliver float32.
"""

from __future__ import annotations

import polars as pl

PRICES = ("open", "high", "low", "close")
SLACK = 1e-6

_high, _low, _open, _close, _volume = (pl.col(name) for name in ("high", "low", "open", "close", "volume"))


def price_not_positive() -> pl.Expr:
    """A price is zero, negative or not a number."""
    return pl.any_horizontal((pl.col(name) <= 0) | ~pl.col(name).is_finite() for name in PRICES)


def high_below_low() -> pl.Expr:
    """The high lies below the low."""
    return _high < _low * (1 - SLACK)


def open_outside() -> pl.Expr:
    """The open lies outside low to high."""
    return (_open > _high * (1 + SLACK)) | (_open < _low * (1 - SLACK))


def close_outside() -> pl.Expr:
    """The close lies outside low to high."""
    return (_close > _high * (1 + SLACK)) | (_close < _low * (1 - SLACK))


def wider_than(times: float) -> pl.Expr:
    """The high is more than so many times the low."""
    return (_low > 0) & (_high > _low * times)


def volume_negative() -> pl.Expr:
    """The volume is negative."""
    return _volume < 0


def volume_missing() -> pl.Expr:
    """The volume is unknown."""
    return _volume.is_null()


def volume_zero() -> pl.Expr:
    """No volume, yet the price moved."""
    return (_volume == 0) & (_high > _low)


def not_a_session() -> pl.Expr:
    """The venue held no session on that date."""
    return pl.col("session_close").is_null()


def not_final() -> pl.Expr:
    """Received before the bar was final."""
    return pl.col("fetched_at") < pl.col("final_from")


def duplicate_row() -> pl.Expr:
    """One payload tells the same bar more than once."""
    return pl.col("copied") & ~pl.col("conflicting")


def duplicate_conflict() -> pl.Expr:
    """One payload tells different bars at one time."""
    return pl.col("conflicting")
