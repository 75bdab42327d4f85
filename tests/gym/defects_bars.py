"""
What can be wrong with a vendor's daily bars: each kind with the check that must find it, and how it is planted.

Prices are cents here. A spoilt row is spoilt in one way only, as far as that can be: a high below the low leaves open
and close where they were.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from gym.defects import FIELDS, Draft, Kind, Spoil

STALE = 6
_NOT_KNOWN = float("nan")
_JUMPS = (1.45, 0.62)
_HUNDREDS = (100.0, 0.01)
_NEXT_TO = (1.012, 0.988)


def _hard(name: str, code: str, *also: str) -> Kind:
    return Kind(name, code, hard=True, also=also)


def _soft(name: str, code: str, *also: str, sessions: int = 1, after: int = 1) -> Kind:
    return Kind(name, code, also=also, sessions=sessions, after=after)


def _set(draft: Draft, at: int, **values: float) -> None:
    for name, value in values.items():
        draft.values[name][at] = value


def _negative(draft: Draft, at: int, turn: int) -> None:
    """All prices below zero for one half, the low at zero for the other."""
    if turn % 2:
        draft.values["low"][at] = 0.0
    else:
        for name in FIELDS[:4]:
            draft.values[name][at] *= -1


def _crossed(draft: Draft, at: int, turn: int) -> None:
    high, low = draft.values["high"][at], draft.values["low"][at]
    _set(draft, at, high=low - 2, low=high + 2)


def _saturday(draft: Draft, at: int, turn: int) -> None:
    """A row on the next Saturday, with the values of the session before it."""
    day = draft.true.sessions.dates[at].item()
    draft.more.append((day + timedelta(days=(5 - day.weekday()) % 7 or 7), draft.row(at)))


def _conflict(draft: Draft, at: int, turn: int) -> None:
    row = draft.row(at)
    other = row | {name: round(row[name] * 1.1) for name in FIELDS[:4]}
    draft.more.append((draft.true.sessions.dates[at].item(), other))


def _copy(draft: Draft, at: int, turn: int) -> None:
    draft.more.append((draft.true.sessions.dates[at].item(), draft.row(at)))


def _hundred(draft: Draft, at: int, turn: int) -> None:
    """A hundred times too much, or a hundredth: pence for pounds."""
    draft.scale(at, at + 1, _HUNDREDS[turn % 2])


def _stale(draft: Draft, at: int, turn: int) -> None:
    for name in FIELDS:
        draft.values[name][at : at + STALE] = draft.values[name][at]


def _gap_open(draft: Draft, at: int, turn: int) -> None:
    """The open a third away from the close before; the high or the low goes along."""
    opened = round(draft.values["close"][at - 1] * (1.35, 0.65)[turn % 2])
    _set(draft, at, open=opened)
    _set(draft, at, high=max(draft.values["high"][at], opened), low=min(draft.values["low"][at], opened))


def _flat(draft: Draft, at: int, turn: int) -> None:
    _set(draft, at, **dict.fromkeys(("open", "high", "low"), draft.values["close"][at]))


def _open_out(draft: Draft, at: int, turn: int) -> None:
    high, low = draft.values["high"][at], draft.values["low"][at]
    _set(draft, at, open=np.ceil(high * 1.03) if turn % 2 else np.floor(low * 0.97))


def _close_out(draft: Draft, at: int, turn: int) -> None:
    high, low = draft.values["high"][at], draft.values["low"][at]
    _set(draft, at, close=np.ceil(high * 1.03) if turn % 2 else np.floor(low * 0.97))


def _factor(draft: Draft, at: int, turn: int) -> None:
    draft.steps.append((draft.true.sessions.dates[at].item(), (0.97, 1.02)[turn % 2]))


TWO_HUNDREDS = _soft(
    "price times 100 at two of three", "price_absurd", "price_spike", "return_outlier", "source_disagreement"
)
KINDS: dict[Kind, Spoil] = {
    _hard("close not known", "price_missing"): lambda draft, at, _: _set(draft, at, close=_NOT_KNOWN),
    _hard("price of zero or below", "price_not_positive"): _negative,
    _hard("high below low", "high_below_low"): _crossed,
    _hard("volume below zero", "volume_negative"): lambda draft, at, _: _set(
        draft, at, volume=-draft.values["volume"][at]
    ),
    _hard("row on a Saturday", "not_a_session"): _saturday,
    _hard("two rows that differ", "duplicate_conflict"): _conflict,
    _hard("price times 100", "price_absurd"): _hundred,
    TWO_HUNDREDS: _hundred,
    _soft("open outside", "open_outside"): _open_out,
    _soft("close outside", "close_outside"): _close_out,
    _soft("low a seventh", "range_absurd"): lambda draft, at, _: _set(
        draft, at, low=max(1.0, np.floor(draft.values["low"][at] / 7))
    ),
    _soft("open not known", "prices_incomplete"): lambda draft, at, _: _set(draft, at, open=_NOT_KNOWN),
    _soft("volume of zero", "volume_zero"): lambda draft, at, _: _set(draft, at, volume=0.0),
    _soft("volume not known", "volume_missing"): lambda draft, at, _: _set(draft, at, volume=_NOT_KNOWN),
    _soft("one price all session", "flat_bar"): _flat,
    _soft("row told twice", "duplicate_row"): _copy,
    _soft("spike for a session", "price_spike", "return_outlier", "open_gap"): lambda draft, at, turn: draft.scale(
        at, at + 1, (1.4, 0.65)[turn % 2]
    ),
    _soft("lasting jump", "return_outlier", "open_gap"): lambda draft, at, turn: draft.scale(
        at, len(draft.values["close"]), _JUMPS[turn % 2]
    ),
    _soft("volume times 1000", "volume_outlier"): lambda draft, at, _: _set(
        draft, at, volume=draft.values["volume"][at] * 1000
    ),
    _soft("six equal sessions", "stale_repeat", sessions=STALE): _stale,
    _soft("open away from the close before", "open_gap"): _gap_open,
    _soft("step in the adjusted close", "adj_close_differs"): _factor,
    _soft("price off by 1.2 %", "source_disagreement"): lambda draft, at, turn: draft.scale(
        at, at + 1, _NEXT_TO[turn % 2]
    ),
    _soft("session missing", "gap"): lambda draft, at, _: draft.gone.add(at),
    _soft("session missing for many", "market_hole", "gap"): lambda draft, at, _: draft.gone.add(at),
    _soft("no bars any more", "not_fresh"): lambda draft, at, _: draft.gone.update(
        range(at, len(draft.values["close"]))
    ),
}
"""Each kind and how it is planted."""

APART = (
    _hard("session under way", "not_final"),
    _soft("revised later", "revised"),
    _soft("halted", "gap"),
    _soft("delisted", "not_fresh"),
)
"""Kinds that no view has: the time of asking, a fault of the wire, and what the truth itself holds."""
