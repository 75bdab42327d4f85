"""The lake: where a keep may be made, what its marker must say, who may write, and what is read back."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from marketkeep.errors import BadInput, BadSetting, LeaseHeld, NotFound, StoreError
from marketkeep.files import Folder
from marketkeep.model import Policy
from marketkeep.stores.lake import Lake, layout
from small_keep import SmallKeep, sessions


def test_keep_is_made_in_a_new_or_empty_folder(tmp_path: Path) -> None:
    """
    A keep is made where nothing is; it keeps the policy it was made with.
    """
    policy = Policy(priority=("csv",), tolerance=0.01)
    for root in (tmp_path / "deep" / "new", tmp_path / "empty"):
        if root.name == "empty":
            root.mkdir()
        Lake(root).create(policy)
        assert Lake(root).policy() == policy
        assert Lake(root).catalog().symbols() == []


def test_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    """
    A folder with anything in it, hidden files included, or a file is refused and not touched.
    """
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(BadInput, match="something else"):
            Lake(tmp_path / name).create(Policy())
    assert [path.name for path in (tmp_path / "full").iterdir()] == [".hidden"]
    assert (tmp_path / "file").read_text() == "mine"


def test_keep_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """
    Making a keep again changes nothing, its policy neither.
    """
    Lake(tmp_path / "keep").create(Policy(tolerance=0.01))
    before = (tmp_path / "keep" / layout.MARKER).read_bytes()
    Lake(tmp_path / "keep").create(Policy(tolerance=0.5))
    assert (tmp_path / "keep" / layout.MARKER).read_bytes() == before


@pytest.mark.parametrize("make", [str, Path.mkdir, Path.touch])
def test_opening_what_is_no_keep(tmp_path: Path, make: object) -> None:
    """
    Where there is no keep, opening one says how to make it.
    """
    make(tmp_path / "keep")  # type: ignore[operator]
    with pytest.raises(NotFound, match="marketkeep init"):
        marketkeep.open(tmp_path / "keep")


@pytest.mark.parametrize(
    "marker",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"format": 99, "policy": {}}',
        b'{"format": 1}',
        b'{"format": 1, "policy": null}',
        b'{"format": 1, "policy": {"colour": "red"}}',
        b'{"format": 1, "policy": {"priority": "yahoo"}}',
        b'{"format": 1, "policy": 5}',
    ],
)
def test_marker_that_makes_no_sense_is_named(tmp_path: Path, marker: bytes) -> None:
    """
    A marker of another format or with a wrong policy is a `BadSetting`.
    """
    (tmp_path / layout.MARKER).write_bytes(marker)
    with pytest.raises(BadSetting):
        Lake(tmp_path).policy()


HOLDER = """
import sys
from pathlib import Path
from marketkeep.files import Folder
with Folder(Path(sys.argv[1])).lease("a long task"):
    print("held", flush=True)
    sys.stdin.readline()
    if sys.argv[2] == "die":
        import os
        os._exit(9)
"""


@pytest.mark.parametrize("end", ["leave", "die"])
def test_one_writer_at_a_time_over_processes(tmp_path: Path, end: str) -> None:
    """
    While another process holds the lease, taking it fails at once and names the holder; it is free when that one ends,
    however it ends.
    """
    command = [sys.executable, "-c", HOLDER, str(tmp_path), end]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeld) as caught, Folder(tmp_path).lease("mine"):
            pass
        assert caught.value.holder == f"process {other.pid} (a long task)"
        other.communicate("\n", timeout=30)
    with Folder(tmp_path).lease("mine"):
        assert f"process {os.getpid()} (mine)" in (tmp_path / ".lease-holder").read_text()
    assert not (tmp_path / ".lease-holder").exists()


def test_lease_is_given_back_after_an_error(tmp_path: Path) -> None:
    """
    A block that fails gives the lease back; within it a second taker is refused, in the same process too.
    """
    with Folder(tmp_path).lease("first"), pytest.raises(LeaseHeld, match="first"), Folder(tmp_path).lease("second"):
        pass
    with pytest.raises(ZeroDivisionError), Folder(tmp_path).lease("first"):
        raise ZeroDivisionError
    with Folder(tmp_path).lease("third"):
        pass


def test_lease_where_nothing_can_be_written(tmp_path: Path) -> None:
    """
    A root that is a file is a `StoreError`, not an error of the system.
    """
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError), Folder(tmp_path / "file").lease("mine"):
        pass


@pytest.mark.parametrize("name", ["keep [a] *?{b} %20 é", "a b", "#1"])
def test_keep_may_lie_in_any_folder(tmp_path: Path, name: str) -> None:
    """
    Signs that mean something to patterns or addresses in the folder's name change nothing.
    """
    keep = SmallKeep(tmp_path / name)
    keep.bars(*((day, 10.0) for day in sessions("2024-03-04", 3)))
    keep.bars((date(2024, 3, 9), 11.0), *((day, 10.5) for day in sessions("2024-03-04", 5)), source="b")
    assert keep.open().bars("AAPL").polars().height == 5
    assert set(keep.open().findings()["check"]) >= {"source_disagreement", "not_a_session"}
    assert keep.open().securities()["symbol"].to_list() == ["AAPL"]
    assert keep.open().explain("AAPL", "2024-03-04").value == 10.5


def test_lake_reads_between_dates(tmp_path: Path) -> None:
    """
    Published bars are read from first to last, both included, over the turn of years, sorted.
    """
    keep = SmallKeep(tmp_path / "keep")
    days = sessions("2019-12-27", 6)
    keep.bars(*((day, 10.0 + n) for n, day in enumerate(days)))
    keep.bars(*((day, 20.0 + n) for n, day in enumerate(days)), symbol="NA")
    lake = keep.work.lake
    catalog = lake.catalog()

    def read(first: date | None, last: date | None, *symbols: str) -> list[tuple[str, date]]:
        return lake.bars(catalog, symbols, first, last).select("symbol", "date").rows()

    assert read(None, None, "AAPL") == [("AAPL", day) for day in days]
    assert read(days[1], days[4], "NA", "AAPL", "NA") == [(s, day) for s in ("AAPL", "NA") for day in days[1:5]]
    assert read(days[5], None, "AAPL") == [("AAPL", days[5])]
    assert read(date(2030, 1, 1), None, "AAPL") == []
    assert read(None, None, "MSFT") == []
    assert lake.years([("AAPL", 2018), ("AAPL", 2020)])["date"].to_list() == [day for day in days if day.year == 2020]


def test_layout_is_what_was_promised(tmp_path: Path) -> None:
    """
    Users' own tools read these paths: they do not change.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars((date(2020, 1, 2), 10.0), (date(2020, 1, 3), 5.0, 0.0, 2.0), symbol="BRK.B")
    published = set(layout.published(keep.root))
    assert {
        "ticks/daily/BRK.B/2020/ticks.json",
        "corporate_actions/BRK.B/actions.json",
        "reference/ticker_metadata.parquet",
        "catalog/CURRENT",
    } <= published
    assert pl.read_json(keep.root / "ticks/daily/BRK.B/2020/ticks.json")["close"].to_list() == [10.0, 5.0]
    assert layout.ticks("CON", 2020) == "ticks/daily/CON_/2020/ticks.json"
    assert layout.actions("NA") == "corporate_actions/NA/actions.json"
