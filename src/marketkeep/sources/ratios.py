"""
The exact ratio behind a split's text: `7:1`, `7 for 1`, `1046:1000`, or a decimal that some vendor rounded.

Vendors write 1/3 as `0.3333` and 7/1 as `7.00000700001` (one over 0.142857). The ratio is the simplest fraction that
the written digits allow, but only where that fraction could hardly be there by chance; else the digits are taken as
they stand. Anything that is not a positive ratio is refused.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

_PAIR = re.compile(r"^(\d+(?:\.\d+)?)\s*(?::|/|-?\s*(?:for|to)\s*-?)\s*(\d+(?:\.\d+)?)$", re.IGNORECASE)
_DECIMAL = re.compile(r"^\+?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?$")
# A digit is written by hand up to here; beyond it stands what binary floats leave behind.
_NOISE = Fraction(1, 10**11)
_STEPS = 1000
# With fewer digits than these, one over a rounded decimal looks like any other number.
_TURNED = 5


def exact_ratio(text: str) -> tuple[int, int]:
    """
    New and old shares, in lowest terms, of a split written as `text`.

    Raises `ValueError` when the text is not a ratio above zero.
    """
    ratio = _pair(text.strip()) or _decimal(text.strip())
    if ratio is None or ratio <= 0:
        raise ValueError(f"{text!r} is not a split ratio")
    return ratio.numerator, ratio.denominator


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator in [low, high], both above zero."""
    whole = low.numerator // low.denominator
    if whole == low:
        return low
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / simplest_between(1 / (high - whole), 1 / (low - whole))


def shortest_between(low: Fraction, high: Fraction) -> Decimal:
    """The decimal with the fewest digits behind the point in [low, high], the one nearest the middle."""
    middle = (low + high) / 2
    for digits in range(17):
        value = Fraction(round(middle * 10**digits), 10**digits)
        if low <= value <= high:
            break
    return Decimal(value.numerator * 10**digits // value.denominator).scaleb(-digits).normalize()


def _pair(text: str) -> Fraction | None:
    match = _PAIR.match(text)
    if match is None or Fraction(match[2]) == 0:
        return None
    return Fraction(match[1]) / Fraction(match[2])


def _decimal(text: str) -> Fraction | None:
    if not _DECIMAL.match(text):
        return None
    value, digits = Fraction(text), max(0, -int(Decimal(text).as_tuple().exponent))
    if value <= 0 or digits < 2:
        return value
    found = [one for one in (_simple(value, digits), _over_rounded(value, digits)) if one is not None]
    return min(found, key=lambda one: one.numerator * one.denominator, default=value.limit_denominator(10**9))


def _simple(value: Fraction, digits: int) -> Fraction | None:
    """The simplest fraction that is written as `value`, if so simple a one would hardly be found there by chance."""
    unit = max(Fraction(1, 10**digits), value * _NOISE if digits > 10 else Fraction(0))
    for step in range(1, min(_STEPS, int(10 ** (digits / 2)) + 1) + 1):
        found = value.limit_denominator(step)
        off, rarity = found - value, found.denominator**2
        rounded, cut = abs(off) * 2 <= unit, 0 < off < unit
        if (rounded or cut) and rarity <= 10 ** (digits - 1):
            return found
        # One share for many is what small decimals nearly always are, so less rarity will do.
        if rounded and found.numerator == 1 and rarity <= 10**digits:
            return found
    return None


def _over_rounded(value: Fraction, digits: int) -> Fraction | None:
    """The fraction of which `value` is one over the rounded decimal, such as 7.00000700001 = 1/0.142857."""
    for kept in range(3, digits + 1) if digits >= _TURNED else ():
        turned = round(1 / value, kept)
        if turned > 0 and abs(1 / turned - value) <= Fraction(1, 10**digits):
            back = _simple(turned, kept)
            return 1 / back if back else None
    return None
