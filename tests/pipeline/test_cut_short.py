"""What a run that was cut short had written, in whatever order it reached the disk, is made good by the next."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from gym_keep import published_tree

from going_keep import GoingKeep, dividend
from marketkeep.pipeline.publishing import absorb as absorbing
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.securities import add_symbols
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import layout
from small_keep import SmallKeep, sessions

DAYS = sessions("2023-06-01", 250)


def interrupt(*_: object, **__: object) -> None:
    """The power goes."""
    raise KeyboardInterrupt


def test_years_that_were_lost_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A dividend rewrites all earlier years. Where its actions reached the disk and an earlier year did not, the next run
    writes that year too: it goes by the catalog, not by what lies there.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars(*((day, 10.0) for day in DAYS[:-1]))
    year = keep.root / layout.ticks("AAPL", 2023)
    before = year.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(absorbing, "write_catalog", interrupt)
        with pytest.raises(KeyboardInterrupt):
            keep.bars((DAYS[-1], 10.0, 0.5))
    assert year.read_bytes() != before
    year.write_bytes(before)
    add_symbols(keep.work, ["AAPL"])
    assert keep.open().bars("AAPL", DAYS[0], DAYS[0]).polars()["adj_close"].item() == pytest.approx(9.5)
    grown = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == grown


def test_actions_that_came_alone_are_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A run that brings actions of bars already held has published them when it is cut short, and the catalog knows
    nothing of it: the next run publishes them again, though what lies there is what sources tell.
    """
    keep = GoingKeep(tmp_path / "keep")
    keep.small.bars(*((day, 10.0) for day in DAYS[:20]))
    keep.receive("actions", "csv", [dividend(DAYS[10], 0.5)])
    with monkeypatch.context() as patch:
        patch.setattr(absorbing, "write_catalog", interrupt)
        with pytest.raises(KeyboardInterrupt):
            keep.publish()
    assert (keep.root / layout.actions("AAPL")).exists()
    keep.publish()
    assert keep.open().actions("AAPL")["ex_date"].to_list() == [DAYS[10]]
    grown = published_tree(keep.root)
    rebuild(keep.small.work)
    assert published_tree(keep.root) == grown


def test_actions_are_read_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many groups of symbols a run publishes, the batches of actions are opened once for all of them."""
    keep = SmallKeep(tmp_path / "keep")
    monkeypatch.setattr(absorbing, "_GROUP_SYMBOLS", 1)
    names = ["AAPL", "MSFT", "NA"]
    lines = [(name, day, 10, 10, 10, 10, 100, 0.5 if day == DAYS[3] else 0, 1) for name in names for day in DAYS]
    header = "Symbol,Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio"
    opened: list[str] = []
    real = BatchStore.rows

    def noted(store: BatchStore, dataset: str, paths: Iterable[str], **more: Any) -> pl.DataFrame:
        opened.append(dataset)
        return real(store, dataset, paths, **more)

    monkeypatch.setattr(BatchStore, "rows", noted)
    keep.take(keep.write(header, lines), basis="as_traded")
    assert opened.count("actions") == 1
    assert opened.count("daily_bars") >= len(names)
    monkeypatch.undo()
    assert keep.open().actions(names)["ex_date"].to_list() == [DAYS[3]] * 3
    grown = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == grown
