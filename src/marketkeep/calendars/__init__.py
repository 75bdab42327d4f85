"""Sessions per venue and asset class, answered from committed data; no calendar library at runtime."""

from marketkeep.calendars.sessions import Calendar
from marketkeep.calendars.venues import UTC_DAYS, XNYS, calendar_for

__all__ = ["UTC_DAYS", "XNYS", "Calendar", "calendar_for"]
