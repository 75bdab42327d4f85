"""A rebuild on Spark publishes what one in this process does: files, findings, panel and catalog, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gym import Gym, Truth, serve, some_vendors
from marketkeep.calendars import XNYS
from marketkeep.cli import main
from marketkeep.errors import StoreError
from marketkeep.pipeline.publishing import absorb, minutes
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.run import run
from marketkeep.pipeline.spark import SparkEngine
from marketkeep.pipeline.workspace import Workspace, open_workspace
from pipeline.gym_keep import after_close, published_tree
from pipeline.vendors_keep import VendorsKeep

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TRUTH = Truth(symbols=12, years=2)
FAST = {"calls": 1000, "seconds": 1.0}
SOURCES = dict.fromkeys(("yahoo", "nasdaq_trader", "sec_tickers"), FAST)
RENAMED = next(one for one in TRUTH.renames.values() if one.renamed_on)


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """Yahoo, the exchanges' directory and the SEC's list."""
    with serve(truth=TRUTH, vendors=some_vendors(*SOURCES)) as one:
        yield one


@pytest.fixture(scope="module")
def keep(gym: Gym, tmp_path_factory: pytest.TempPathFactory) -> VendorsKeep:
    """Two years of all symbols with their splits and dividends, a rename on the way, and minutes of the last days."""
    made = VendorsKeep(tmp_path_factory.mktemp("rebuild") / "keep", gym, sources=SOURCES)
    made.follow(TRUTH.first)
    days = XNYS.sessions(RENAMED.renamed_on - timedelta(days=7), RENAMED.renamed_on + timedelta(days=7))
    for day in (days[0], days[-1]):
        gym.now = after_close(day)
        made.collect(datasets=("listings", "daily_bars", "actions", "minute_bars"))
    return made


@pytest.fixture
def many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups so small that there are many."""
    monkeypatch.setattr(absorb, "_GROUP_SYMBOLS", 5)
    monkeypatch.setattr(minutes, "_GROUP_ROWS", 5_000)


def on(spark: SparkSession, work: Workspace) -> Workspace:
    """The same keep, its pieces done by Spark."""
    return replace(work, engine=SparkEngine(spark))


def test_files_are_the_same(spark: SparkSession, keep: VendorsKeep, many_pieces: None) -> None:
    """
    Every published file and the catalog are those of a local rebuild, through renames, splits and minutes.
    """
    before = published_tree(keep.root)
    for part in (
        "ticks/daily",
        "ticks/minute",
        "corporate_actions",
        "quality/findings",
        "panel/minute_bars",
        "catalog",
    ):
        assert any(path.startswith(part) for path in before), part
    assert RENAMED.symbol in keep.work.lake.ticker_history()["symbol"]
    done = rebuild(on(spark, keep.work))
    assert published_tree(keep.root) == before
    here = rebuild(keep.work)
    assert published_tree(keep.root) == before
    assert here == done


def test_damaged_batch_is_left_out_alike(spark: SparkSession, keep: VendorsKeep) -> None:
    """
    A raw batch whose bytes are wrong is named and left out, and what the others say is published, on either engine.
    """
    path = keep.root / next(one for one in keep.work.batches.paths() if "/daily_bars/" in one)
    sound = path.read_bytes()
    before = published_tree(keep.root)
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    try:
        work = open_workspace(keep.root, clock=keep.clock)
        here = rebuild(work)
        published = published_tree(keep.root)
        there = rebuild(on(spark, work))
        assert published_tree(keep.root) == published != before
        assert [str(one) for one in here.corrupt] == [str(one) for one in there.corrupt]
        assert len(there.corrupt) == 1
    finally:
        path.write_bytes(sound)
        rebuild(keep.work)
    assert published_tree(keep.root) == before


def test_piece_that_fails_is_mended_by_the_next_run(spark: SparkSession, keep: VendorsKeep) -> None:
    """
    A worker that cannot write ends the rebuild with its own error; no catalog rests on the half, and any next run
    finishes it.
    """
    before = published_tree(keep.root)
    in_the_way = keep.root / next(path for path in before if path.startswith("ticks/daily/"))
    in_the_way.unlink()
    in_the_way.mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*ticks\.json"):
        rebuild(on(spark, keep.work))
    assert keep.work.lake.catalog().version == ""
    in_the_way.rmdir()
    with run(keep.work, "update", {}):
        pass
    assert published_tree(keep.root) == before


def command(*words: str) -> object:
    """Run one command; how it ended."""
    with pytest.raises(SystemExit) as ended:
        main(["rebuild", *words])
    return ended.value.code


def test_command_line_takes_an_engine(
    spark: SparkSession, keep: VendorsKeep, capfd: pytest.CaptureFixture[str]
) -> None:
    """
    `rebuild --engine spark` says what it made, as without it; a master without Spark, and no such engine, are misuse.
    """
    place = ("--data", str(keep.root))
    before = published_tree(keep.root)
    assert command(*place, "--engine", "spark", "--master", "local[2]") == 0
    there = capfd.readouterr().out
    assert published_tree(keep.root) == before
    assert command(*place) == 0
    assert capfd.readouterr().out == there
    assert command(*place, "--engine", "dask") == 2
    assert command(*place, "--master", "yarn") == 2
    assert "--master yarn is for --engine spark" in capfd.readouterr().err
