"""
Reading the reference tables that are one file each: members of indices and the yield curve.

What is not there has no rows: nobody has asked for it yet.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model import INDEX_MEMBERS, TREASURY_YIELDS
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.lake import Lake


def index_members(lake: Lake, version: str | None = None) -> pl.DataFrame:
    """When which symbol was a member of which index, as `INDEX_MEMBERS` rows; `version` is the catalog's."""
    return lake.table(layout.INDICES, INDEX_MEMBERS, version)


def treasury_yields(lake: Lake, version: str | None = None) -> pl.DataFrame:
    """The daily par yield curve, as `TREASURY_YIELDS` rows; `version` is the catalog's."""
    return lake.table(layout.YIELDS, TREASURY_YIELDS, version)
