"""Asking for rows on the command line: sql, and what query can be told of fields, universes and plans."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from command_line import Ended, run_all

NOT_HELD = "no session in this range is held; see: marketkeep coverage\n"
QUERY = "select symbol, count(*) as days, max(close) as most from daily_bars group by symbol order by symbol"


@pytest.fixture(scope="module")
def ask(built: Path):  # type: ignore[no-untyped-def]
    """Runs commands over the keep of AAPL and MSFT."""

    def asked(*commands: list[str]) -> list[Ended]:
        return run_all([[*command, "--data", str(built)] for command in commands])

    return asked


def test_sql_prints_a_table_or_json(ask) -> None:  # type: ignore[no-untyped-def]
    """
    An answer is a table for people and, with --json, an array of records; one without rows says so.
    """
    table, told, none = ask(["sql", QUERY], ["sql", QUERY, "--json"], ["sql", f"{QUERY} limit 0"])
    assert [line.split() for line in table.out.splitlines()] == [
        ["symbol", "days", "most"],
        ["AAPL", "20", "119.25"],
        ["MSFT", "20", "119.25"],
    ]
    assert json.loads(told.out)[1] == {"symbol": "MSFT", "days": 20, "most": 119.25}
    assert (none.code, none.out) == (0, "no rows\n")


def test_sql_binds_parameters_and_clocks(ask) -> None:  # type: ignore[no-untyped-def]
    """
    --param binds $name, a number as one; --as-of leaves out what came later.
    """
    count = "select count(*) as n from daily_bars where symbol = $symbol and close > $least"
    bound, known = ask(
        ["sql", count, "--param", "symbol=AAPL", "--param", "least=118", "--json"],
        ["sql", "select max(date) as last from daily_bars", "--as-of", "2024-01-05", "--json"],
    )
    assert json.loads(bound.out) == [{"n": 2}]
    assert json.loads(known.out) == [{"last": "2024-01-05"}]


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_answers_are_written(ask, tmp_path: Path, form: str) -> None:  # type: ignore[no-untyped-def]
    """
    --out writes the answer to a file of the form its name ends in, and says how many rows it has.
    """
    rows, bars = tmp_path / f"rows.{form}", tmp_path / f"bars.{form}"
    told, asked = ask(
        ["sql", QUERY, "--out", str(rows)],
        ["query", "--universe", "all", "--fields", "close,volume", "--out", str(bars)],
    )
    assert told.out == f"2 rows written to {rows}\n"
    assert asked.out == f"40 bars written to {bars}\n"
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[form]
    assert read(rows)["symbol"].to_list() == ["AAPL", "MSFT"]
    assert read(bars).columns == ["symbol", "date", "close", "volume"]


def test_query_takes_fields_and_everything(ask) -> None:  # type: ignore[no-untyped-def]
    """
    --fields keeps columns and --universe all asks for every symbol held.
    """
    [told] = ask(["query", "--universe", "all", "--fields", "close", "--start", "2024-01-02", "--end", "2024-01-02"])
    assert [line.split() for line in told.out.splitlines()] == [
        ["symbol", "date", "close"],
        ["AAPL", "2024-01-02", "100.25"],
        ["MSFT", "2024-01-02", "100.25"],
    ]


def test_plans_are_told_in_words(ask) -> None:  # type: ignore[no-untyped-def]
    """
    --explain-plan tells what would be read and why, and shows no bar.
    """
    [told] = ask(["query", "AAPL", "--fields", "close", "--explain-plan"])
    assert told.out.startswith("Reads ")
    assert "Columns: symbol, date, close.\n" in told.out
    assert "100.25" not in told.out


def test_wrong_questions_end_with_their_code(ask) -> None:  # type: ignore[no-untyped-def]
    """
    A question that cannot be right ends with 2, one that nothing held answers with 1, each with one line.
    """
    wrong = {
        ("query", "AAPL", "--fields", "clos"): "daily bars have no field 'clos'; did you mean close or adj_close?",
        ("query", "AAPL", "--fields", ","): "no field was given; name some of symbol, date, open",
        ("query",): "name the symbols to show, or an index with --universe. See: marketkeep query --help",
        ("query", "AAPL", "--start", "2024-01-02T10:00:00Z"): "is not a date; write it as YYYY-MM-DD",
        ("query", "AAPL", "--start", "2204-01-02"): "lies behind the last session that is known to come",
        (
            "query",
            "AAPL",
            "--start",
            "2024-01-09",
            "--as-of",
            "2024-01-08",
        ): "as_of=2024-01-08 lies before start=2024-01-09",
        ("query", "AAPL", "--out", "bars.xls"): "--out bars.xls: the name must end in .csv, .parquet, .json",
        ("query", "AAPL", "--every", "2h"): "'2h' is not one of '5m', '15m', '30m', '1h', 'session'",
        ("sql", "delete from daily_bars"): "a keep is read-only: DELETE is refused.",
        ("sql", "select * from daily_bar"): "there is no table 'daily_bar'; did you mean daily_bars?",
        ("sql", "select * from read_csv('/etc/passwd')"): "It reads the keep's tables and nothing else.",
        ("sql", "select 1", "--param", "x"): "--param 'x' is not NAME=VALUE, such as --param symbol=AAPL",
        ("sql", "select $x"): "Values were not provided",
        ("sql", ""): "the query is empty; give one SELECT",
    }
    nothing = {
        (
            "query",
            "AAPL",
            "--end",
            "2008-12-31",
        ): "AAPL: no bars through 2008-12-31; the first session held is 2024-01-02.",
        ("query", "NONE"): "NONE: no bars held",
        ("query", "--universe", "sp50"): "this keep has no members of the index sp50; it has those of: none",
    }
    for code, asked in ((2, wrong), (1, nothing)):
        for ended, says in zip(ask(*map(list, asked)), asked.values(), strict=True):
            ended.refused(code, says)


def test_nothing_in_a_range_is_said_beside_the_answer(ask) -> None:  # type: ignore[no-untyped-def]
    """
    A range between sessions is no error: an answer without rows, and a line that says so.
    """
    [told] = ask(["query", "AAPL", "--start", "2024-01-06", "--end", "2024-01-07", "--json"])
    assert (told.code, told.out, told.err) == (0, "[]\n", NOT_HELD)
