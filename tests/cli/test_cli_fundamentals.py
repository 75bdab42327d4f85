"""The command that shows a company's figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run

from fact_keep import FactKeep
from fact_rows import year


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A keep with a year of revenue."""
    keep = FactKeep(tmp_path / "keep")
    keep.take("facts", year("Revenues", 2023, (5, 6, 7, 8)))
    keep.publish()
    return keep.root


def test_figures_as_a_table_and_as_json(root: Path) -> None:
    """A table for people, one record a figure for programs, both of the metrics and periods asked for."""
    asked = ("fundamentals", "made", "--metric", "revenue", "--metric", "net_income", "--period", "quarter")
    table = run(*asked, "--as-of", "2023-08-15", "--data", root)
    lines = table.out.splitlines()
    assert (table.code, len(lines)) == (0, 3)
    assert lines[0].split()[:6] == ["symbol", "metric", "period", "period_end", "value", "unit"]
    assert lines[2].split()[:6] == ["MADE", "revenue", "Q2", "2023-06-30", "6", "USD"]
    told = json.loads(run(*asked, "--json", "--data", root).out)
    assert [(one["period"], one["value"], one["derived"]) for one in told] == [
        ("Q1", 5.0, None),
        ("Q2", 6.0, None),
        ("Q3", 7.0, None),
        ("Q4", 8.0, "FY-9M"),
    ]
    assert told[3]["available_at"] == "2024-02-21T14:30:00+00:00"


def test_nothing_in_the_periods_asked_for(root: Path) -> None:
    """A question without an answer says so, and is an empty array for programs."""
    asked = ("fundamentals", "MADE", "--end", "2020-01-01", "--data", root)
    assert run(*asked).out == "no figures are held of these periods\n"
    assert json.loads(run(*asked, "--json").out) == []


def test_misuse_is_told_in_one_line(root: Path) -> None:
    """An unknown metric names the nearest; a symbol without figures and a bad date say what is wrong."""
    run("fundamentals", "MADE", "--metric", "revenu", "--data", root).refused(2, "'revenu'", "did you mean revenue")
    run("fundamentals", "NONE", "--data", root).refused(1, "NONE: no fundamentals held")
    run("fundamentals", "MADE", "--as-of", "May 2020", "--data", root).refused(2, "as_of='May 2020' is not a time")
