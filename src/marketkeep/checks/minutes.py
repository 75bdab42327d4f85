"""
The checks of minute bars: each one rule, one function. Frames in, marks out; nothing is repaired.

They look at one row as it was delivered and at its own payload only. No rule depends on a price's scale, so a split
told later changes neither score nor finding. Prices are compared with a slack of one part in a million, because some
sources deliver float32; a VWAP with a wider one, because sources round it.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from marketkeep.checks import bar_rules
from marketkeep.checks.rules import Check
from marketkeep.checks.scoring import codes_behind, count_copies, score

_VWAP_SLACK = 1e-3
_ABSURD_RANGE = 2.0
_FACTS = ("day_from", "day_to", "hours_from", "hours_to", "session_open", "session_close", "final_from")

_high, _low, _ts = pl.col("high"), pl.col("low"), pl.col("ts")


def _price_missing() -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_null() for name in bar_rules.PRICES)


def _off_minute() -> pl.Expr:
    return _ts.is_null() | (_ts.dt.truncate("1m") != _ts)


def _outside_date() -> pl.Expr:
    return (_ts < pl.col("day_from")) | (_ts >= pl.col("day_to"))


def _outside_hours() -> pl.Expr:
    inside = (_ts >= pl.col("hours_from")) & (_ts < pl.col("hours_to"))
    return ~inside & ~_outside_date() & ~bar_rules.not_a_session()


def _not_undoable() -> pl.Expr:
    return ~pl.col("basis").is_in(["as_traded", "split_adjusted"])


def _range_absurd() -> pl.Expr:
    return bar_rules.wider_than(_ABSURD_RANGE)


def _vwap_outside() -> pl.Expr:
    vwap = pl.col("vwap")
    return (vwap > _high * (1 + _VWAP_SLACK)) | (vwap < _low * (1 - _VWAP_SLACK)) | ~vwap.is_finite()


def _hard(code: str, doc: str, hits: Callable[[], pl.Expr]) -> Check:
    return Check(code, "error", 100, doc, hits, hard=True)


MINUTE_CHECKS: tuple[Check, ...] = (
    _hard("price_missing", "Open, high, low or close is missing.", _price_missing),
    _hard("price_not_positive", "A price is zero, negative or not a number.", bar_rules.price_not_positive),
    _hard("high_below_low", "The high lies below the low.", bar_rules.high_below_low),
    _hard("volume_negative", "The volume is negative.", bar_rules.volume_negative),
    _hard("off_minute", "The time is not the start of a minute.", _off_minute),
    _hard("not_a_session", "The venue held no session on that date.", bar_rules.not_a_session),
    _hard("outside_date", "The minute lies outside its date, as the venue's clock has it.", _outside_date),
    _hard("outside_hours", "The minute lies outside 04:00 to 20:00 New York: no segment has it.", _outside_hours),
    _hard("not_undoable", "More than splits was applied: what was traded cannot be told.", _not_undoable),
    _hard(
        "duplicate_conflict",
        "One payload tells different bars for one minute; which is right cannot be known.",
        bar_rules.duplicate_conflict,
    ),
    Check(
        "not_final",
        "info",
        100,
        "Received before the end of the session and of the minute plus a lag: the bar may still change.",
        bar_rules.not_final,
        hard=True,
    ),
    Check("open_outside", "warning", 20, "The open lies outside low to high.", bar_rules.open_outside),
    Check("close_outside", "warning", 30, "The close lies outside low to high.", bar_rules.close_outside),
    Check("range_absurd", "warning", 40, "The high is more than twice the low.", _range_absurd),
    Check("volume_zero", "warning", 10, "No volume, yet the price moved.", bar_rules.volume_zero),
    Check("volume_missing", "info", 5, "The volume is unknown.", bar_rules.volume_missing),
    Check("vwap_outside", "info", 5, "The VWAP lies outside low to high by more than a thousandth.", _vwap_outside),
    Check(
        "duplicate_row",
        "info",
        0,
        "One payload tells the same bar more than once; one is kept.",
        bar_rules.duplicate_row,
    ),
)


def check_minutes(bars: pl.DataFrame) -> pl.DataFrame:
    """
    Score minute bars: adds `failed` (bits, see `minute_codes`), `hard` (bool) and `score` (Int16, 0 where hard).

    `bars` are raw rows with their lineage and, all in UTC, the bounds of their date (`day_from`, `day_to`), of its
    trading hours (`hours_from`, `hours_to`), `session_open` and `session_close` (null where the date is no session)
    and `final_from`; these stay but for what only checks need. Copies of a row in one payload lie together.
    """
    counted = count_copies(bars, ["symbol", "ts", "feed", "batch_id", "payload"], [*bar_rules.PRICES, "volume"])
    spare = [name for name in _FACTS if not name.startswith("session_")]
    return score(counted, MINUTE_CHECKS).drop("copied", "conflicting", *spare)


def minute_codes(bits: int) -> list[str]:
    """The codes behind the `failed` bits of one row, in the order of `MINUTE_CHECKS`."""
    return codes_behind(bits, MINUTE_CHECKS)
