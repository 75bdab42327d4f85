"""The command line about universes: members from a file, lists of symbols, yields and minute bars."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import orjson
import pytest
from command_line import run, run_all, tree

from minute_keep import MinuteKeep
from minute_rows import minute

MEMBERS = "symbol,start,end\nAAPL,2020-01-02,\nBRK B,2020-01-02,2023-05-01\n"


@pytest.fixture
def told(keep: Path) -> Path:
    """A keep that also holds members of an index of the user's own, and follows AAPL."""
    file = keep.with_name("members.csv")
    file.write_text(MEMBERS)
    taken, added = run_all(
        [["ingest", "--members", "own", file], ["add-symbol", "NVDA"]], settings={"MARKETKEEP_DATA": str(keep)}
    )
    assert taken.out.splitlines()[0] == "members.csv: 3 statements, 2 symbols"
    assert taken.out.splitlines()[-1] == "see them with: marketkeep members own"
    assert added.code == 0
    return keep


def test_members_from_a_file_are_listed(told: Path) -> None:
    """`members` lists those of a day, by default of the newest; `--intervals` lists all with their bounds."""
    commands = [
        ["members", "own", "--json"],
        ["members", "own", "--on", "2022-01-03", "--json"],
        ["members", "own", "--intervals", "--json"],
        ["members", "own", "--on", "2019-01-02"],
    ]
    newest, then, ever, none = run_all(commands, settings={"MARKETKEEP_DATA": str(told)})
    assert [row["symbol"] for row in orjson.loads(newest.raw)] == ["AAPL"]
    assert [row["symbol"] for row in orjson.loads(then.raw)] == ["AAPL", "BRK.B"]
    assert {row["symbol"]: row["to"] for row in orjson.loads(ever.raw)} == {"AAPL": None, "BRK.B": "2023-05-01"}
    assert none.out == "no member of own is known on that day\n"


def test_questions_that_cannot_be_answered(told: Path) -> None:
    """An unknown index, a bad date and a tenor not held end in one line that says what there is."""
    settings = {"MARKETKEEP_DATA": str(told)}
    run("members", "sp500", settings=settings).refused(1, "no members of the index sp500", "own")
    run("members", "own", "--on", "soon", settings=settings).refused(2, "on='soon'")
    run("yields", "--tenor", "9Y", settings=settings).refused(1, "no yields of tenor 9Y")


def test_bad_file_of_members_leaves_the_keep_alone(told: Path) -> None:
    """A file that cannot be read is refused with its line; nothing in the keep changes."""
    before = tree(told)
    file = told.with_name("bad.csv")
    file.write_text("symbol,start,end\nAAPL,2020-13-02,\n")
    settings = {"MARKETKEEP_DATA": str(told)}
    run("ingest", "--members", "own", file, settings=settings).refused(2, "bad.csv", "line 2")
    run("ingest", "--on", "2024-01-02", file, settings=settings).refused(2, "files of members only")
    assert tree(told) == before


def test_list_symbols_leaves_out_what_is_only_known(told: Path) -> None:
    """By default those followed or held; `--all` adds what a directory or a curve told of."""
    commands = [["list-symbols", "--json"], ["list-symbols", "--all", "--json"], ["list-symbols"]]
    some, every, table = run_all(commands, settings={"MARKETKEEP_DATA": str(told)})
    assert [row["symbol"] for row in orjson.loads(some.raw)] == ["AAPL", "MSFT", "NVDA"]
    assert len(orjson.loads(every.raw)) >= 3
    assert table.out.splitlines()[0].split()[:3] == ["symbol", "asset_class", "followed"]
    assert table.out.splitlines()[0].split()[-1] == "name"


def test_minute_bars_are_shown(tmp_path: Path) -> None:
    """`query --minute` shows minute bars, `--segment` those of one part of the session."""
    keep = MinuteKeep(tmp_path / "keep")
    day = date(2025, 1, 2)
    keep.take(minute(day, "08:15"), minute(day, "10:00"), minute(day, "10:01"), minute(day, "17:30"))
    settings = {"MARKETKEEP_DATA": str(keep.root)}
    every, regular = run_all(
        [
            ["query", "AAPL", "--minute", "--start", str(day), "--json"],
            ["query", "AAPL", "--segment", "regular", "--json"],
        ],
        settings=settings,
    )
    rows = orjson.loads(every.raw)
    assert {row["date"] for row in rows} == {str(day)}
    assert {row["segment"] for row in orjson.loads(regular.raw)} == {"regular"}
    assert (len(rows), len(orjson.loads(regular.raw))) == (4, 2)
