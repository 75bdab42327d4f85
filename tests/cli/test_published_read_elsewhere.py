"""Published files are read as they are by the tools that people have."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from command_line import ticks

import marketkeep


@pytest.fixture(scope="module")
def expected(built: Path) -> pl.DataFrame:
    """AAPL's bars as marketkeep reads them."""
    return marketkeep.open(built).bars("AAPL").polars()


def test_pandas(built: Path, expected: pl.DataFrame) -> None:
    """pandas.read_json gives every row, with dates and numbers."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_json(ticks(built, "AAPL"))
    assert list(frame.columns) == expected.columns
    assert frame["close"].tolist() == expected["close"].to_list()
    assert frame["adj_close"].tolist() == pytest.approx(expected["adj_close"].to_list(), rel=1e-12)
    assert [day.date() for day in frame["date"]] == expected["date"].to_list()
    actions = pandas.read_json(built / "corporate_actions" / "AAPL" / "actions.json")
    assert actions["amount"].tolist() == [0.24]


def test_duckdb(built: Path, expected: pl.DataFrame) -> None:
    """DuckDB's read_json gives the same rows in the same types."""
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.read_json(str(ticks(built, "AAPL"))).order("date").fetchall()
    assert rows == expected.rows()
    actions = duckdb.read_json(f"{built}/corporate_actions/*/actions.json")
    assert actions.project("ex_date::varchar, amount").fetchall() == [("2024-01-12", 0.24)]


def test_polars(built: Path, expected: pl.DataFrame) -> None:
    """polars.read_json gives the same rows; dates are text until they are asked to be dates."""
    frame = pl.read_json(ticks(built, "AAPL")).with_columns(pl.col("date").str.to_date())
    assert frame.cast(dict(expected.schema)).equals(expected)
    assert pl.read_json(built / "corporate_actions" / "AAPL" / "actions.json")["ex_date"].to_list() == ["2024-01-12"]


def test_jq(built: Path, expected: pl.DataFrame) -> None:
    """jq reads them, and each record stands on a line of its own."""
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    file = ticks(built, "AAPL")
    done = subprocess.run(["jq", ".[].close", file], capture_output=True, text=True, check=True)
    assert [float(line) for line in done.stdout.split()] == expected["close"].to_list()
    assert len(file.read_text().splitlines()) == expected.height + 2
