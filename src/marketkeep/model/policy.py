"""
Policy: the choices that turn raw into gold, as one frozen value kept with the keep itself, so that the same raw and
policy give the same gold wherever it is rebuilt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, timedelta
from typing import Any

from marketkeep.errors import BadSetting
from marketkeep.model.thresholds import Thresholds

_LISTS = ("priority", "datasets", "tickers_of_the_day")
_SHARES = ("tolerance", "action_tolerance")
_COUNTS = ("final_after_minutes", "trailing_sessions", "minute_days")


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What decides gold and what is collected.

    `priority` orders sources, best first; a source not named ranks behind all that are. `tolerance` is the relative
    difference of closes within which two sources agree, `action_tolerance` that of amounts of the same dividend.
    `priorities` and `tolerances` say otherwise for a dataset (`minute_bars`) or for a class of assets in one
    (`daily_bars:crypto`). `thresholds` are those of the checks. Rows of the sources in `tickers_of_the_day` stand under
    the ticker that the security had on their date; those of all others under the one it had when they were received.
    A bar is final `final_after_minutes` past its session's close. Collection starts at `start` where a symbol has no
    start of its own, and asks again for the last `trailing_sessions`, because sources revise them. The update collects
    `datasets`; minute bars, where they are among them, `minute_days` calendar days back. It follows the symbols of the
    universes in `follow`, names of indices or `all_us`, from a day on (None for `start`).
    """

    priority: tuple[str, ...] = (
        *("yahoo", "polygon", "alpaca", "alpha_vantage", "coinbase", "binance"),
        *("csv", "lean", "sample"),
    )
    tolerance: float = 0.005
    action_tolerance: float = 0.005
    final_after_minutes: int = 60
    start: date = date(2009, 1, 2)
    trailing_sessions: int = 5
    datasets: tuple[str, ...] = (
        *("listings", "index_members", "treasury_yields", "daily_bars", "actions"),
        *("filings", "facts"),
    )
    minute_days: int = 30
    follow: Mapping[str, date | None] = field(default_factory=dict)
    priorities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tolerances: Mapping[str, float] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)
    tickers_of_the_day: tuple[str, ...] = ("polygon", "lean")

    @property
    def final_after(self) -> timedelta:
        """How long past its session's close a bar counts as final."""
        return timedelta(minutes=self.final_after_minutes)

    def rank(self, source: str, dataset: str = "daily_bars", asset_class: str = "equity") -> int:
        """Place of a source in the priority of a dataset and class of assets, 0 for the best."""
        order = self.priorities.get(f"{dataset}:{asset_class}") or self.priorities.get(dataset) or self.priority
        return order.index(source) if source in order else len(order)

    def tolerance_of(self, dataset: str, asset_class: str = "equity") -> float:
        """The relative difference within which two sources agree on values of a dataset and class of assets."""
        usual = self.action_tolerance if dataset == "actions" else self.tolerance
        return self.tolerances.get(f"{dataset}:{asset_class}", self.tolerances.get(dataset, usual))

    def to_json(self) -> dict[str, Any]:
        """The policy as plain values."""
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        follow = {name: start and start.isoformat() for name, start in self.follow.items()}
        priorities = {name: list(order) for name, order in self.priorities.items()}
        own = {"start": self.start.isoformat(), "follow": follow, "priorities": priorities}
        return {**asdict(self), **lists, **own}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Policy:
        """The policy of plain values. Raises `BadSetting` naming what is unknown or wrong."""
        if unknown := sorted(set(values) - {one.name for one in fields(cls)}):
            raise BadSetting(
                f"policy has no {', '.join(unknown)}; it has {', '.join(one.name for one in fields(cls))}."
            )
        try:
            return cls(**_read(values, cls()))
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise BadSetting(f"policy cannot be read: {error}. See the settings reference.") from error


def _read(values: Mapping[str, Any], default: Policy) -> dict[str, Any]:
    """The fields of a policy, each of its type and within its bounds."""
    read = dict(values)
    for name in _LISTS:
        if isinstance(read.get(name), str):
            raise TypeError(f"{name} is a list of names")
        read[name] = tuple(str(one) for one in read.get(name, getattr(default, name)))
    follow = read.get("follow", default.follow)
    read["follow"] = {str(name): date.fromisoformat(start) if start else None for name, start in follow.items()}
    read["priorities"] = {
        str(name): tuple(str(one) for one in order)
        for name, order in read.get("priorities", default.priorities).items()
    }
    read["tolerances"] = {
        str(name): _share(f"tolerances.{name}", value) for name, value in read.get("tolerances", {}).items()
    }
    read["thresholds"] = Thresholds.from_json(read["thresholds"]) if "thresholds" in read else default.thresholds
    if "start" in read:
        read["start"] = date.fromisoformat(read["start"])
    for names, kind in ((_SHARES, float), (_COUNTS, int)):
        for name in names:
            read[name] = kind(_share(name, read.get(name, getattr(default, name))))
    return read


def _share(name: str, value: Any) -> float:
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"{name} is {value}, which is not a number from 0 on")
    return float(value)
