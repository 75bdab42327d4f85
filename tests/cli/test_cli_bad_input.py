"""Bad input: one clear line, the right exit code, and a keep that is as it was, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Ended, bars, published, raw_batches, run, run_all, ticks, tree

import marketkeep

GOOD = bars(["NVDA"])

ASKED = [
    pytest.param(["query", "NOPE"], 1, ["NOPE: no bars held"], id="unknown-symbol"),
    pytest.param(["explain", "NOPE", "2024-01-03"], 1, ["NOPE 2024-01-03"], id="explain-unknown-symbol"),
    pytest.param(["explain", "AAPL", "2024-01-03", "vwap"], 2, ["'vwap'", "adj_close"], id="unknown-field"),
    pytest.param(
        ["query", "AAPL", "--start", "2024-02-01", "--end", "2024-01-02"],
        2,
        ["2024-02-01 to 2024-01-02", "after the end"],
        id="start-after-end",
    ),
    pytest.param(
        ["backfill", "--start", "2024-02-01", "--end", "2024-01-02"],
        2,
        ["after the end"],
        id="backfill-start-after-end",
    ),
    pytest.param(["query", "AAPL", "--start", "01/02/2024"], 2, ["'01/02/2024'", "YYYY-MM-DD"], id="no-date"),
    pytest.param(["query", "../../etc"], 2, ["'../../etc' is not a symbol"], id="path-as-symbol"),
    pytest.param(["add-symbol", "A/../../B"], 2, ["'A/../../B' is not a symbol"], id="path-within-symbol"),
    pytest.param(["add-symbol", ""], 2, ["it is empty"], id="empty-symbol"),
    pytest.param(["query", "AAPL", "--out", "bars.xls"], 2, ["bars.xls", ".parquet"], id="unknown-form"),
    pytest.param(["update", "--source", "nobody"], 2, ["nobody", "yahoo"], id="unknown-source"),
    pytest.param(["landing", "show", "sha256:12"], 2, ["64 hexadecimal digits"], id="no-digest"),
    pytest.param(["landing", "show", "sha256:" + "0" * 64], 1, ["holds no payload"], id="unknown-digest"),
    pytest.param(["view-issues", "--symbol", "NOPE"], 1, ["NOPE"], id="issues-of-unknown-symbol"),
    pytest.param(["backfill", "--start", "2024-01-02", "-s", "NOPE"], 1, ["NOPE", "add-symbol"], id="not-in-keep"),
    pytest.param(["repair", "--days", "0"], 2, ["--days", "repair --help"], id="number-too-small"),
    pytest.param(["ingest", "no-such-file.csv"], 2, ["no-such-file.csv"], id="no-file"),
    pytest.param(["qerry"], 2, ["'qerry'", "Did you mean 'query'", "marketkeep --help"], id="unknown-command"),
    pytest.param(["query"], 2, ["symbols", "query --help"], id="nothing-asked"),
    pytest.param(["landing"], 2, ["Missing command"], id="half-a-command"),
    pytest.param(["query", "AAPL", "--adjust", "cash"], 2, ["--adjust", "splits"], id="unknown-choice"),
]

FILES = {
    "price": (GOOD.replace(",101,", ",abc,", 1), ["line 3", "'Open'", "'abc' is not a number"]),
    "formats": (GOOD.replace("2024-01-05", "05/01/2024"), ["line 5", "'Date'", "'05/01/2024'", "YYYY-MM-DD"]),
    "no-day": (GOOD.replace("2024-01-05", "2024-13-45"), ["line 5", "'Date'", "'2024-13-45'"]),
    "path": (GOOD.replace("NVDA", "../../etc"), ["line 2", "'Symbol'", "'../../etc' is not a symbol"]),
    "nul": (GOOD.replace("NVDA", "NV\0DA"), ["not a text table"]),
    "columns": ("a,b\n1,2\n", ["no date and close column", "'a', 'b'"]),
    "short": (GOOD + "NVDA,2024-02-01,1\n", ["line 22", "3 fields", "7"]),
    "empty": ("", ["no rows"]),
}


@pytest.fixture(scope="module")
def answers(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How each of these commands ended, by its id; the folder of the keep is the same, to the byte, behind them."""
    folder = tmp_path_factory.mktemp("bad")
    for name, (text, _) in FILES.items():
        (folder / f"{name}.csv").write_text(text, newline="")
    commands = {str(one.id): one.values[0] for one in ASKED}
    commands |= {name: ["ingest", folder / f"{name}.csv"] for name in FILES}
    commands["beside"] = ["ingest", folder / "good.csv", folder / "price.csv"]
    (folder / "good.csv").write_text(GOOD)
    before = tree(built.parent)
    ended = run_all(commands.values(), settings={"MARKETKEEP_DATA": str(built)})
    assert tree(built.parent) == before
    return dict(zip(commands, ended, strict=True))


@pytest.mark.parametrize(("arguments", "code", "says"), ASKED)
def test_bad_arguments(
    answers: dict[str, Ended], request: pytest.FixtureRequest, arguments: list[str], code: int, says: list[str]
) -> None:
    """A question that cannot be right ends with 2, one without an answer with 1; either says so and writes nothing."""
    answers[request.node.callspec.id].refused(code, *says)


@pytest.mark.parametrize("name", FILES)
def test_bad_file(answers: dict[str, Ended], name: str) -> None:
    """A file that cannot be read is refused whole: line and column are named, and nothing is written anywhere."""
    answers[name].refused(2, f"{name}.csv", *FILES[name][1])


def test_good_file_beside_a_bad_one(answers: dict[str, Ended]) -> None:
    """Of files named together none is taken in when one cannot be read."""
    answers["beside"].refused(2, "price.csv, line 3")


def test_symbol_with_a_nul_byte() -> None:
    """A NUL byte, which no command line can carry, makes no symbol either."""
    with pytest.raises(marketkeep.BadSymbol, match="not a symbol"):
        marketkeep.Symbol.parse("AAPL\0")


def test_folder_that_is_no_keep(tmp_path: Path) -> None:
    """A folder without a keep, and a file in its place, are named with what to do."""
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    commands = (["query", "AAPL", "--data", tmp_path], ["update", "--data", notes], ["init", tmp_path])
    before = tree(tmp_path)
    query, update, init = run_all(commands)
    query.refused(1, "no keep", f"marketkeep init {tmp_path}")
    update.refused(1, "notes.txt")
    init.refused(2, "holds something else")
    assert tree(tmp_path) == before


def test_demo_never_replaces_a_keep(keep: Path) -> None:
    """The demo replaces an earlier demo only: a keep in its place is refused and stays."""
    before = tree(keep)
    run("demo", "--folder", keep).refused(2, "no demo made")
    assert tree(keep) == before


def test_wrong_setting() -> None:
    """A setting out of bounds is misuse; the variable that holds it is named."""
    run("coverage", settings={"MARKETKEEP_WORKERS": "0"}).refused(2, "MARKETKEEP_WORKERS")


def test_corrupt_batch_is_named_and_the_others_are_served(keep: Path, tmp_path: Path) -> None:
    """A batch whose bytes differ from its name is named by explain and rebuild; other symbols are served as before."""
    batch = raw_batches(keep)[0]
    kept = batch.read_bytes()
    before = published(keep)
    batch.write_bytes(kept[:200] + bytes([kept[200] ^ 1]) + kept[201:])
    file = tmp_path / "nvda.csv"
    file.write_text(GOOD)
    commands = (["explain", "AAPL", "2024-01-03"], ["ingest", file], ["rebuild"], ["query", "MSFT", "NVDA", "--json"])
    explained, _, rebuilt, answer = run_all(commands, settings={"MARKETKEEP_DATA": str(keep)})
    explained.refused(1, batch.name, "corrupt", "backup")
    assert (rebuilt.code, rebuilt.err.count("\n")) == (1, 1)
    assert rebuilt.err.startswith("error: ")
    assert batch.name in rebuilt.err
    assert (answer.code, answer.out.count('"date"')) == (0, 40)
    batch.write_bytes(kept)
    assert run("rebuild", "--data", keep).code == 0
    assert {path: data for path, data in published(keep).items() if "NVDA" not in path} == before


def test_damaged_published_file_is_named_and_rebuilt(keep: Path) -> None:
    """A published file cut short is named with what makes it again, and a rebuild brings its very bytes back."""
    file = ticks(keep, "AAPL")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    run("query", "AAPL", "--data", keep).refused(1, "ticks.json", "corrupt", "marketkeep rebuild")
    assert run("rebuild", "--data", keep).code == 0
    assert file.read_bytes() == whole
