"""
Corporate actions from raw to verdicts in one call; see `gold.jury` for how claims and witnesses are weighed.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.jury import Evidence, judge, told_actions
from marketkeep.gold.newest import newest_actions
from marketkeep.model import Policy

__all__ = ["newest_actions", "resolve_actions"]


def resolve_actions(raw: pl.DataFrame, policy: Policy, evidence: Evidence | None = None) -> pl.DataFrame:
    """
    One verdict per event, as `ACTIONS` rows; without `evidence` by what sources tell alone.

    adjustment_factor is left to `with_factors`, except where a step is all that is known.
    """
    return judge(told_actions(raw, policy), evidence or Evidence(), policy)
