"""
Checks of what stands published, worked out when somebody asks: they mark no row, cost no score and are not kept.

A state has no payload to blame, so what they find has neither batch nor time; it is true of the moment of asking.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketkeep.checks.rules import Severity
from marketkeep.model import ISSUES


@dataclass(frozen=True, slots=True)
class Standing:
    """One check of a state: its code, how bad a hit is, and one sentence for the data dictionary."""

    code: str
    severity: Severity
    doc: str

    def found(self, rows: pl.DataFrame, dataset: str | None = None) -> pl.DataFrame:
        """
        `ISSUES` rows of what was found: `rows` have detail and as much of symbol, first, last, count as there is.

        `dataset` is that of all rows, unless they have a column of that name.
        """
        named = rows if dataset is None else rows.with_columns(dataset=pl.lit(dataset))
        known = [name for name in named.columns if name in ISSUES.schema]
        told = named.select(known).with_columns(check=pl.lit(self.code), severity=pl.lit(self.severity))
        return ISSUES.conform(told)
