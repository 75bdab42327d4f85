"""
Publishing what is one table for all symbols: members of indices and the yield curve, each from all that was ever told.

Both are small and written whole, so a rebuild and an update come to the same bytes. Of lists of members, which repeat
themselves every day, only new batches are read. Membership follows renames: what tells of them is published first.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.member_differences import differences_between
from marketkeep.gold.member_evidence import witnesses
from marketkeep.gold.member_runs import member_runs, together
from marketkeep.gold.membership import members_by
from marketkeep.gold.yields import resolve_yields
from marketkeep.pipeline.publishing.findings import replace_whole
from marketkeep.pipeline.publishing.folded import Fold, folded
from marketkeep.pipeline.publishing.rows import batch_files
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout

_MEMBERS = Fold("index_members", member_runs, together)


def publish_membership(work: Workspace, batches: pl.DataFrame) -> pl.DataFrame:
    """
    Write reference/index_constituents, and return where sources disagree as `FINDINGS` rows.

    Those are all that stand, not only new ones: they replace what was found before (see `keep_differences`).
    """
    found = witnesses(folded(work, batches, _MEMBERS), work.lake.ticker_history(), work.lake.tickers())
    _write(work, layout.INDICES, members_by(found))
    return differences_between(found)


def keep_differences(work: Workspace, found: pl.DataFrame) -> None:
    """Keep what `publish_membership` returned, in a file of its own that is replaced whole."""
    replace_whole(work, "index_members", found)


def publish_yields(work: Workspace, batches: pl.DataFrame) -> None:
    """Write reference/treasury_yields: of each day and tenor what was told last."""
    rows = work.batches.rows("treasury_yields", batch_files(batches, "treasury_yields"))
    _write(work, layout.YIELDS, resolve_yields(rows))


def _write(work: Workspace, path: str, frame: pl.DataFrame) -> None:
    if frame.is_empty():
        work.lake.drop(path)
    else:
        work.lake.put_frame(path, frame)
