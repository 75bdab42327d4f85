"""
From checks to marks: runs a set of rules over a frame and adds up what each row loses. It knows no rule itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from marketkeep.checks.rules import Check
from marketkeep.checks.windows import Whole


def score(frame: pl.DataFrame, checks: Sequence[Check]) -> pl.DataFrame:
    """
    `frame` with `failed` (a bit per check, in their order), `hard` (bool) and `score` (Int16, 0 to 100; 0 where hard).
    """
    marked = frame.lazy().with_columns(check.hits().fill_null(value=False).alias(check.code) for check in checks)
    hard = pl.any_horizontal(check.code for check in checks if check.hard)
    lost = pl.sum_horizontal(pl.col(check.code).cast(pl.Int16) * check.weight for check in checks)
    bits = pl.sum_horizontal(pl.col(check.code).cast(pl.UInt32) * (1 << i) for i, check in enumerate(checks))
    return (
        marked.with_columns(hard=hard, lost=lost, failed=bits.cast(pl.UInt32))
        .with_columns(score=pl.when("hard").then(0).otherwise((100 - pl.col("lost")).clip(0, 100)).cast(pl.Int16))
        .drop([check.code for check in checks], "lost")
        .collect()
    )


def add_marks(
    checked: pl.DataFrame, rows: Whole, told: Sequence[tuple[Check, pl.Series]], checks: Sequence[Check]
) -> pl.DataFrame:
    """
    Scored rows with further marks: `told` are checks and, for each of `rows` (positions), whether it fails them.

    A row's score is worked out again from all of its bits, which stand for `checks`; marks it had stay.
    """
    failed = checked["failed"].to_numpy().copy()
    hard = checked["hard"].to_numpy().copy()
    scores = checked["score"].to_numpy().copy()
    bits = failed[rows]
    for check, hits in told:
        bits |= hits.to_numpy().astype(np.uint32) << checks.index(check)
    lost = np.zeros(len(rows), dtype=np.int64)
    for i, check in enumerate(checks):
        has = (bits >> i & 1).astype(bool)
        lost += check.weight * has
        if check.hard:
            hard[rows] |= has
    failed[rows] = bits
    scores[rows] = np.where(hard[rows], 0, np.clip(100 - lost, 0, 100))
    return checked.with_columns(pl.Series("failed", failed), pl.Series("hard", hard), pl.Series("score", scores))


def codes_behind(bits: int, checks: Sequence[Check]) -> list[str]:
    """The codes behind the `failed` bits of one row, in the order of the checks."""
    return [check.code for i, check in enumerate(checks) if bits >> i & 1]


def count_copies(frame: pl.DataFrame, key: Sequence[str], values: Sequence[str]) -> pl.DataFrame:
    """
    Mark rows told more than once under one `key`: `copied`, and `conflicting` where the copies differ in `values`.

    Rows of a key lie together, so equal neighbours are found without grouping millions of rows.
    """
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key)
    frame = frame.with_columns(copied=(same | same.shift(-1)).fill_null(value=False))
    if not frame["copied"].any():
        return frame.with_columns(conflicting=pl.lit(value=False))
    variants = pl.struct(*values).n_unique().over(key)
    return frame.with_columns(conflicting=pl.when("copied").then(variants > 1).otherwise(pl.lit(value=False)))
