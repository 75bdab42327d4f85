"""
What can be wrong with a vendor's minute bars of a session: single minutes, too few of them, or all at another price.

The daily bar stays right. Minutes are dollars here; `_MINUTE` is which of the session's minutes is spoilt, well inside
regular hours.
"""

from __future__ import annotations

import polars as pl

from gym.defects import Draft, Kind, Minutes, Spoil

_PRICES = ("open", "high", "low", "close")
_MINUTE = 150
_HANDFUL = 6
_DAY, _NIGHT = 86_400, 27_000


def _kind(name: str, code: str, *also: str, hard: bool = False) -> Kind:
    return Kind(name, code, "minute_bars", hard, also, after=0)


def _one(**values: pl.Expr) -> Minutes:
    """Spoils one minute: its columns as given."""

    def spoil(frame: pl.DataFrame) -> pl.DataFrame:
        here = pl.int_range(pl.len()) == min(_MINUTE, frame.height - 1)
        return frame.with_columns(
            pl.when(here).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()
        )

    return spoil


def _dearer(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns((pl.col(name) * 1.03).round(2) for name in (*_PRICES, "vwap"))


def _few(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.gather_every(max(1, frame.height // _HANDFUL)).head(_HANDFUL)


def _again(by: float) -> Minutes:
    """A minute told once more, at a price `by` times as high."""

    def spoil(frame: pl.DataFrame) -> pl.DataFrame:
        here = frame.slice(min(_MINUTE, frame.height - 1), 1)
        other = here.with_columns((pl.col(name) * by).round(2) for name in (*_PRICES, "vwap"))
        return pl.concat([frame, other]).sort("ts", maintain_order=True)

    return spoil


def _at_night(frame: pl.DataFrame) -> pl.DataFrame:
    """A minute at 07:30 UTC, before any trading in New York."""
    here = pl.int_range(pl.len()) == min(_MINUTE, frame.height - 1)
    night = pl.col("ts") // _DAY * _DAY + _NIGHT
    return frame.with_columns(ts=pl.when(here).then(night).otherwise("ts")).sort("ts")


def _planted(spoil: Minutes) -> Spoil:
    def plant(draft: Draft, at: int, turn: int) -> None:
        draft.minutes[draft.true.sessions.dates[at].item()] = spoil

    return plant


_close, _high, _low, _volume = (pl.col(name) for name in ("close", "high", "low", "volume"))

FEW = _kind("a handful of minutes", "minutes_incomplete", "minutes_differ")
FEW_EVERYWHERE = _kind("a handful of minutes for everybody", "market_hole", "minutes_incomplete", "minutes_differ")
KINDS: dict[Kind, Spoil] = {
    kind: _planted(spoil)
    for kind, spoil in {
        _kind("minute's price below zero", "price_not_positive", hard=True): _one(close=-_close),
        _kind("minute's high below its low", "high_below_low", hard=True): _one(high=_low - 0.02, low=_high + 0.02),
        _kind("minute's volume below zero", "volume_negative", hard=True): _one(volume=-_volume),
        _kind("minute at night", "outside_hours", hard=True): _at_night,
        _kind("two minutes that differ", "duplicate_conflict", hard=True): _again(1.002),
        _kind("minute told twice", "duplicate_row"): _again(1.0),
        _kind("minute's open outside", "open_outside", "minutes_differ"): _one(open=(_high * 1.03 + 0.01).round(2)),
        _kind("minute's volume of zero", "volume_zero"): _one(volume=0 * _volume, high=_high + 0.02),
        _kind("minute's close outside", "close_outside", "minutes_differ"): _one(close=(_high * 1.03 + 0.01).round(2)),
        _kind("minute's low a fifth", "range_absurd", "minutes_differ"): _one(low=(_low / 5).round(2)),
        _kind("minute's average outside", "vwap_outside"): _one(vwap=_high * 1.05),
        _kind("minutes of another price", "minutes_differ"): _dearer,
        FEW: _few,
        _kind("no minutes", "gap"): lambda frame: frame.head(0),
        FEW_EVERYWHERE: _few,
    }.items()
}
