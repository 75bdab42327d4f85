"""
New York's clock: the zone of the US exchanges, and the date it shows at an instant.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
"""The zone in which US sessions are named."""


def new_york_date(moment: datetime) -> date:
    """The date in New York at an instant, which must be aware: a naive one is taken for this machine's own time."""
    return moment.astimezone(NEW_YORK).date()
