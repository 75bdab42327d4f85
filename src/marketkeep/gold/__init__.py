"""Gold: pure functions from raw rows to what is true. Touches neither disk nor network."""

from marketkeep.gold.actions import newest_actions, resolve_actions
from marketkeep.gold.basis import as_traded
from marketkeep.gold.factors import adjust, with_factors
from marketkeep.gold.minutes import MINUTE_PRICES, MinuteGold, promote_minutes
from marketkeep.gold.promote import Gold, promote
from marketkeep.gold.resolve import candidates, revisions

__all__ = [
    "MINUTE_PRICES",
    "Gold",
    "MinuteGold",
    "adjust",
    "as_traded",
    "candidates",
    "newest_actions",
    "promote",
    "promote_minutes",
    "resolve_actions",
    "revisions",
    "with_factors",
]
