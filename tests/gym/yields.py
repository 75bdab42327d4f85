"""The truth about the yield curve: a point of every tenor for every session, where the Treasury had that tenor."""

from __future__ import annotations

from datetime import date

import numpy as np

TENORS = {
    "1M": "1 Mo",
    "1.5M": "1.5 Month",
    "2M": "2 Mo",
    "3M": "3 Mo",
    "4M": "4 Mo",
    "6M": "6 Mo",
    "1Y": "1 Yr",
    "2Y": "2 Yr",
    "3Y": "3 Yr",
    "5Y": "5 Yr",
    "7Y": "7 Yr",
    "10Y": "10 Yr",
    "20Y": "20 Yr",
    "30Y": "30 Yr",
}
_SINCE = {
    "1M": date(2001, 7, 31),
    "1.5M": date(2025, 2, 18),
    "2M": date(2018, 10, 16),
    "4M": date(2022, 10, 19),
    "20Y": date(1993, 10, 1),
}


def had(tenor: str, year: int) -> bool:
    """Whether the file of a year has a column for a tenor."""
    return _SINCE.get(tenor, date.min).year <= year


def point(seed: int, day: date, tenor: str) -> float | None:
    """A par yield in percent with two digits; None where there was none."""
    if day < _SINCE.get(tenor, date.min) or (tenor == "30Y" and date(2002, 2, 19) <= day < date(2006, 2, 9)):
        return None
    at = list(TENORS).index(tenor)
    noise = np.random.default_rng([seed, day.toordinal(), at]).normal(0, 0.02)
    level = 2.5 + 1.8 * np.sin(day.toordinal() / 700) + 0.12 * at + noise
    return max(round(float(level), 2), 0.01)
