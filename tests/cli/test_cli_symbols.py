"""Symbols that folders, shells and vendors trip over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import orjson
import pytest
from command_line import bars, run_all, tree

FRIDAY = date(2024, 1, 5)


@pytest.mark.parametrize(
    ("symbol", "folder", "spellings"),
    [("CON", "CON_", ["con"]), ("BRK.B", "BRK.B", ["brk-b", "BRK/B"]), ("BTC-USD", "BTC-USD", ["btc-usd"])],
)
def test_symbol_is_kept_and_found(empty: Path, symbol: str, folder: str, spellings: list[str]) -> None:
    """A device's name, a class of shares and a pair each have their folder and answer to other spellings."""
    file = empty.with_name("bars.csv")
    file.write_text(bars([symbol], count=10, start=FRIDAY))
    commands = [["ingest", file], ["coverage", "--json"], *(["query", spelling, "--json"] for spelling in spellings)]
    ingested, covered, *answers = run_all(commands, settings={"MARKETKEEP_DATA": str(empty)})
    assert (ingested.code, ingested.err) == (0, "")
    assert f"ticks/daily/{folder}/2024/ticks.json" in tree(empty)
    for answer in answers:
        rows = orjson.loads(answer.raw)
        assert {row["symbol"] for row in rows} == {symbol}
        assert len(rows) == 10
    assert orjson.loads(covered.raw)[0]["missing"] == 0
    assert ("2024-01-06" in {row["date"] for row in rows}) == (symbol == "BTC-USD")
