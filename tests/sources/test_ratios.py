"""Split ratios: exact from whatever a vendor rounded (traps 34 and 66)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.sources.ratios import exact_ratio, shortest_between, simplest_between


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("7:1", (7, 1)),
        ("7/1", (7, 1)),
        ("7 for 1", (7, 1)),
        ("7-for-1", (7, 1)),
        ("1:8", (1, 8)),
        ("1046:1000", (523, 500)),
        ("2.5:1", (5, 2)),
        ("7", (7, 1)),
        ("7.0", (7, 1)),
        ("7.00000700001", (7, 1)),
        ("6.999999999999999", (7, 1)),
        ("3.00003", (3, 1)),
        ("0.3333", (1, 3)),
        ("0.33", (1, 3)),
        ("0.6666", (2, 3)),
        ("0.142857", (1, 7)),
        ("0.0667", (1, 15)),
        ("1.5", (3, 2)),
        ("0.1", (1, 10)),
        ("0.05", (1, 20)),
        ("0.0001", (1, 10_000)),
        ("1.046", (523, 500)),
        ("1.0027455", (2_005_491, 2_000_000)),
        (" 5e-1 ", (1, 2)),
    ],
)
def test_known_texts(text: str, ratio: tuple[int, int]) -> None:
    """
    What vendors write is read as the ratio that was meant.
    """
    assert exact_ratio(text) == ratio


@pytest.mark.parametrize("text", ["", "x", "0", "0.0", "-2", "1:0", "0:1", "nan", "inf", "1:2:3", "1e400", "7 by 1"])
def test_what_is_no_ratio_is_refused(text: str) -> None:
    """
    Nothing but a positive ratio is read.
    """
    with pytest.raises(ValueError, match="is not a split ratio"):
        exact_ratio(text)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from([":", "/", " for ", "-for-", " to "]))
def test_a_pair_is_exact(new: int, old: int, between: str) -> None:
    """
    A ratio written as a pair is that ratio in lowest terms, however odd.
    """
    assert Fraction(*exact_ratio(f"{new}{between}{old}")) == Fraction(new, old)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(5, 12))
def test_a_rounded_ratio_comes_back(new: int, old: int, digits: int) -> None:
    """
    A ratio of numbers up to 60, rounded to five digits or more, is found again.
    """
    ratio = Fraction(new, old)
    assert exact_ratio(f"{new / old:.{digits}f}") == (ratio.numerator, ratio.denominator)


@given(st.integers(2, 99))
def test_a_float_comes_back(old: int) -> None:
    """
    A ratio printed with all digits of a float is found again.
    """
    assert exact_ratio(repr(1 / old)) == (1, old)


@given(st.integers(2, 21), st.integers(5, 7))
def test_one_over_a_rounded_decimal_comes_back(new: int, digits: int) -> None:
    """
    A forward split that a vendor computed as 1 over a rounded decimal is found again.
    """
    assert exact_ratio(f"{1 / round(1 / new, digits):.11f}") == (new, 1)


@given(st.decimals(Decimal("0.0001"), Decimal(9999), allow_nan=False, places=4))
def test_the_ratio_is_never_further_than_the_written_digits(value: Decimal) -> None:
    """
    Whatever fraction is found, it is within one unit of the last digit written.
    """
    assert abs(Fraction(*exact_ratio(str(value))) - Fraction(value)) < Fraction(1, 10_000)


@given(st.fractions(Fraction(1, 999), 999, max_denominator=999), st.fractions(Fraction(1, 10**7), Fraction(1, 10)))
def test_the_simplest_fraction_lies_in_its_interval(middle: Fraction, width: Fraction) -> None:
    """
    The simplest fraction is inside, and no other inside has a smaller denominator.
    """
    low, high = middle, middle + width
    found = simplest_between(low, high)
    assert low <= found <= high
    assert found.denominator <= middle.denominator


def test_the_shortest_decimal_is_the_one_nearest_the_middle() -> None:
    """
    A dividend is the decimal with the fewest digits that fits.
    """
    assert shortest_between(Fraction("2.6499991"), Fraction("2.6500002")) == Decimal("2.65")
    assert shortest_between(Fraction("0.75"), Fraction("3.2")) == Decimal(2)
