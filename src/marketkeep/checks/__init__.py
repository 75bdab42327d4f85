"""Checks: one rule per function, frame in, marks and findings out; scoring. Touches neither disk nor network."""

from marketkeep.checks.absurd import reject_absurd
from marketkeep.checks.bars import BAR_CHECKS, check_bars, failed_codes
from marketkeep.checks.context import bar_context
from marketkeep.checks.findings import bar_findings, minute_findings, revision_findings
from marketkeep.checks.minutes import MINUTE_CHECKS, check_minutes, minute_codes
from marketkeep.checks.rules import Check
from marketkeep.checks.series import check_series
from marketkeep.checks.windows import NEAR_DAYS

__all__ = [
    "BAR_CHECKS",
    "MINUTE_CHECKS",
    "NEAR_DAYS",
    "Check",
    "bar_context",
    "bar_findings",
    "check_bars",
    "check_minutes",
    "check_series",
    "failed_codes",
    "minute_codes",
    "minute_findings",
    "reject_absurd",
    "revision_findings",
]
