"""`corporate-actions`: what each source told, what witnesses measured, and the verdict, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from command_line import Ended, run, run_all

import marketkeep

ASKED = {
    "all": ["corporate-actions"],
    "json": ["corporate-actions", "--json"],
    "named": ["corporate-actions", "aapl"],
    "none": ["corporate-actions", "MSFT"],
    "none-json": ["corporate-actions", "MSFT", "--json"],
    "phantom": ["corporate-actions", "--status", "phantom"],
    "two": ["corporate-actions", "--status", "single", "--status", "disputed"],
    "early": ["corporate-actions", "--as-of", "2024-01-11"],
    "unknown": ["corporate-actions", "ZZZZ"],
    "verdict": ["corporate-actions", "--status", "guilty"],
}


@pytest.fixture(scope="module")
def answers(built: Path) -> dict[str, Ended]:
    """The answers to all that is asked here."""
    ended = run_all(ASKED.values(), settings={"MARKETKEEP_DATA": str(built)})
    return dict(zip(ASKED, ended, strict=True))


def test_table_names_claims_and_verdict(answers: dict[str, Ended]) -> None:
    """The table has a line an action: value, factor, verdict, who told it and what witnesses say."""
    head, row = answers["all"].out.splitlines()
    assert head.split() == ["symbol", "ex_date", "kind", "value", "factor", "status", "evidence"]
    assert row.split()[:4] == ["AAPL", "2024-01-12", "dividend", "0.24"]
    assert "csv=0.24 (as_traded)" in row
    assert answers["named"].out == answers["all"].out


def test_json_is_the_published_table(answers: dict[str, Ended], built: Path) -> None:
    """`--json` gives every column of the published table, as Python does."""
    expected = marketkeep.open(built).actions("AAPL").to_dicts()
    told = orjson.loads(answers["json"].raw)
    assert [{**row, "ex_date": str(row["ex_date"])} for row in expected] == told


def test_nothing_to_show_is_an_answer(answers: dict[str, Ended]) -> None:
    """No action of that symbol, verdict or time is told in a line, or an empty array."""
    for name in ("none", "phantom", "early"):
        assert (answers[name].code, answers[name].err) == (0, "")
    assert answers["none"].out == "no such corporate actions are held\n"
    assert answers["none-json"].out == "[]\n"
    assert answers["two"].out == answers["all"].out


def test_misuse_is_refused(answers: dict[str, Ended]) -> None:
    """A symbol that the keep never heard of and a verdict that there is not are refused in one line."""
    answers["unknown"].refused(1, "ZZZZ", "list-symbols")
    answers["verdict"].refused(2, "guilty")


def test_empty_keep_has_none(empty: Path) -> None:
    """A keep without actions says so."""
    assert run("corporate-actions", "--data", empty).out == "no corporate actions are held yet\n"
