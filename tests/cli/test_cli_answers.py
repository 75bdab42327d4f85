"""What the reading commands answer: the same bars in every form, payloads to the byte, exit codes for findings."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import orjson
import polars as pl
import pytest
from command_line import Ended, bars, run, run_all

import marketkeep
from marketkeep.stores.lake import layout

ASKED = {
    "json": ["query", "AAPL", "MSFT", "--adjust", "all", "--json"],
    "table": ["query", "AAPL", "MSFT", "--adjust", "all"],
    "nothing": ["query", "AAPL", "--start", "2025-01-02", "--json"],
    "version": ["--version"],
    "bare": [],
    "proof": ["explain", "AAPL", "2024-01-11", "adj_close"],
    "proof-json": ["explain", "AAPL", "2024-01-11", "adj_close", "--json"],
    "issues": ["view-issues"],
    "symbols": ["list-symbols", "--json"],
}


@pytest.fixture(scope="module")
def answers(built: Path) -> dict[str, Ended]:
    """The answers to all that is asked here."""
    ended = run_all(ASKED.values(), settings={"MARKETKEEP_DATA": str(built)})
    return dict(zip(ASKED, ended, strict=True))


@pytest.fixture(scope="module")
def expected(built: Path) -> pl.DataFrame:
    """The bars asked for, from Python."""
    return marketkeep.open(built).bars(["AAPL", "MSFT"], adjust="all").polars()


def test_json_is_the_frame(answers: dict[str, Ended], expected: pl.DataFrame) -> None:
    """`query --json` is one JSON array with a record a line, equal to the frame that Python gets."""
    assert (answers["json"].code, answers["json"].err) == (0, "")
    told = pl.DataFrame(orjson.loads(answers["json"].raw)).with_columns(pl.col("date").str.to_date())
    assert told.cast(dict(expected.schema)).equals(expected)
    assert answers["json"].out.count("\n") == expected.height + 2


def test_piped_table_is_whole(answers: dict[str, Ended], expected: pl.DataFrame) -> None:
    """A table in a pipe has every row and column, aligned, nothing cut."""
    head, *rows = answers["table"].out.splitlines()
    assert head.split() == expected.columns
    assert [tuple(row.split()[:2]) for row in rows] == [
        (symbol, str(day)) for symbol, day in expected.select("symbol", "date").rows()
    ]
    assert {len(row.split()) for row in rows} == {len(expected.columns)}
    assert "…" not in answers["table"].out


def test_no_rows_are_an_empty_array(answers: dict[str, Ended]) -> None:
    """A range without bars is an empty answer, with a word about it on standard error."""
    assert (answers["nothing"].code, answers["nothing"].out) == (0, "[]\n")
    assert "coverage" in answers["nothing"].err


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_written_file_is_the_frame(built: Path, tmp_path: Path, expected: pl.DataFrame, form: str) -> None:
    """`--out` writes the very rows that the table shows, in each of its forms."""
    target = tmp_path / f"bars.{form}"
    done = run("query", "AAPL", "MSFT", "--adjust", "all", "--out", target, "--data", built)
    assert (done.code, done.out) == (0, f"40 bars written to {target}\n")
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[form](target)
    dates = read.with_columns(pl.col("date").cast(pl.String).str.to_date())
    assert dates.cast(dict(expected.schema)).equals(expected)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_bare_command_shows_where_to_begin(answers: dict[str, Ended]) -> None:
    """Without arguments the help comes, with the commands under headings; `--version` tells the version."""
    assert answers["bare"].code == answers["version"].code == 0
    assert "Begin:" in answers["bare"].out
    assert "marketkeep demo" in answers["bare"].out
    assert answers["version"].out == f"marketkeep {marketkeep.__version__}\n"


def test_proof_reads_to_its_end(answers: dict[str, Ended]) -> None:
    """`explain` shows candidate, payload, each factor and a product that is what is served, within 100 columns."""
    proof, told = answers["proof"], orjson.loads(answers["proof-json"].raw)
    assert proof.code == 0
    assert [line for line in proof.out.splitlines() if len(line) > 100] == []
    assert told["candidates"][0]["digest"] in proof.out
    assert "dividend 0.24" in proof.out
    assert f"= {told['value']:,.12g}, which is what is served" in proof.out


def test_proof_that_does_not_come_out_says_so(keep: Path) -> None:
    """A published value that its own proof does not give is pointed out."""
    file = keep / layout.ticks("AAPL", 2024)
    row = next(line for line in file.read_text().splitlines() if '"date":"2024-01-11"' in line)
    told = orjson.loads(row.rstrip(","))["adj_close"]
    file.write_text(file.read_text().replace(row, row.replace(f'"adj_close":{told}', '"adj_close":50.5')))
    done = run("explain", "AAPL", "2024-01-11", "adj_close", "--data", keep)
    assert "but 50.5 is served" in done.out


def test_issues_end_with_one_only_for_errors(built: Path, keep: Path, answers: dict[str, Ended]) -> None:
    """`view-issues` ends with 0 when all is well or only a session is missing, with 1 when an error stands."""
    assert (answers["issues"].code, answers["issues"].out) == (0, "no open issues\n")
    lines = bars(["AMD"]).splitlines()
    good = keep.with_name("hole.csv")
    good.write_text("\n".join(lines[:5] + lines[6:]))
    bad = keep.with_name("bad.csv")
    bad.write_text(bars(["TSLA"]).replace(",101.5,", ",1,", 1))
    asked = (["ingest", good], ["view-issues", "--json"], ["ingest", bad], ["view-issues"], ["view-issues", "--all"])
    _, hole, _, wrong, ever = run_all(asked, settings={"MARKETKEEP_DATA": str(keep)})
    assert (hole.code, [row["check"] for row in orjson.loads(hole.raw)]) == (0, ["gap"])
    assert wrong.code == 1
    assert "TSLA" in wrong.out
    assert ever.code == 1
    assert "TSLA" in ever.out


def test_payload_is_shown_to_the_byte(built: Path, answers: dict[str, Ended]) -> None:
    """`landing show` prints the very bytes of the file that was taken in; `--facts` says where they came from."""
    digest = orjson.loads(answers["proof-json"].raw)["candidates"][0]["digest"]
    assert run("landing", "show", digest, "--data", built).raw == (built.parent / "aapl.csv").read_bytes()
    facts = orjson.loads(run("landing", "show", digest, "--facts", "--data", built).raw)
    assert "aapl.csv" in str(facts)


def test_same_file_twice(keep: Path, built: Path) -> None:
    """A file that is held already says so and adds no row; neither file nor batch is written for it."""
    before = {path: path.read_bytes() for path in (keep / "raw").rglob("*.parquet")}
    done = run("ingest", built.parent / "msft.csv", "--data", keep)
    assert (done.code, done.err) == (0, "")
    assert "msft.csv: already held" in done.out
    assert {path: path.read_bytes() for path in (keep / "raw").rglob("*.parquet")} == before


def test_file_whose_batch_is_damaged_comes_back(keep: Path, built: Path) -> None:
    """The same file again brings back what a damaged batch held."""
    batch = next((keep / "raw" / "daily_bars").rglob("*.parquet"))
    batch.write_bytes(b"PAR1 no more")
    commands = (["rebuild"], *(["ingest", built.parent / f"{name}.csv"] for name in ("aapl", "msft", "cash")))
    run_all(commands, settings={"MARKETKEEP_DATA": str(keep)})
    held = marketkeep.open(keep).bars(["AAPL", "MSFT"], adjust="all").polars()
    assert held.equals(marketkeep.open(built).bars(["AAPL", "MSFT"], adjust="all").polars())


def test_symbols_are_listed(answers: dict[str, Ended]) -> None:
    """`list-symbols --json` holds each symbol once."""
    listed = pl.read_json(io.BytesIO(answers["symbols"].raw))
    assert listed["symbol"].to_list() == ["AAPL", "MSFT"]


def test_demo_needs_no_network_and_fits(tmp_path: Path) -> None:
    """The demo shows files, coverage and prices around a dividend, within 100 columns; run again it starts anew."""
    folder = tmp_path / "demo"
    first = run("demo", "--folder", folder, settings={"HTTPS_PROXY": "http://127.0.0.1:9"})
    assert first.code == 0
    assert [line for line in first.out.replace(str(folder), "demo-data").splitlines() if len(line) > 100] == []
    for text in ("coverage", "ticks.json", "as traded", "around its last dividend", "marketkeep explain AAPL"):
        assert text in first.out
    (folder / "left-over").touch()
    assert run("demo", "--folder", folder).code == 0
    assert not (folder / "left-over").exists()
    shutil.rmtree(folder)
