"""Questions about minute bars on Spark: the answer is the one that polars gives, to the bit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import marketkeep
from marketkeep.errors import NotFound
from minute_keep import MinuteKeep
from minute_rows import minute
from small_keep import sessions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DAYS = sessions("2024-11-25", 30)
HALF = date(2024, 11, 29)
"""The day after Thanksgiving: New York closes at 13:00."""
SPLIT = DAYS[12]
CLOCKS = ["04:00", "09:29", "09:30", "09:31", "10:07", "12:59", "13:00", "15:59", "16:00", "19:59"]


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """AAPL with a split in December, and its daily bars; B without daily bars; two months and a few days of a third."""
    made = MinuteKeep(tmp_path_factory.mktemp("minutes") / "keep")
    made.days({day: 300.0 if day < SPLIT else 100.0 for day in DAYS})
    made.split(SPLIT, 3)
    for symbol in ("AAPL", "B"):
        rows = [
            minute(day, clock, price(n, m, day, symbol), symbol=symbol, volume=100.0 + m, vwap=None if m == 4 else 9.9)
            for n, day in enumerate(DAYS)
            for m, clock in enumerate(CLOCKS)
        ]
        made.take(*rows)
    return made.open()


def price(n: int, m: int, day: date, symbol: str) -> float:
    """A price near that of the day."""
    return round((300.0 if day < SPLIT and symbol == "AAPL" else 100.0) + n / 7 + m / 3, 4)


def frame(answer: DataFrame) -> pl.DataFrame:
    """What Spark found, in the order and the clock of the others."""
    found = pl.DataFrame(answer.toArrow())
    times = [name for name, kind in found.schema.items() if kind == pl.Datetime]
    return found.with_columns(pl.col(times).dt.convert_time_zone("UTC")).sort("symbol", "ts")


QUESTIONS: list[dict[str, Any]] = [
    {"symbols": ["B", "AAPL"]},
    {"symbols": "AAPL", "adjust": "splits", "start": DAYS[8], "end": DAYS[16]},
    {"symbols": "AAPL", "adjust": "all", "segment": "regular"},
    {"symbols": ["AAPL", "B"], "as_of": datetime(2024, 12, 3, 14, 31, tzinfo=UTC)},
    {"symbols": "AAPL", "as_of": DAYS[10], "adjust": "splits"},
    {"symbols": "AAPL", "start": HALF, "end": HALF, "segment": "post"},
    {"symbols": ["AAPL", "B"], "every": "5m", "adjust": "splits"},
    {"symbols": "AAPL", "every": "1h", "end": HALF},
    {"symbols": "AAPL", "every": "session", "segment": "regular", "fields": ["vwap", "minutes"]},
    {"symbols": "B", "fields": "close", "recorded_by": datetime(2030, 1, 1, tzinfo=UTC)},
    {"symbols": ["AAPL", "B"], "recorded_by": datetime(2030, 1, 1, tzinfo=UTC), "adjust": "splits"},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=[str(n) for n in range(len(QUESTIONS))])
def test_answer_is_that_of_polars(spark: SparkSession, keep: marketkeep.Keep, question: dict[str, Any]) -> None:
    """
    Rows, columns, types and every bit of every number are those of the polars frame.
    """
    asked = keep.minute_bars(**question)
    assert frame(asked.spark(spark)).equals(asked.polars(), null_equal=True)


def test_wrong_questions_are_told_as_elsewhere(spark: SparkSession, keep: marketkeep.Keep) -> None:
    """
    A symbol without minutes is refused at once.
    """
    with pytest.raises(NotFound, match="NOBODY: no minute bars held"):
        keep.minute_bars("NOBODY").spark(spark)


def test_adjusting_without_a_factor_is_refused(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> None:
    """
    Where an action has no factor for want of daily bars, no price is told that would be wrong.
    """
    made = MinuteKeep(tmp_path_factory.mktemp("unfounded") / "keep")
    made.take(*(minute(day, "10:00", 10.0) for day in DAYS[:6]))
    made.split(DAYS[3], 2)
    asked = made.open().minute_bars("AAPL", adjust="splits")
    with pytest.raises(NotFound, match="the split of 2024-11-29 has no factor"):
        asked.polars()
    with pytest.raises(NotFound, match="the split of 2024-11-29 has no factor"):
        asked.spark(spark)
    assert asked.adjusted("none").spark(spark).count() == 6
