"""
The yield curve from what sources told of it, and its points as securities of the class bond.

Of each day and tenor the Treasury's own word counts before any other, and what was told last before what was told
earlier.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model import SECURITIES, TREASURY_YIELDS

_OWN = "treasury"
_NAMES = {
    "1M": "1-month bill",
    "1.5M": "6-week bill",
    "2M": "2-month bill",
    "3M": "3-month bill",
    "4M": "4-month bill",
    "6M": "6-month bill",
    "1Y": "1-year bill",
    "2Y": "2-year note",
    "3Y": "3-year note",
    "5Y": "5-year note",
    "7Y": "7-year note",
    "10Y": "10-year note",
    "20Y": "20-year bond",
    "30Y": "30-year bond",
}


def resolve_yields(rows: pl.DataFrame) -> pl.DataFrame:
    """`TREASURY_YIELDS` rows, by date and then from the shortest tenor, from raw rows in any order."""
    own = (pl.col("source") == _OWN).alias("own")
    ordered = rows.with_columns(own).sort("own", "fetched_at", "batch_id", "payload")
    newest = ordered.unique(["date", "tenor"], keep="last", maintain_order=True)
    place = pl.col("tenor").replace_strict({tenor: at for at, tenor in enumerate(_NAMES)}, default=len(_NAMES))
    return TREASURY_YIELDS.conform(newest.sort("date", place, "tenor").select(list(TREASURY_YIELDS.schema)))


def treasury_symbol(tenor: str) -> str:
    """The symbol of a point of the curve: `^UST3M` for 3M, `^UST6W` for 1.5M, which has no point in it."""
    return "^UST6W" if tenor == "1.5M" else f"^UST{tenor}"


def treasury_securities(yields: pl.DataFrame) -> pl.DataFrame:
    """
    The points of the curve that are held, as `SECURITIES` rows of class bond, low in priority, collected by no symbol.

    `yields` are `TREASURY_YIELDS` rows; no row without any.
    """
    held = yields.group_by("tenor").agg(first_session=pl.col("date").min(), last_session=pl.col("date").max())
    rows = [
        {
            "security_id": treasury_symbol(tenor),
            "symbol": treasury_symbol(tenor),
            "name": f"US Treasury {_NAMES.get(tenor, tenor)}, par yield",
            "asset_class": "bond",
            "priority": "low",
            # The curve is collected as a whole, whichever of its points are followed.
            "followed": False,
            "active": True,
            "first_session": first,
            "last_session": last,
        }
        for tenor, first, last in held.iter_rows()
    ]
    frame = pl.DataFrame(rows, schema={name: SECURITIES.schema[name] for name in rows[0]}) if rows else None
    return SECURITIES.empty() if frame is None else SECURITIES.conform(frame).sort("symbol")
