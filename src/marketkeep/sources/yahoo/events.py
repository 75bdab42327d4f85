"""
The events in a chart (splits, dividends, capital gains), and up to which ex-date its prices have splits applied.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from marketkeep.model import Payload
from marketkeep.model.new_york import new_york_date
from marketkeep.sources.basis import Cash, Split


def splits_of(chart: dict[str, Any], zone: ZoneInfo) -> list[Split]:
    """The splits of a chart in order of their ex-dates, as exact ratios."""
    splits = []
    for one in ((chart.get("events") or {}).get("splits") or {}).values():
        ratio = Fraction(str(one["numerator"])) / Fraction(str(one["denominator"]))
        if ratio <= 0:
            raise ValueError(f"a split of {ratio}")
        text = str(one.get("splitRatio") or f"{one['numerator']}:{one['denominator']}")
        splits.append(Split(_session(int(one["date"]), zone), ratio, text))
    return sorted(splits)


def cash_of(chart: dict[str, Any], zone: ZoneInfo) -> list[Cash]:
    """The payments of a chart in order of their ex-dates, a capital gain told within a dividend counted once."""
    events = chart.get("events") or {}
    gains = {int(one["date"]): float(one["amount"]) for one in (events.get("capitalGains") or {}).values()}
    cash = []
    for one in (events.get("dividends") or {}).values():
        stamp, amount = int(one["date"]), float(one["amount"])
        # A fund's dividend may be told with its capital gain inside: then only what is left over is a dividend.
        rest = amount - gains.get(stamp, 0.0)
        if stamp not in gains or rest < 0:
            cash.append(Cash(_session(stamp, zone), "dividend", amount))
        elif rest > 1e-6:
            cash.append(Cash(_session(stamp, zone), "dividend", round(rest, 6)))
    cash += [Cash(_session(stamp, zone), "capital_gain", amount) for stamp, amount in gains.items()]
    return sorted(cash)


def basis_date_of(payload: Payload, splits: list[Split]) -> date:
    """Up to which ex-date Yahoo had applied splits: the day before the call, or that day if it tells of one."""
    day = new_york_date(payload.fetched_at)
    return day if any(split.ex_date == day for split in splits) else day - timedelta(days=1)


def _session(stamp: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(stamp, tz=zone).date()
