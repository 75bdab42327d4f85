"""
Thresholds: how far a value may be off before a check speaks. They are part of a keep's policy, because scores and gold
follow from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    The numbers behind the checks, with their defaults.

    Of daily bars: `return_sigma` robust standard deviations of daily log returns after actions, and `return_floor` as a
    share of the price, before a return is an outlier, `spike_floor` before one that is undone at once is a spike;
    `volume_sigma` of log volume; both against the `window_days`
    calendar days before, of which `window_least` sessions must be held. `stale_sessions` equal bars in a row are
    stale. A close `absurd_times` above or below all around it is absurd. `gap_share` is how far an open may lie from
    the close before, after actions; `step_share` how near a lasting step must be to a simple ratio to be a split that
    nobody tells; `adjusted_share` how far a source's adjusted close may be from ours.

    Across symbols: a session that `hole_share` of them lack, `hole_least` at least, is a hole in the market.
    Minute bars of a regular session may differ from the daily bar by `minute_share` in price, and bring no less than
    `minute_volume` of its volume. Of statements: `balance_share` is how far assets may be from liabilities and equity,
    `late_days` when a filing is late, `scale_times` when a value has jumped in scale. `fresh_sessions` without a bar
    are too many for a symbol that is followed. An index of which more than `jump_share` come or go in a day has jumped.
    """

    return_sigma: float = 5.0
    return_floor: float = 0.10
    spike_floor: float = 0.25
    volume_sigma: float = 10.0
    window_days: int = 120
    window_least: int = 20
    stale_sessions: int = 5
    absurd_times: float = 20.0
    gap_share: float = 0.20
    step_share: float = 0.03
    adjusted_share: float = 1e-3
    hole_share: float = 0.2
    hole_least: int = 5
    minute_share: float = 0.01
    minute_volume: float = 0.5
    balance_share: float = 0.01
    late_days: int = 90
    scale_times: float = 100.0
    fresh_sessions: int = 3
    jump_share: float = 0.10

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Thresholds:
        """The thresholds of plain values. Raises `ValueError` for an unknown name or what is no number from 0 on."""
        if unknown := sorted(set(values) - {one.name for one in fields(cls)}):
            raise ValueError(f"thresholds have no {', '.join(unknown)}")
        read: dict[str, Any] = asdict(cls())
        for name, value in values.items():
            kind = type(read[name])
            read[name] = kind(value)
            if not 0 <= read[name] < math.inf:
                raise ValueError(f"thresholds.{name} is {value}, which is not a number from 0 on")
        return cls(**read)
