"""Engines: the same results in the same order, whoever does the pieces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pieces
import pytest
from pieces import Folder, die, refuse, square

from marketkeep.errors import CorruptFile, EngineFailed, NotFound
from marketkeep.pipeline.engine import Engine, LocalEngine
from marketkeep.pipeline.spark import SparkEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def workers(spark: SparkSession) -> SparkEngine:
    """The engine of Spark, its workers knowing the pieces."""
    spark.sparkContext.addPyFile(pieces.__file__)
    return SparkEngine(spark)


@pytest.fixture(params=["local", "spark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine there is."""
    if request.param == "local":
        return LocalEngine()
    found: SparkEngine = request.getfixturevalue("workers")
    return found


def test_results_come_in_the_order_of_items(engine: Engine, tmp_path: Path) -> None:
    """
    Every item is done once and its result comes in its place, also when there are more than fit under way.
    """
    assert list(engine.map(square, Folder(tmp_path), range(40))) == [n * n for n in range(40)]
    assert sorted(int(path.name) for path in tmp_path.glob("[0-9]*")) == list(range(40))


def test_no_items_give_no_results(engine: Engine, tmp_path: Path) -> None:
    """
    Nothing to do is done.
    """
    assert list(engine.map(square, Folder(tmp_path), [])) == []


def test_errors_of_a_piece_are_the_callers(engine: Engine, tmp_path: Path) -> None:
    """
    What a piece raises is raised in its turn, with its facts, after the results before it.
    """
    got: list[int] = []
    with pytest.raises(CorruptFile, match="three is corrupt: it is odd") as caught:
        got += engine.map(refuse, Folder(tmp_path), [2, 1, 3, 5])
    assert caught.value.reason == "it is odd"
    got = []
    results = engine.map(refuse, Folder(tmp_path), [2, 1, 5])
    assert next(results) == 2
    assert next(results) == 1
    with pytest.raises(NotFound, match=r"^five$"):
        next(results)


def test_what_workers_wrote_is_settled(workers: SparkEngine, tmp_path: Path) -> None:
    """
    A worker in another process settles what it wrote before its result comes; here nobody does it for the caller.
    """
    list(LocalEngine().map(square, Folder(tmp_path), range(3)))
    assert not list(tmp_path.glob("settled-*"))
    list(workers.map(square, Folder(tmp_path), range(3)))
    assert list(tmp_path.glob("settled-*"))


@pytest.mark.parametrize(("item", "told"), [(0, "ZeroDivisionError: nobody thought of it"), (1, "")])
def test_failure_of_a_worker_is_one_clear_error(workers: SparkEngine, tmp_path: Path, item: int, told: str) -> None:
    """
    A worker that is lost, or an error nobody foresaw, is one error in a line: what happened and what to do.
    """
    with pytest.raises(EngineFailed, match="run it again") as caught:
        list(workers.map(die, Folder(tmp_path), [item]))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_items_are_taken_as_they_are_needed(workers: SparkEngine, tmp_path: Path) -> None:
    """
    The driver holds a bounded number of items and results, however many there are.
    """
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    results = workers.map(square, Folder(tmp_path), items())
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    assert len(taken) < 64
    results.close()  # type: ignore[attr-defined]  # a generator
