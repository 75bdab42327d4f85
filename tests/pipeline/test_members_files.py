"""Members of an index from files handed in: read whole or refused whole, landed, and taken up after a crash."""

from __future__ import annotations

import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from gym_keep import published_tree

import marketkeep
from marketkeep.errors import BadFile, BadInput
from marketkeep.pipeline.batching import Batching
from marketkeep.pipeline.collecting.universe import follow_universe
from marketkeep.pipeline.files import FileOptions
from marketkeep.pipeline.ingest import Ingested, ingest
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.securities import add_symbols
from small_keep import SmallKeep

INTERVALS = "symbol,start,end\nAAPL,2020-01-02,\nBRK B,2020-01-02,2023-05-01\nNA,2021-03-01,\n"
LIST = "ticker\nAAPL\nTRUE\n"


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """An empty keep."""
    return SmallKeep(tmp_path / "keep")


def take(keep: SmallKeep, text: str, *, on: str | None = None, index: str = "own") -> Ingested:
    """Take in a file of members an hour later."""
    keep.now += timedelta(hours=1)
    path = keep.root.with_name("members.csv")
    path.write_text(text)
    day = date.fromisoformat(on) if on else None
    return ingest(keep.work, [path], FileOptions(index=index, on=day))


def tree(keep: SmallKeep) -> set[str]:
    """All files of the keep."""
    return {path.relative_to(keep.root).as_posix() for path in keep.root.rglob("*") if path.is_file()}


def test_members_are_those_of_the_file(keep: SmallKeep) -> None:
    """Symbols in any spelling, from and to the days told, with the source that rows of files have."""
    take(keep, INTERVALS)
    reader = marketkeep.open(keep.root)
    assert reader.members("own", "2020-12-31") == ["AAPL", "BRK.B"]
    assert reader.members("own", date(2023, 5, 1)) == ["AAPL", "NA"]
    assert reader.index_members("own")["from_source"].unique().to_list() == ["csv"]
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def test_unreadable_file_leaves_no_trace(keep: SmallKeep) -> None:
    """A cell that is wrong refuses the file with its line, and nothing is written."""
    before = tree(keep)
    with pytest.raises(BadFile, match="line 3"):
        take(keep, "symbol,start,end\nAAPL,2020-01-02,\nMSFT,yesterday,\n")
    with pytest.raises(BadFile, match="as of which day"):
        take(keep, LIST)
    assert tree(keep) == before


def test_same_file_again_says_nothing_new(keep: SmallKeep) -> None:
    """The same bytes about the same index and day are held; about another day or index they are new statements."""
    assert len(take(keep, LIST, on="2024-05-01").taken) == 1
    assert len(take(keep, LIST, on="2024-05-01").held) == 1
    assert len(take(keep, LIST, on="2024-06-03").taken) == 1
    assert len(take(keep, LIST, on="2024-06-03", index="other").taken) == 1
    assert set(marketkeep.open(keep.root).index_members()["index"]) == {"own", "other"}


def test_archive_holds_several_lists(keep: SmallKeep) -> None:
    """Each file of a zip is read, dates in their own columns."""
    path = keep.root.with_name("lists.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("may.csv", "date,symbol\n2024-05-01,AAPL\n2024-05-01,MSFT\n")
        archive.writestr("june.csv", "date,symbol\n2024-06-03,AAPL\n2024-06-03,NVDA\n")
    ingest(keep.work, [path], FileOptions(index="own"))
    reader = marketkeep.open(keep.root)
    assert reader.members("own", "2024-05-02") == ["AAPL", "MSFT"]
    assert reader.members("own", "2024-06-03") == ["AAPL", "NVDA"]


def test_crash_behind_the_landing_loses_nothing(keep: SmallKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was landed and not batched is read again by the next run, index and day as they were told."""

    def killed(_: Batching) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Batching, "flush", killed)
        with pytest.raises(KeyboardInterrupt):
            take(keep, LIST, on="2024-06-03")
    assert len(open_runs(keep.root)) == 1
    add_symbols(keep.work, ["AAPL"])
    reader = marketkeep.open(keep.root)
    assert reader.members("own", "2024-06-03") == ["AAPL", "TRUE"]
    assert open_runs(keep.root) == []


def test_own_index_is_followed(keep: SmallKeep) -> None:
    """An index that a file told of is a universe like any other; one nobody told of is not."""
    take(keep, INTERVALS)
    follow_universe(keep.work, ["own"])
    assert keep.work.lake.policy().follow == {"own": None}
    with pytest.raises(BadInput, match=r"no universe another; there are sp500, .*, all_us, own"):
        follow_universe(keep.work, ["another"])


@pytest.mark.parametrize(
    "said",
    [
        {"index": "My Index"},
        {"on": date(2024, 1, 2)},
        {"index": "own", "symbol": "AAPL"},
        {"index": "a", "basis": "adjusted"},
    ],
)
def test_options_that_do_not_fit_are_refused(said: dict[str, object]) -> None:
    """An index has a name like a source's; a day belongs to members, symbol and basis to bars."""
    with pytest.raises(BadInput):
        FileOptions(**said)  # type: ignore[arg-type]
