"""Folds: only new batches are read, and what comes out is what all of them would give."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gold.told import directory, kept, tickers
from marketkeep.gold.identity import sightings, together
from marketkeep.model import Batch
from marketkeep.pipeline.publishing import absorb as absorbing
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.publishing.folded import Fold, folded
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.securities import add_symbols
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import batch_rows, layout
from small_keep import SmallKeep

FOLD = Fold("listings", sightings, together)
DAYS = [date(2024, 6, 3) + timedelta(days=n) for n in range(6)]


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """An empty keep."""
    return SmallKeep(tmp_path / "keep", now=datetime(2024, 6, 10, tzinfo=UTC))


@pytest.fixture
def came(keep: SmallKeep) -> list[Batch]:
    """Directories of six days, one of their lines there every second day only."""
    return [
        kept(keep.work.batches, directory(day, {"A": "Alpha"} | ({"B": "Beta"} if at % 2 else {})))
        for at, day in enumerate(DAYS)
    ]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The batch files that were read of listings, by question."""
    asked: list[list[str]] = []
    real = BatchStore.rows

    def rows(store: BatchStore, dataset: str, paths: Iterable[str], **more: Any) -> pl.DataFrame:
        chosen = list(paths)
        if dataset == "listings" and chosen:
            asked.append(chosen)
        return real(store, dataset, chosen, **more)

    monkeypatch.setattr(BatchStore, "rows", rows)
    return asked


def files(keep: SmallKeep) -> dict[str, bytes]:
    """The folds that are kept."""
    return {path.name: path.read_bytes() for path in (keep.root / "catalog" / "folded").glob("*")}


def test_only_new_batches_are_read(keep: SmallKeep, came: list[Batch], read: list[list[str]]) -> None:
    """Each day's directory is read once in a keep's life; the fold is that of all days, in one file."""
    for count in range(1, len(came) + 1):
        whole = folded(keep.work, batch_rows(came[:count]), FOLD)
    assert read == [[one.path] for one in came]
    assert folded(keep.work, batch_rows(came), FOLD).equals(whole)
    assert len(read) == len(came)
    step_by_step = files(keep)
    assert len(step_by_step) == 1
    (keep.root / "catalog" / "folded" / next(iter(step_by_step))).unlink()
    assert folded(keep.work, batch_rows(came[::-1]), FOLD).equals(whole)
    assert files(keep) == step_by_step


def test_days_may_come_late(keep: SmallKeep, came: list[Batch]) -> None:
    """A day that comes after later ones finds its place: the bytes are the same."""
    folded(keep.work, batch_rows(came), FOLD)
    in_order = files(keep)
    for path in (keep.root / "catalog" / "folded").glob("*"):
        path.unlink()
    for some in (came[3:], came[1:], came):
        folded(keep.work, batch_rows(some), FOLD)
    assert files(keep) == in_order


def test_fold_of_another_form_is_made_again(keep: SmallKeep, came: list[Batch]) -> None:
    """What an older version kept of a dataset, in other columns, is not taken for a fold of this one."""
    older = Fold("listings", lambda rows: rows.select("symbol"), lambda parts: pl.concat(parts).unique().sort("symbol"))
    folded(keep.work, batch_rows(came), older)
    fresh = sightings(keep.work.batches.rows("listings", [one.path for one in came]))
    assert folded(keep.work, batch_rows(came), FOLD).equals(fresh)
    assert len(files(keep)) == 1


@pytest.mark.parametrize("damage", ["bytes", "name", "withdrawn"])
def test_fold_that_cannot_be_trusted_is_made_again(keep: SmallKeep, came: list[Batch], damage: str) -> None:
    """Changed bytes, a file that is none, a batch that is no longer there: all batches are read again."""
    folded(keep.work, batch_rows(came), FOLD)
    (path,) = (keep.root / "catalog" / "folded").glob("*")
    good = path.read_bytes()
    if damage == "bytes":
        path.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    elif damage == "name":
        path.with_name(f"listings-{'0' * 32}.parquet").write_bytes(b"PAR1")
    wanted = came[1:] if damage == "withdrawn" else came
    fresh = sightings(keep.work.batches.rows("listings", [one.path for one in wanted]))
    assert folded(keep.work, batch_rows(wanted), FOLD).equals(fresh)
    assert len(files(keep)) == 1


def test_reference_is_made_only_when_it_could_differ(
    keep: SmallKeep, came: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bars of days that are held already leave the reference tables alone; a statement or a new day does not."""
    made: list[int] = []
    real = absorbing.publish_reference
    monkeypatch.setattr(absorbing, "publish_reference", lambda *given: (made.append(1), real(*given)))
    absorb(keep.work)
    assert len(made) == 1
    keep.bars(("2024-06-03", 10.0), ("2024-06-05", 11.0))
    assert len(made) == 2
    keep.bars(("2024-06-04", 12.0))
    assert len(made) == 2
    add_symbols(keep.work, ["A"])
    assert len(made) == 3


def test_days_alike_do_not_add_up() -> None:
    """A hundred directories that say the same are folded into as many rows as ten: a day more moves an end."""
    few, many = (
        [directory(DAYS[0] + timedelta(days=at), {"A": "Alpha", "B": "Beta"}) for at in range(count)]
        for count in (10, 100)
    )
    whole = sightings(pl.concat(many))
    assert sightings(pl.concat(few)).height == whole.height == 5
    assert together([sightings(pl.concat(many[50:])), *(sightings(one) for one in many[:50])]).equals(whole)


@pytest.mark.parametrize("late", [False, True])
def test_line_that_is_told_again_has_two_runs(late: bool) -> None:
    """A day of the directory without a line ends its run, also when that day comes last; another source's does not."""
    parts = [
        sightings(directory(day, {"A": "Alpha"} | ({} if at == 2 else {"B": "Beta"}))) for at, day in enumerate(DAYS)
    ]
    parts += [sightings(tickers(day, {"B": (1, "Beta")})) for day in (DAYS[0], DAYS[5])]
    whole = together([*parts[3:], *parts[:2], parts[2]] if late else parts)
    runs = whole.filter(pl.col("symbol") == "B").select("source", "first", "last").rows()
    assert runs == [
        ("nasdaq_trader", DAYS[0], DAYS[1]),
        ("nasdaq_trader", DAYS[3], DAYS[5]),
        ("sec_tickers", DAYS[0], DAYS[5]),
    ]


def test_rebuild_takes_folds_away_and_makes_them_again(keep: SmallKeep, came: list[Batch]) -> None:
    """A fold is derived like any published file, and comes out as it was."""
    absorb(keep.work)
    before = files(keep)
    assert [name.partition("-")[0] for name in sorted(before)] == ["listings"]
    assert all((keep.root / layout.folded("listings", "x")).parent.joinpath(name).exists() for name in before)
    rebuild(keep.work)
    assert files(keep) == before
