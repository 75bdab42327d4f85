"""The command line's export: what it writes, tells and refuses."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl
import pytest
from command_line import run, run_all, tree

import marketkeep


@pytest.mark.parametrize("form", ["csv", "parquet", "qlib", "lean", "zipline", "nautilus"])
def test_every_form_is_written(built: Path, tmp_path: Path, form: str) -> None:
    """Each form goes into a folder that names itself, one line tells how much it was, notes go to standard error."""
    done = run("export", "--to", form, "--universe", "all", "--data", built, tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out == f"40 bars of 2 symbols written to {tmp_path / 'out'}\n"
    assert all(line.startswith("note: ") for line in done.err.splitlines())
    assert orjson.loads((tmp_path / "out/export.json").read_bytes())["form"] == form


def test_symbols_range_and_adjustment(built: Path, tmp_path: Path) -> None:
    """Symbols stand behind one option with commas or behind several, the range has both ends, prices are adjusted."""
    settings = {"MARKETKEEP_DATA": str(built)}
    common = ["export", "--to", "parquet", "--start", "2024-01-05", "--end", "2024-01-10", "--adjust", "all"]
    together, apart = run_all(
        [
            [*common, "--symbols", "aapl, MSFT", tmp_path / "together"],
            [*common, "--symbols", "AAPL", "--symbols", "MSFT", tmp_path / "apart"],
        ],
        settings=settings,
    )
    assert (together.code, apart.code) == (0, 0)
    read = pl.read_parquet(tmp_path / "together/daily_bars.parquet")
    bars = marketkeep.open(built).bars(["AAPL", "MSFT"], "2024-01-05", "2024-01-10", adjust="all").polars()
    assert read.equals(bars)
    assert tree(tmp_path / "together") == tree(tmp_path / "apart")


def test_what_is_refused(built: Path, empty: Path, tmp_path: Path) -> None:
    """What cannot be exported is one line that says what to do, and no folder is made."""
    out = tmp_path / "out"
    common = ["export", "--data", built]
    for code, says, arguments in (
        (2, "symbols, or a universe", ["--to", "csv", out]),
        (2, "--to", ["--universe", "all", out]),
        (2, "'sas' is not one of", ["--to", "sas", "--universe", "all", out]),
        (2, "applies splits and dividends itself", ["--to", "lean", "--adjust", "all", "--universe", "all", out]),
        (2, "holds something else", ["--to", "csv", "--universe", "all", built]),
        (1, "no members of the index sp500", ["--to", "csv", "--universe", "sp500", out]),
        (1, "NOSUCH", ["--to", "csv", "--symbols", "NOSUCH", out]),
    ):
        run(*common, *arguments).refused(code, says)
    run("export", "--data", empty, "--to", "csv", "--universe", "all", out).refused(1, "nothing to export")
    assert not out.exists()
