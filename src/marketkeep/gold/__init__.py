"""Gold: pure functions from raw rows to what is true. Touches neither disk nor network."""

from marketkeep.gold.applications import needs_whole
from marketkeep.gold.basis import as_traded
from marketkeep.gold.factors import adjust, factor_steps, with_factors
from marketkeep.gold.jury import Evidence, concerned, judge, others, retold, told_actions
from marketkeep.gold.minutes import MINUTE_PRICES, MinuteGold, promote_minutes
from marketkeep.gold.newest import newest_actions
from marketkeep.gold.promote import BarChecks, Gold, promote, reweighed, sift, weigh
from marketkeep.gold.resolve import candidates, revisions

__all__ = [
    "MINUTE_PRICES",
    "BarChecks",
    "Evidence",
    "Gold",
    "MinuteGold",
    "adjust",
    "as_traded",
    "candidates",
    "concerned",
    "factor_steps",
    "judge",
    "needs_whole",
    "newest_actions",
    "others",
    "promote",
    "promote_minutes",
    "retold",
    "revisions",
    "reweighed",
    "sift",
    "told_actions",
    "weigh",
    "with_factors",
]
