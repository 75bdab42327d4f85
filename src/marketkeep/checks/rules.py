"""
What a check is: a code, how bad a hit is, what it costs in score, and one sentence for the data dictionary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Check:
    """
    One rule over bars: `hits` makes an expression that is true where a row fails it.

    A rule of one row is called with nothing, a rule of a row in its context with the thresholds. A `hard` check keeps
    the row from ever becoming gold; a soft one takes `weight` from its score of 100.
    """

    code: str
    severity: Severity
    weight: int
    doc: str
    hits: Callable[..., pl.Expr]
    hard: bool = False
