"""Ingest: memory holds a batch's worth of rows however many files there are, and rows are those that were landed."""

from __future__ import annotations

from pathlib import Path

import pytest
from gym_keep import served_tree

from marketkeep.model import Policy
from marketkeep.pipeline import files as filing
from marketkeep.pipeline import ingest as ingesting
from marketkeep.pipeline.files import Checked, FileOptions, check_file
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake
from small_keep import sessions

DAYS = sessions("2024-03-01", 30)
HEADER = "Date,Open,High,Low,Close,Volume\n"


def write(path: Path, close: float) -> None:
    """A file of bars around `close`."""
    path.write_text(HEADER + "".join(f"{day},{close},{close + 1},{close - 1},{close},1000\n" for day in DAYS))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six files of thirty bars."""
    made = tmp_path / "files"
    made.mkdir()
    for number, symbol in enumerate(("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")):
        write(made / f"{symbol}.csv", 10.0 + number)
    return made


def keep_at(root: Path) -> Workspace:
    """An empty keep opened for work."""
    Lake(root).create(Policy())
    return open_workspace(root)


def test_rows_kept_from_checking_are_bounded_over_all_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Of many files no more than a batch's worth of rows waits in memory; the others are read again from the landing, and
    the published files are the same.
    """
    ingesting.ingest(keep_at(tmp_path / "whole"), [folder], FileOptions())
    seen: list[Checked] = []

    def watched(path: Path, options: FileOptions) -> Checked:
        seen.append(check_file(path, options))
        return seen[-1]

    monkeypatch.setattr(ingesting, "ROWS_PER_BATCH", 70)
    monkeypatch.setattr(ingesting, "check_file", watched)
    ingesting.ingest(keep_at(tmp_path / "bounded"), [folder], FileOptions())
    assert [file.kept is not None for file in seen] == [True, True, False, False, False, False]
    served = {
        name: {path: digest for path, digest in served_tree(tmp_path / name).items() if path.startswith("ticks/")}
        for name in ("whole", "bounded")
    }
    assert len(served["whole"]) == 6
    assert served["whole"] == served["bounded"]


def test_rows_are_those_of_the_landed_bytes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file that changes between its check and its landing gives the rows of what was landed, not of what was checked.
    """
    work = keep_at(tmp_path / "keep")
    path = folder / "AAA.csv"

    def changed(path: Path, options: FileOptions) -> Checked:
        checked = filing.check_file(path, options)
        write(path, 123.5)
        return checked

    monkeypatch.setattr(ingesting, "check_file", changed)
    [(_, digest)] = ingesting.ingest(work, [path], FileOptions()).taken
    assert b"123.5" in work.landing.read(digest)
    assert work.lake.years([("AAA", 2024)])["close"].unique().to_list() == [123.5]
