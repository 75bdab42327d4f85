"""qa-check, view-issues and explain: what a person reads, what a program gets, and what a scheduler acts on."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from command_line import Ended, bars, run, run_all

HOLE = bars(["AMD"]).splitlines()
ASKED = {
    "qa": ["qa-check"],
    "qa-json": ["qa-check", "--json"],
    "qa-good": ["qa-check", "AMD"],
    "qa-option": ["qa-check", "--symbol", "amd", "--json"],
    "qa-bad": ["qa-check", "TSLA", "--dataset", "daily_bars"],
    "qa-since": ["qa-check", "TSLA", "--since", "2024-01-10", "--json"],
    "qa-minutes": ["qa-check", "--dataset", "minute_bars"],
    "qa-unknown": ["qa-check", "NOPE"],
    "open": ["view-issues"],
    "open-json": ["view-issues", "--open", "--json"],
    "warnings": ["view-issues", "--severity", "warning"],
    "of-amd": ["view-issues", "--symbol", "AMD"],
    "minutes": ["view-issues", "--dataset", "minute_bars"],
    "all": ["view-issues", "--all", "--json"],
    "all-of-amd": ["view-issues", "--all", "--symbol", "AMD"],
    "then": ["view-issues", "--recorded-by", "2000-01-01"],
    "proof": ["explain", "NVDA", "2024-01-04"],
    "proof-json": ["explain", "NVDA", "2024-01-04", "--json"],
    "proof-action": ["explain", "AAPL", "2024-01-12", "action"],
    "coverage-then": ["coverage", "--as-of", "2024-01-05", "--json"],
    "coverage-minutes": ["coverage", "--minute", "--json"],
    "members-then": ["members", "own", "--as-of", "2024-01-10", "--intervals", "--json"],
    "nothing": ["query"],
    "mixed": ["query", "--universe", "sp500", "--minute"],
    "universe": ["query", "--universe", "own", "--json"],
    "universe-none": ["query", "--universe", "nasdaq100"],
}


@pytest.fixture(scope="module")
def answers(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """
    A keep with a session missing (AMD), a bar refused (TSLA), a close that two sources tell differently (NVDA), and
    an index of its own; the answers to all that is asked here.
    """
    import shutil

    folder = tmp_path_factory.mktemp("quality")
    keep = shutil.copytree(built, folder / "keep")
    files = {
        "hole": "\n".join(HOLE[:5] + HOLE[6:]),
        "bad": bars(["TSLA"]).replace(",101.5,", ",1,", 1),
        "one": bars(["NVDA"]),
        "two": bars(["NVDA"]).replace(",102,", ",112,").replace(",103.5,", ",113.5,").replace(",102.25,", ",112.25,"),
        "own": "symbol,from,to\nAMD,2024-01-08,2024-01-12\n",
    }
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    taken = [["ingest", folder / f"{name}.csv"] for name in ("hole", "bad", "one")]
    taken += [["ingest", folder / "two.csv", "--source", "other"], ["ingest", folder / "own.csv", "--members", "own"]]
    ended = run_all([*taken, *ASKED.values()], settings={"MARKETKEEP_DATA": str(keep)})
    assert [(one.code, one.err) for one in ended[: len(taken)]] == [(0, "")] * len(taken)
    return dict(zip(ASKED, ended[len(taken) :], strict=True))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("qa", 1),
        ("qa-json", 1),
        ("qa-good", 0),
        ("qa-option", 0),
        ("qa-bad", 1),
        ("qa-since", 0),
        ("qa-minutes", 0),
        ("open", 1),
        ("open-json", 1),
        ("warnings", 0),
        ("of-amd", 0),
        ("minutes", 0),
        ("all", 1),
        ("all-of-amd", 0),
        ("then", 0),
    ],
)
def test_exit_code_tells_of_open_errors(answers: dict[str, Ended], name: str, code: int) -> None:
    """A scheduler gets 1 exactly when an open error is among what was looked at, whatever form was asked for."""
    assert (answers[name].code, answers[name].err) == (code, "")


def test_qa_check_counts_by_check(answers: dict[str, Ended]) -> None:
    """Rows and score of what is held, then each check with what is open and cured, errors first, and the sum."""
    told = orjson.loads(answers["qa-json"].raw)
    [held] = told["bars"]
    assert (held["dataset"], held["symbols"], held["rows"]) == ("daily_bars", 5, 20 + 20 + 19 + 19 + 20)
    assert told["open_errors"] == 1
    first = told["checks"][0]
    assert (first["check"], first["severity"], first["open"], first["symbols"]) == ("high_below_low", "error", 1, 1)
    assert {row["check"] for row in told["checks"]} >= {"gap", "source_disagreement"}
    assert answers["qa"].out.endswith("1 open error\n")
    assert answers["qa-good"].out.endswith("no open errors\n")


def test_qa_check_of_symbols_is_theirs(answers: dict[str, Ended]) -> None:
    """Naming a symbol and giving it as an option are the same; another dataset has nothing to show."""
    told = orjson.loads(answers["qa-option"].raw)
    assert told["bars"][0]["symbols"] == 1
    assert [row["check"] for row in told["checks"]] == ["gap"]
    assert "no bars are held of this" in answers["qa-minutes"].out
    answers["qa-unknown"].refused(1, "NOPE", "list-symbols")


def test_view_issues_narrows(answers: dict[str, Ended]) -> None:
    """Open issues are the default; severity, symbol and dataset narrow them."""
    every = orjson.loads(answers["open-json"].raw)
    assert [row["severity"] for row in every] == sorted(row["severity"] for row in every)
    assert {(row["check"], row["symbol"]) for row in every} >= {
        ("high_below_low", "TSLA"),
        ("gap", "AMD"),
    }
    assert "TSLA" in answers["open"].out
    assert "high_below_low" not in answers["warnings"].out
    assert "TSLA" not in answers["of-amd"].out
    assert answers["minutes"].out == answers["then"].out == "no open issues\n"
    assert answers["all-of-amd"].out == "no findings\n"


def test_all_findings_have_their_life(answers: dict[str, Ended]) -> None:
    """`--all` tells every finding, day by day, with when it was found, told again, and cured by what."""
    told = orjson.loads(answers["all"].raw)
    assert {"detected_at", "repeated", "resolved_at", "resolved_by"} <= set(told[0])
    [refused] = [row for row in told if row["check"] == "high_below_low" and row["symbol"] == "TSLA"]
    assert refused["resolved_at"] is None
    [cured] = [row for row in told if row["check"] == "high_below_low" and row["symbol"] == "NVDA"]
    assert cured["resolved_by"]


def test_disputed_proof_fits_and_is_whole(answers: dict[str, Ended]) -> None:
    """The proof of a disputed close names both values and their distance, within 100 columns; JSON has every fact."""
    proof, told = answers["proof"], orjson.loads(answers["proof-json"].raw)
    assert proof.code == 0
    assert [line for line in proof.out.splitlines() if len(line) > 100] == []
    assert told["status"] == "disputed"
    assert "do not agree" in " ".join(told["reasoning"])
    for one in told["candidates"]:
        assert one["digest"] in proof.out
    assert " ".join(told["reasoning"]).split()[0] in proof.out
    assert set(told["candidates"][0]) >= {"source", "rank", "delivered", "basis", "undone", "as_traded", "difference"}


def test_proof_of_an_action(answers: dict[str, Ended]) -> None:
    """`explain SYMBOL EXDATE action` shows what was told of it, by whom, and what it does to prices."""
    proof = answers["proof-action"]
    assert (proof.code, proof.err) == (0, "")
    assert "The dividend 0.24 of 2024-01-12" in proof.out
    assert "multiplies earlier prices" in proof.out


def test_query_of_a_universe(answers: dict[str, Ended]) -> None:
    """`query --universe` shows members while they were some; what makes no sense is refused."""
    rows = orjson.loads(answers["universe"].raw)
    days = ("2024-01-09", "2024-01-10", "2024-01-11")
    assert [(row["symbol"], row["date"]) for row in rows] == [("AMD", day) for day in days]
    answers["universe-none"].refused(1, "no members of the index nasdaq100")
    answers["nothing"].refused(2, "--universe")
    answers["mixed"].refused(2, "--universe is for daily bars")


def test_reading_commands_take_clocks(answers: dict[str, Ended]) -> None:
    """What is held, and who was a member, as of a day."""
    held = {row["symbol"]: (row["rows"], row["last"]) for row in orjson.loads(answers["coverage-then"].raw)}
    assert held["AAPL"] == (4, "2024-01-05")
    assert orjson.loads(answers["coverage-minutes"].raw) == []
    [spell] = orjson.loads(answers["members-then"].raw)
    assert (spell["from"], spell["to"]) == ("2024-01-08", None)


def test_unknown_choice_is_misuse(built: Path) -> None:
    """A dataset or severity that there is not is misuse."""
    run("qa-check", "--dataset", "prices", "--data", built).refused(2, "--dataset")
    run("view-issues", "--severity", "bad", "--data", built).refused(2, "--severity")
