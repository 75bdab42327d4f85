"""Questions about daily bars on Spark: the answer is the one that polars gives, to the bit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import marketkeep
from going_keep import GoingKeep, member
from marketkeep.errors import BadRange, NotFound
from small_keep import sessions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DAYS = sessions("2022-11-01", 560)
TURN = next(day for day in DAYS if day.year == 2024)
EARLY = datetime(2025, 3, 17, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """
    Three symbols over four calendar years: AAPL with splits and dividends on many days, the turn of a year among them,
    GONE with a few, PLAIN with none; an index that they join and leave; and news that came a day later. The folder's
    name would be a pattern.
    """
    made = GoingKeep(tmp_path_factory.mktemp("spark") / "ke[e]p {a,b}")
    made.small.bars(*(_row(n, day) for n, day in enumerate(DAYS)), symbol="AAPL")
    made.small.bars(*((day, 7.77 + n % 13, 0.31 if n == 100 else 0.0) for n, day in enumerate(DAYS)), symbol="GONE")
    made.small.bars(*((day, 31.4 + n % 3) for n, day in enumerate(DAYS[200:])), symbol="PLAIN")
    told = [("AAPL", "added", DAYS[10]), ("GONE", "added", DAYS[20]), ("PLAIN", "added", DAYS[300])]
    told += [("AAPL", "removed", DAYS[400]), ("AAPL", "added", DAYS[450]), ("GONE", "removed", DAYS[TURN_AT])]
    made.receive("index_members", "csv", [member(*one) for one in told])
    made.publish()
    made.small.now += timedelta(days=1)
    made.small.bars((DAYS[-1], 99.5), symbol="PLAIN")
    return made.open()


TURN_AT = DAYS.index(TURN)


def _row(n: int, day: date) -> tuple[object, ...]:
    """A bar whose prices follow its splits: one of three for one, one of one for two, and dividends every 31 days."""
    scale = (1 / 3 if n >= 150 else 1.0) * (2.0 if n >= TURN_AT else 1.0)
    ratio = 3.0 if n == 150 else 0.5 if n == TURN_AT else 1.0
    dividend = 0.37 if n % 31 == 5 or n in {TURN_AT, 150} else 0.0
    return day, round((90 + n % 17 + n / 100) * scale, 4), dividend, ratio, 1000.0 + n


def frame(answer: DataFrame) -> pl.DataFrame:
    """What Spark found, in the order of the others."""
    found = pl.DataFrame(answer.toArrow())
    return found.sort([name for name in ("symbol", "date") if name in found.columns])


QUESTIONS: list[dict[str, Any]] = [
    {"symbols": "AAPL"},
    {"symbols": "AAPL", "adjust": "splits"},
    {"symbols": ["GONE", "AAPL"], "adjust": "all"},
    {"symbols": ["PLAIN", "AAPL"], "start": DAYS[140], "end": DAYS[160], "adjust": "all"},
    {"symbols": "AAPL", "start": TURN - timedelta(days=5), "end": TURN, "adjust": "splits"},
    {"symbols": "AAPL", "start": DAYS[-1] + timedelta(days=1), "adjust": "all"},
    {"symbols": "AAPL", "as_of": DAYS[149], "adjust": "all"},
    {"symbols": ["AAPL", "GONE"], "as_of": DAYS[200], "start": DAYS[90]},
    {"symbols": "PLAIN", "adjust": "all"},
    {"universe": "all", "adjust": "all"},
    {"universe": "all", "start": TURN, "fields": ["close"]},
    {"universe": "all", "fields": ["adj_close"], "end": TURN},
    {"universe": "all", "fields": ["volume", "source"], "adjust": "splits"},
    {"universe": "sp500"},
    {"universe": "sp500", "adjust": "all", "start": DAYS[390], "end": DAYS[460]},
    {"universe": "sp500", "symbols": ["AAPL", "PLAIN"], "as_of": DAYS[350], "fields": ["open", "adj_close"]},
    {"symbols": ["AAPL", "GONE", "PLAIN"], "recorded_by": EARLY, "adjust": "all"},
    {"universe": "all", "recorded_by": EARLY},
    {"universe": "sp500", "recorded_by": datetime(2030, 1, 1, tzinfo=UTC), "adjust": "splits", "fields": "close"},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=[str(n) for n in range(len(QUESTIONS))])
def test_answer_is_that_of_polars(spark: SparkSession, keep: marketkeep.Keep, question: dict[str, Any]) -> None:
    """
    Rows, columns, types and every bit of every number are those of the polars frame.
    """
    asked = keep.bars(**question)
    assert frame(asked.spark(spark)).equals(asked.polars(), null_equal=True)


def test_nothing_is_read_before_an_action(spark: SparkSession, keep: marketkeep.Keep) -> None:
    """
    Only the files of the years asked for are opened, with filters on symbol and date pushed down and no other column.
    """
    answer = keep.bars("AAPL", TURN, TURN + timedelta(days=9), fields="close", adjust="splits").spark(spark)
    plan = answer._jdf.queryExecution().toString()  # type: ignore[operator]
    assert "year=2023" not in plan
    assert "EqualTo(symbol,AAPL)" in plan or "In(symbol, [AAPL])" in plan
    assert "GreaterThanOrEqual(date,2024-01-02)" in plan
    assert "ReadSchema: struct<symbol:string,date:date,close:double>" in plan


def test_wrong_questions_are_told_as_elsewhere(spark: SparkSession, keep: marketkeep.Keep) -> None:
    """
    A symbol that is not held and a reversed range are refused at once.
    """
    with pytest.raises(NotFound, match="NOBODY: no bars held"):
        keep.bars("NOBODY").spark(spark)
    with pytest.raises(NotFound, match="AAPL: no bars through 1999-12-31"):
        keep.bars("AAPL", "1999-01-01", "1999-12-31").spark(spark)
    with pytest.raises(BadRange):
        keep.bars("AAPL", DAYS[5], DAYS[1]).spark(spark)
    with pytest.raises(NotFound, match="sp500: GONE was a member"):
        keep.bars("GONE", TURN, universe="sp500").spark(spark)


def test_many_symbols_are_joined(spark: SparkSession, keep: marketkeep.Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    More symbols than a filter can name are looked up instead; the answer is the same.
    """
    monkeypatch.setattr("marketkeep.query.spark._MOST_NAMED", 1)
    asked = keep.bars(["AAPL", "PLAIN"], adjust="all")
    assert frame(asked.spark(spark)).equals(asked.polars())


def test_workers_read_where_spark_cannot(
    spark: SparkSession, keep: marketkeep.Keep, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    Where Spark has no way to the files its workers read them through ours, to the same answer.
    """
    from marketkeep.query import spark_panel

    monkeypatch.setattr(spark_panel, "_reaches", lambda *_: False)
    for question in ({"universe": "all", "adjust": "all"}, {"symbols": "AAPL", "start": TURN, "fields": ["high"]}):
        asked = keep.bars(**question)
        assert frame(asked.spark(spark)).equals(asked.polars())
