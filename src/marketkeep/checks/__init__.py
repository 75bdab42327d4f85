"""Checks: one rule per function, frame in, marks and findings out; scoring. Touches neither disk nor network."""

from marketkeep.checks.bars import BAR_CHECKS, check_bars, failed_codes
from marketkeep.checks.findings import bar_findings
from marketkeep.checks.rules import Check

__all__ = ["BAR_CHECKS", "Check", "bar_findings", "check_bars", "failed_codes"]
