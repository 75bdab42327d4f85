"""
Keeping findings: one file a batch, replaced whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import polars as pl

from marketkeep.checks import BAR_CHECKS
from marketkeep.model import FINDINGS
from marketkeep.pipeline.publishing.bars import REVISED
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout

_ABOUT_ROWS = [REVISED, *(check.code for check in BAR_CHECKS)]


def keep_findings(work: Workspace, found: Sequence[pl.DataFrame], again: Mapping[str, AbstractSet[str]]) -> None:
    """
    Write the findings of each batch concerned.

    `again` names symbols by batch whose rows were looked at anew: what was found about those before gives way, what is
    known of other symbols and of the answers themselves stays.
    """
    by_batch = pl.concat(found).partition_by("batch_id", as_dict=True)
    for batch_id in sorted({*(str(name) for (name,) in by_batch), *again}):
        rows = [by_batch.get((batch_id,), FINDINGS.empty())]
        path = layout.findings(batch_id)
        if batch_id in again and (work.root / path).exists():
            known = pl.read_parquet(work.root / path)
            anew = pl.col("check").is_in(_ABOUT_ROWS) & pl.col("symbol").is_in(sorted(again[batch_id]))
            rows.append(known.filter(~anew))
        whole = pl.concat(rows)
        if whole.is_empty():
            work.lake.drop(path)
        else:
            work.lake.put_frame(path, whole.sort(*FINDINGS.key, "detail"))
