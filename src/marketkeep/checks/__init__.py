"""Checks: one rule per function, frame in, marks and findings out; scoring. Touches neither disk nor network."""

from marketkeep.checks.bars import BAR_CHECKS, check_bars, failed_codes
from marketkeep.checks.findings import bar_findings, minute_findings
from marketkeep.checks.minutes import MINUTE_CHECKS, check_minutes, minute_codes
from marketkeep.checks.rules import Check

__all__ = [
    "BAR_CHECKS",
    "MINUTE_CHECKS",
    "Check",
    "bar_findings",
    "check_bars",
    "check_minutes",
    "failed_codes",
    "minute_codes",
    "minute_findings",
]
