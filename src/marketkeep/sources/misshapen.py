"""
What reading raises where a payload holds other things than its kind does.

A source turns these into a refusal; whatever else is raised is a fault of its own.
"""

from __future__ import annotations

import polars as pl

MISSHAPEN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    pl.exceptions.PolarsError,
)
