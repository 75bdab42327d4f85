"""Every check of the product: seeded in the gym, or told here why it is not."""

from __future__ import annotations

from collections.abc import Iterator

from gym.defects_actions import CASH, SPLITS
from gym.defects_bars import APART
from gym.defects_bars import KINDS as BARS
from gym.defects_facts import KINDS as FACTS
from gym.defects_listing import LISTING, MEMBERS
from gym.defects_minutes import KINDS as MINUTES
from marketkeep.checks import BAR_CHECKS, MINUTE_CHECKS
from marketkeep.checks.actions import ACTION_CHECKS
from marketkeep.checks.coverage import COVERAGE_CHECKS
from marketkeep.checks.fundamentals import FUNDAMENTAL_CHECKS
from marketkeep.checks.membership import MEMBERSHIP_CHECKS
from marketkeep.checks.minute_days import MINUTE_DAY_CHECKS
from marketkeep.checks.reference import REFERENCE_CHECKS

KINDS = (*BARS, *APART, *MINUTES, *FACTS, *SPLITS, *CASH, *LISTING, *MEMBERS)
_OWN = "the source's reader never lets such a row through; `tests/checks` holds the check itself"
_ALL = {
    "daily_bars": (*BAR_CHECKS, *COVERAGE_CHECKS),
    "minute_bars": (*MINUTE_CHECKS, *MINUTE_DAY_CHECKS),
    "actions": ACTION_CHECKS,
    "fundamentals": FUNDAMENTAL_CHECKS,
    "index_members": MEMBERSHIP_CHECKS,
    "securities": REFERENCE_CHECKS,
}
NOT_SEEDED: dict[tuple[str, str], str] = {
    ("actions", "action_disputed"): "what is in dispute is counted with the verdicts, see above",
    ("index_members", "members_overlap"): "no payload can cause it: intervals are made from changes in their order",
    ("index_members", "members_reversed"): "no payload can cause it; a file that says so is refused, see above",
    ("securities", "ticker_collision"): "no payload can cause it: a property test holds that spells follow each other",
    ("minute_bars", "price_missing"): _OWN,
    ("minute_bars", "off_minute"): _OWN,
    ("minute_bars", "not_a_session"): "the gym trades on sessions only; `tests/checks` holds the check itself",
    ("minute_bars", "outside_date"): "a row's date is worked out from its time; `tests/checks` holds the check itself",
    ("minute_bars", "not_undoable"): "Polygon is asked for as-traded minutes; `tests/checks` holds the check itself",
    ("minute_bars", "not_final"): "seeded for daily bars; `tests/checks` holds it for minutes",
    ("minute_bars", "volume_missing"): _OWN,
}
"""Checks, by dataset and code, of which this report seeds nothing, and why."""


def unseeded() -> Iterator[tuple[str, str]]:
    """Dataset and code of the checks of which no kind of defect is planted."""
    planted = {(one.dataset, one.code) for one in KINDS} | {("daily_bars", one.code) for one in (*SPLITS, *CASH)}
    for dataset, checks in _ALL.items():
        for check in checks:
            if (dataset, check.code) not in planted:
                yield dataset, check.code


def unseeded_rows() -> list[tuple[str, ...]]:
    """Check, dataset and why it is not seeded."""
    return [(f"`{code}`", dataset, NOT_SEEDED.get((dataset, code), "")) for dataset, code in unseeded()]
