"""
Company facts: every value that a company's filings reported in XBRL, as a table.

All taxonomies and units are kept, and every row: a period's value is told again by later filings, and may be told
differently. `fiscal_year` and `fiscal_period` are the filing's. What is first known, restated or comparable is
decided by `gold`, not here. A fact without a value is left out, and of rows that are the same in every part one stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from marketkeep.model import RAW_TABLES, Frames
from marketkeep.sources.sec.answers import column, empty, malformed

_TABLE = RAW_TABLES["facts"]
_TYPES = _TABLE.delivered
# The column, the name the SEC gives it, and whether every fact has one.
_FIELDS = (
    ("start", "start", False),
    ("end", "end", True),
    ("value", "val", True),
    ("accession", "accn", True),
    ("fiscal_year", "fy", False),
    ("fiscal_period", "fp", False),
    ("form", "form", False),
    ("filed", "filed", True),
    ("frame", "frame", False),
)


def read_facts(told: dict[str, Any], cik: int) -> Frames:
    """The facts of one company; refused when there is none."""
    if not told:
        raise empty(f"CIK{cik:010d}", "facts")
    if not isinstance(told.get("facts"), dict):
        raise malformed("not companyfacts: it has no facts")
    names: dict[str, list[str]] = {"taxonomy": [], "concept": [], "unit": []}
    counts: list[int] = []
    facts: list[dict[str, Any]] = []
    for taxonomy, concept, unit, values in _groups(told["facts"]):
        if not values:
            continue
        names["taxonomy"].append(taxonomy)
        names["concept"].append(concept)
        names["unit"].append(unit)
        counts.append(len(values))
        facts += values
    frame = _frame(names, counts, facts, cik) if facts else None
    if frame is None or frame.is_empty():
        raise empty(f"CIK{cik:010d}", "facts")
    return {"facts": frame}


def _groups(taxonomies: dict[str, Any]) -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    for taxonomy, concepts in taxonomies.items():
        for concept, about in concepts.items():
            for unit, values in about["units"].items():
                yield taxonomy, concept, unit, values


def _frame(names: dict[str, list[str]], counts: list[int], facts: list[dict[str, Any]], cik: int) -> pl.DataFrame:
    # One name stands for many rows: the index of each row's group is made once and the names are looked up by it.
    groups = pl.select(pl.int_range(len(counts), dtype=pl.UInt32).repeat_by(pl.Series(counts)).explode()).to_series()
    made = {name: pl.Series(name, values, dtype=pl.String).gather(groups) for name, values in names.items()}
    for name, theirs, always in _FIELDS:
        values = [fact[theirs] for fact in facts] if always else [fact.get(theirs) for fact in facts]
        made[name] = column(values, _TYPES[name], name)
    frame = pl.DataFrame(made).with_columns(cik=pl.lit(cik, dtype=pl.Int64)).filter(pl.col("value").is_not_null())
    needed = ("end", "accession", "filed")
    if any(frame[name].null_count() for name in needed):
        raise ValueError(f"a fact without one of {', '.join(needed)}")
    return frame.select(list(_TYPES)).unique(maintain_order=True)
