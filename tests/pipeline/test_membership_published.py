"""Members and yields from raw batches to files and back to a reader, the same whatever order the batches came in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gold.told import directory, kept
from marketkeep.errors import NotFound
from marketkeep.model import BATCHES, FINDINGS, INDEX_MEMBERS, RAW_TABLES, Lineage
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.publishing.findings import hold_findings
from marketkeep.pipeline.publishing.membership import keep_differences, publish_membership, publish_yields
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.workspace import Workspace
from marketkeep.query.members import member_intervals, members
from marketkeep.query.states import Published
from marketkeep.raw import BatchStore
from marketkeep.stores.lake import batch_rows, layout
from marketkeep.stores.lake.reference import index_members, treasury_yields
from member_rows import RECEIVED, listed, rows, told
from small_keep import SmallKeep


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """An empty keep."""
    return SmallKeep(tmp_path / "keep").work


def batch(work: Workspace, dataset: str, source: str, frame: pl.DataFrame, at: datetime = RECEIVED) -> pl.DataFrame:
    """One raw batch of these rows."""
    one = Lineage(f"sha256:{source}", "pack", 0, "https://x.example/", (), None, None, at)
    columns = list(RAW_TABLES[dataset].schema)
    written = work.batches.write(dataset, source, "run", frame.select(columns), [one])
    assert written is not None
    return batch_rows([written])


def two_sources(work: Workspace) -> list[pl.DataFrame]:
    """A page with a change, and a fund that has one share that the page has not."""
    page = rows(listed("2024-06-03", "A", "B"), told("added", "B", "2024-03-01"), listed("2024-01-02", "A"))
    fund = rows(listed("2024-05-01", "A", "B", "X", source="ishares"))
    return [batch(work, "index_members", "wikipedia", page), batch(work, "index_members", "ishares", fund)]


def test_members_are_published_and_read(work: Workspace) -> None:
    """
    The file has the intervals, a reader asks for a day, and the differences are findings in a file of their own.
    """
    found = publish_membership(work, pl.concat(two_sources(work)))
    assert index_members(work.lake).schema == INDEX_MEMBERS.schema
    assert members(Published(work.lake), "sp500", date(2024, 2, 1)) == ["A"]
    assert members(Published(work.lake), "sp500", date(2024, 3, 1)) == ["A", "B"]
    assert member_intervals(Published(work.lake), "sp500")["from_source"].to_list() == [None, "wikipedia"]
    assert found["detail"].to_list() == ["ishares has X in sp500, wikipedia has not"]
    keep_differences(work, found)
    hold_findings(work)
    assert work.lake.findings().equals(found)
    keep_differences(work, FINDINGS.empty())
    hold_findings(work)
    assert work.lake.findings().is_empty()


def test_order_of_batches_leaves_the_same_bytes(work: Workspace) -> None:
    """
    A rebuild writes the file that updates wrote.
    """
    batches = two_sources(work)
    file = Path(work.files.place) / layout.INDICES
    publish_membership(work, batches[0])
    publish_membership(work, pl.concat(batches))
    first = file.read_bytes()
    file.unlink()
    publish_membership(work, pl.concat(batches[::-1]))
    assert file.read_bytes() == first


def test_nothing_told_no_file(work: Workspace) -> None:
    """
    Without batches there is neither file nor error, and a reader is told what there is.
    """
    assert publish_membership(work, BATCHES.empty()).is_empty()
    publish_yields(work, BATCHES.empty())
    assert not (Path(work.files.place) / layout.INDICES).exists()
    assert not (Path(work.files.place) / layout.YIELDS).exists()
    assert treasury_yields(work.lake).is_empty()
    with pytest.raises(NotFound, match="it has those of: none"):
        members(Published(work.lake), "sp500", date(2024, 1, 2))


def test_yields_are_published(work: Workspace) -> None:
    """
    The curve is one file, by day and tenor.
    """
    frame = pl.DataFrame(
        {"date": [date(2025, 1, 2)] * 2, "tenor": ["10Y", "3M"], "yield": [4.57, 4.36], "payload": [0, 0]},
        schema=RAW_TABLES["treasury_yields"].schema,
    )
    publish_yields(work, batch(work, "treasury_yields", "treasury", frame))
    assert treasury_yields(work.lake).rows() == [
        (date(2025, 1, 2), "3M", 4.36, "treasury"),
        (date(2025, 1, 2), "10Y", 4.57, "treasury"),
    ]


# --- what grows ------------------------------------------------------------------------------------------------------


def daily(work: Workspace, number: int) -> pl.DataFrame:
    """The batch of one day's page, the same but for its date."""
    day, at = str(date(2024, 6, 3) + timedelta(days=number)), RECEIVED + timedelta(days=number)
    page = rows(listed(day, "A", "B"), told("added", "B", "2024-03-01"))
    return batch(work, "index_members", "wikipedia", page, at)


def fold(work: Workspace) -> Path:
    """The one file that is kept of folded lists."""
    (path,) = (Path(work.files.place) / "catalog" / "folded").glob("index_members-*")
    return path


def test_only_new_lists_are_read(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A day more costs a day: of all batches only the new one is opened, and the fold has no more rows for it.
    """
    batches = [daily(work, number) for number in range(30)]
    publish_membership(work, pl.concat(batches[:-1]))
    before = pl.read_parquet(fold(work)).height
    read: list[list[str]] = []
    real = BatchStore.rows

    def noted(store: BatchStore, dataset: str, paths: Iterable[str], **more: Any) -> pl.DataFrame:
        read.append(list(paths))
        return real(store, dataset, read[-1], **more)

    monkeypatch.setattr(BatchStore, "rows", noted)
    publish_membership(work, pl.concat(batches))
    assert read == [batches[-1]["path"].to_list()]
    assert pl.read_parquet(fold(work)).height == before
    file = (Path(work.files.place) / layout.INDICES).read_bytes()
    assert pl.read_parquet(file)["symbol"].to_list() == ["A", "B"]


def test_step_by_step_or_at_once(work: Workspace) -> None:
    """
    The fold, the members and the findings are the same from one batch after another, the newest first, as from all.
    """
    batches = [*two_sources(work), *(daily(work, number) for number in range(5))]
    for count in range(1, len(batches) + 1):
        found = publish_membership(work, pl.concat(batches[-count:]))
    step_by_step = fold(work).name, fold(work).read_bytes(), (Path(work.files.place) / layout.INDICES).read_bytes()
    fold(work).unlink()
    assert publish_membership(work, pl.concat(batches)).equals(found)
    index = (Path(work.files.place) / layout.INDICES).read_bytes()
    assert (fold(work).name, fold(work).read_bytes(), index) == step_by_step


def test_trap_30_member_is_published_as_its_bars_are(tmp_path: Path) -> None:
    """
    A member whose ticker somebody else has now stands there as its bars do, so that these are found; an update that
    brings the new holder comes to what a rebuild comes to.
    """
    keep = SmallKeep(tmp_path / "keep")
    first, second = "First Co. - Common Stock", "Second Corp. - Common Stock"
    then = told("added", "REUS", "2024-05-01"), told("removed", "REUS", "2024-06-05")
    page = rows(*then, told("added", "REUS", "2025-05-12"), listed("2025-05-12", "REUS"))
    days = [(date(2024, 6, 3), {"REUS": first}), (date(2024, 6, 4), {}), (date(2024, 6, 5), {})]
    for day, lines in days:
        kept(keep.work.batches, directory(day, lines))
    kept(keep.work.batches, page, "index_members")
    absorb(keep.work)
    assert set(index_members(keep.work.lake)["symbol"]) == {"REUS"}
    kept(keep.work.batches, directory(date(2025, 5, 5), {"REUS": second}))
    absorb(keep.work)
    table = index_members(keep.work.lake)
    assert table.select("symbol", "from", "to").rows() == [
        ("REUS", date(2025, 5, 12), None),
        ("REUS~2024", date(2024, 5, 1), date(2024, 6, 5)),
    ]
    rebuild(keep.work)
    assert index_members(keep.work.lake).equals(table)
    assert keep.open().members("sp500", date(2024, 5, 2)) == ["REUS~2024"]
