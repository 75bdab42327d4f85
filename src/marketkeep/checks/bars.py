"""
The checks of daily bars: each one rule, one function. Frames in, marks out; nothing is repaired.

Those written here look at one row and its own payload only. `reject_absurd` and `check_series` add what can be said
of a row among its neighbours, by the rules of `context_rules`, never farther away than they are told to look: an
update gives the same marks as a rebuild. Prices are compared with a slack of one part in a million, because some
sources deliver float32.
"""

from __future__ import annotations

import polars as pl

from marketkeep.checks import bar_rules
from marketkeep.checks.context_rules import CONTEXT_CHECKS, PRICE_ABSURD
from marketkeep.checks.rules import Check
from marketkeep.checks.scoring import codes_behind, count_copies, score

_ABSURD_RANGE = 5.0

_high, _low, _open, _close = pl.col("high"), pl.col("low"), pl.col("open"), pl.col("close")


def _price_missing() -> pl.Expr:
    return _close.is_null()


def _prices_incomplete() -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_null() for name in ("open", "high", "low"))


def _range_absurd() -> pl.Expr:
    return bar_rules.wider_than(_ABSURD_RANGE)


def _flat_bar() -> pl.Expr:
    return (_open == _close) & (_high == _low) & (_open == _high) & (pl.col("volume") > 0)


ROW_CHECKS: tuple[Check, ...] = (
    Check("price_missing", "error", 100, "The close is missing.", _price_missing, hard=True),
    Check(
        "price_not_positive",
        "error",
        100,
        "A price is zero, negative or not a number.",
        bar_rules.price_not_positive,
        hard=True,
    ),
    Check("high_below_low", "error", 100, "The high lies below the low.", bar_rules.high_below_low, hard=True),
    Check("volume_negative", "error", 100, "The volume is negative.", bar_rules.volume_negative, hard=True),
    Check("not_a_session", "error", 100, "The venue held no session on that date.", bar_rules.not_a_session, hard=True),
    Check(
        "duplicate_conflict",
        "error",
        100,
        "One payload tells different bars for one session; which is right cannot be known.",
        bar_rules.duplicate_conflict,
        hard=True,
    ),
    Check(
        "not_final",
        "info",
        100,
        "Received before the session's close plus a lag: the bar may still change.",
        bar_rules.not_final,
        hard=True,
    ),
    Check("open_outside", "warning", 20, "The open lies outside low to high.", bar_rules.open_outside),
    Check("close_outside", "warning", 30, "The close lies outside low to high.", bar_rules.close_outside),
    Check("range_absurd", "warning", 40, "The high is more than five times the low.", _range_absurd),
    Check("prices_incomplete", "warning", 20, "Open, high or low is missing.", _prices_incomplete),
    Check("volume_zero", "warning", 10, "No volume, yet the price moved.", bar_rules.volume_zero),
    Check("volume_missing", "info", 5, "The volume is unknown.", bar_rules.volume_missing),
    Check("flat_bar", "info", 5, "One price all session, with volume.", _flat_bar),
    Check(
        "duplicate_row",
        "info",
        0,
        "One payload tells the same bar more than once; one is kept.",
        bar_rules.duplicate_row,
    ),
)

BAR_CHECKS: tuple[Check, ...] = (*ROW_CHECKS, PRICE_ABSURD, *CONTEXT_CHECKS)
"""All checks of daily bars; the place of a check here is its bit in `failed`."""


def check_bars(bars: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """
    Score bars, each by itself: adds `failed` (bits, see `failed_codes`), `hard` (bool) and `score` (Int16, 0 to 100; 0
    where hard).

    `bars` has symbol, date, open, high, low, close, volume, fetched_at (UTC), calendar, and batch_id and payload that
    tell payloads apart; it is sorted by symbol and date with each payload's rows together. `sessions` has calendar,
    date, session_close and final_from (both UTC; a bar received from final_from on is final).
    """
    frame = bars.join(sessions, on=["calendar", "date"], how="left", maintain_order="left")
    payload = [name for name in ("batch_id", "payload") if name in frame.columns]
    counted = count_copies(frame, ["symbol", "date", *payload], [*bar_rules.PRICES, "volume"])
    return score(counted, ROW_CHECKS).drop("session_close", "final_from", "copied", "conflicting")


def failed_codes(bits: int) -> list[str]:
    """The codes behind the `failed` bits of one row, in the order of `BAR_CHECKS`."""
    return codes_behind(bits, BAR_CHECKS)
