"""Answers that are kept: the same frame for the same question, the least used let go of first, never too many bytes."""

from __future__ import annotations

import polars as pl
import pytest

from marketkeep.errors import BadInput
from marketkeep.query.result_cache import ResultCache


def frame(rows: int) -> pl.DataFrame:
    """A frame of eight bytes a row."""
    return pl.DataFrame({"n": pl.Series(range(rows), dtype=pl.Int64)})


def test_a_question_is_answered_once() -> None:
    """
    The second who asks gets the frame of the first.
    """
    cache, read = ResultCache(1000), []
    for _ in range(2):
        found = cache.answer("q", lambda: read.append(1) or frame(10))  # type: ignore[func-returns-value]
    assert read == [1]
    assert cache.answer("q", lambda: frame(1)) is found
    assert cache.bytes == 80


def test_the_least_used_goes_first() -> None:
    """
    Beyond the limit what was asked for longest ago is let go of.
    """
    cache = ResultCache(200)
    one = cache.answer("one", lambda: frame(10))
    cache.answer("two", lambda: frame(10))
    assert cache.answer("one", lambda: frame(1)) is one
    cache.answer("three", lambda: frame(10))
    assert cache.bytes == 160
    assert cache.answer("one", lambda: frame(1)) is one
    assert len(cache.answer("two", lambda: frame(3))) == 3


def test_what_is_too_large_is_not_kept() -> None:
    """
    An answer beyond the limit alone is handed out and forgotten, and drives nothing out.
    """
    cache = ResultCache(100)
    cache.answer("small", lambda: frame(10))
    assert len(cache.answer("large", lambda: frame(100))) == 100
    assert cache.bytes == 80


def test_the_limit_can_be_changed() -> None:
    """
    A lower limit lets go at once; a negative one is refused; 0 keeps nothing.
    """
    cache = ResultCache(1000)
    cache.answer("q", lambda: frame(10))
    cache.limited(0)
    assert cache.bytes == 0
    cache.answer("q", lambda: frame(10))
    assert cache.bytes == 0
    with pytest.raises(BadInput, match="-1 bytes"):
        cache.limited(-1)


def test_an_error_is_not_kept() -> None:
    """
    A question that failed is asked again.
    """
    cache = ResultCache(1000)
    with pytest.raises(ZeroDivisionError):
        cache.answer("q", lambda: frame(1 // 0))
    assert len(cache.answer("q", lambda: frame(2))) == 2
