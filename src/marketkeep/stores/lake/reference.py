"""
Reading the reference tables that are one file each: members of indices and the yield curve.

What is not there has no rows: nobody has asked for it yet.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model import INDEX_MEMBERS, TREASURY_YIELDS, Table
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.lake import Lake


def index_members(lake: Lake) -> pl.DataFrame:
    """When which symbol was a member of which index, as `INDEX_MEMBERS` rows."""
    return _read(lake, layout.INDICES, INDEX_MEMBERS)


def treasury_yields(lake: Lake) -> pl.DataFrame:
    """The daily par yield curve, as `TREASURY_YIELDS` rows."""
    return _read(lake, layout.YIELDS, TREASURY_YIELDS)


def _read(lake: Lake, path: str, table: Table) -> pl.DataFrame:
    file = lake.root / path
    return pl.read_parquet(file, glob=False) if file.exists() else table.empty()
