"""
The jury of corporate actions: what sources claim and what witnesses measure, weighed into one verdict an event. Pure.
"""

from marketkeep.gold.jury.claims import TOLD, told_actions
from marketkeep.gold.jury.evidence import SHARE_DAYS, Evidence
from marketkeep.gold.jury.judging import concerned, judge, others, retold
from marketkeep.gold.jury.steps import EVIDENCE_DAYS

__all__ = ["EVIDENCE_DAYS", "SHARE_DAYS", "TOLD", "Evidence", "concerned", "judge", "others", "retold", "told_actions"]
