"""The folder of an export: whole or not at all, never in place of something else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import marketkeep
from marketkeep.errors import BadInput, BadRange, NotFound, StoreError
from marketkeep.export import FORMS, Exported, Wanted, export, qlib
from marketkeep.pipeline.workspace import Silent

ALL = Wanted(universe="all")


def names(folder: Path) -> set[str]:
    """All that lies in a folder, hidden files too."""
    return {path.name for path in folder.iterdir()}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_same_keep_same_bytes(told: marketkeep.Keep, tmp_path: Path, form: str) -> None:
    """Two exports of one keep are the same files, byte for byte; `export.json` says what they are."""
    done = export(told, form, ALL, tmp_path / "one")
    export(told, form, ALL, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    said = orjson.loads((tmp_path / "one/export.json").read_bytes())
    assert (said["form"], said["bars"], said["symbols"], said["notes"]) == (
        form,
        done.bars,
        done.symbols,
        list(done.notes),
    )


def test_failure_leaves_nothing(told: marketkeep.Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export that fails in the middle leaves no folder, and an earlier one as it was."""
    export(told, "qlib", Wanted(symbols=("DIV",)), tmp_path / "out")
    before = tree(tmp_path / "out")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(qlib, "_write_features", full)
    for place in ("out", "new"):
        with pytest.raises(StoreError, match="No space left"):
            export(told, "qlib", ALL, tmp_path / place)
    assert names(tmp_path) == {"out"}
    assert tree(tmp_path / "out") == before


def test_earlier_export_is_replaced_whole(told: marketkeep.Keep, tmp_path: Path) -> None:
    """An export takes the place of an earlier one, whatever form that had; nothing of it stays."""
    export(told, "qlib", ALL, tmp_path / "out")
    export(told, "csv", Wanted(symbols=("DIV",)), tmp_path / "out")
    assert set(tree(tmp_path / "out")) == {"export.json", "actions.csv", "columns.csv", "daily_bars/DIV.csv"}
    assert names(tmp_path) == {"out"}


def test_something_else_is_never_replaced(told: marketkeep.Keep, tmp_path: Path) -> None:
    """A folder that holds anything but an export, the keep's own too, and a file are refused and left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(BadInput, match="holds something else"):
        export(told, "csv", ALL, tmp_path / "mine")
    with pytest.raises(BadInput, match="is a file"):
        export(told, "csv", ALL, tmp_path / "mine/thesis.txt")
    assert names(tmp_path / "mine") == {"thesis.txt"}
    (tmp_path / "empty").mkdir()
    assert export(told, "csv", ALL, tmp_path / "empty").symbols == 6


KILLED = """
import os, sys, time
from pathlib import Path
import marketkeep
from marketkeep.export import Wanted, export

class Slow:
    def begin(self, what, total): pass
    def step(self, count=1, note=""):
        print("stepped", flush=True); time.sleep(600)
    def met(self, faults): pass

export(marketkeep.open(sys.argv[1]), sys.argv[3], Wanted(universe="all"), Path(sys.argv[2]), Slow())
"""


@pytest.mark.parametrize("form", ["parquet", "zipline"])
def test_killed_export_reads_as_none(told: marketkeep.Keep, tmp_path: Path, form: str) -> None:
    """After a kill there is no folder of that name, and the next export removes what the killed one left."""
    root = told._lake.files.place
    child = subprocess.Popen([sys.executable, "-c", KILLED, root, tmp_path / "out", form], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"stepped\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    [left] = names(tmp_path)
    assert left.startswith(".out.")
    assert list((tmp_path / left).rglob("*.parquet" if form == "parquet" else "*.csv"))
    export(told, form, ALL, tmp_path / "out")
    assert names(tmp_path) == {"out"}


def test_running_export_is_left_alone(told: marketkeep.Keep, tmp_path: Path) -> None:
    """What another process that still runs is writing is not swept away."""
    other = tmp_path / f".out.{os.getppid()}.exporting"
    other.mkdir()
    export(told, "csv", ALL, tmp_path / "out")
    assert names(tmp_path) == {"out", other.name}


def test_what_cannot_be_asked(told: marketkeep.Keep, tmp_path: Path) -> None:
    """A form, adjustment, range, symbol or index that cannot be is refused with what to do, and nothing is made."""
    refusals: list[tuple[str, dict[str, object], type[Exception], str]] = [
        ("arctic", {"universe": "all"}, BadInput, "use csv, parquet, qlib, lean, zipline, nautilus"),
        ("zipline", {"universe": "all", "adjust": "all"}, BadInput, "applies splits and dividends itself"),
        ("qlib", {"universe": "all", "minute": True}, BadInput, "daily bars only"),
        ("csv", {"universe": "all", "adjust": "some"}, BadInput, "'none', 'splits' or 'all'"),
        ("csv", {"universe": "sp500"}, NotFound, "no members of the index sp500"),
        ("csv", {"symbols": ("NOSUCH",)}, NotFound, "NOSUCH"),
        ("csv", {"universe": "all", "minute": True}, NotFound, "no minute bars"),
        ("csv", {"universe": "all", "start": "1999-01-01", "end": "1999-02-01"}, NotFound, "nothing to export"),
        ("nautilus", {"symbols": ("DIV", "BTC-USD")}, BadInput, "BTC-USD: this form holds equity only"),
    ]
    for form, asked, error, says in refusals:
        with pytest.raises(error, match=says):
            export(told, form, Wanted(**asked), tmp_path / "out")  # type: ignore[arg-type]
    for asked, error, says in (
        ({}, BadInput, "say what to export"),
        ({"symbols": ("DIV",), "universe": "all"}, BadInput, "one of them"),
        ({"universe": "all", "start": "2024"}, BadInput, "YYYY-MM-DD"),
        ({"universe": "all", "start": "2024-01-03", "end": "2024-01-02"}, BadRange, "2024"),
    ):
        with pytest.raises(error, match=says):
            Wanted(**asked)  # type: ignore[arg-type]
    assert names(tmp_path) == set()


class Counting(Silent):
    """Progress that counts."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0

    def begin(self, what: str, total: int | None) -> None:
        """Remember the total."""
        self.total = total

    def step(self, count: int = 1, note: str = "") -> None:
        """Count."""
        self.done += count


@pytest.mark.parametrize("form", sorted(FORMS))
def test_progress_counts_symbols(told: marketkeep.Keep, tmp_path: Path, form: str) -> None:
    """Every form tells how many symbols are done of how many there are."""
    seen = Counting()
    done: Exported = export(told, form, ALL, tmp_path / "out", seen)
    assert seen.total == seen.done == done.symbols
