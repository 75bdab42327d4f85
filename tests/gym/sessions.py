"""Sessions of XNYS as arrays: dates, and opening and closing instants in epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from marketkeep.calendars import XNYS

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, eq=False)
class Sessions:
    """`dates` are datetime64[D]; `opens` and `closes` are int64 epoch seconds of the regular session."""

    dates: Any
    opens: Any
    closes: Any

    def between(self, first: date, last: date) -> Sessions:
        """The sessions from `first` through `last`."""
        lo = int(np.searchsorted(self.dates, np.datetime64(first, "D")))
        hi = int(np.searchsorted(self.dates, np.datetime64(last, "D"), side="right"))
        return Sessions(self.dates[lo:hi], self.opens[lo:hi], self.closes[lo:hi])


def xnys(first: date, last: date) -> Sessions:
    """Sessions from `first` through `last`."""
    frame = XNYS.frame(first, last + timedelta(days=1))
    opens, closes = (frame[name].dt.epoch("s").to_numpy() for name in ("open", "close"))
    return Sessions(frame["session"].to_numpy().astype("datetime64[D]"), opens, closes)


def new_york_date(epoch: float) -> date:
    """The date in New York at an instant."""
    return datetime.fromtimestamp(epoch, NEW_YORK).date()


def utc_offset(epoch: float) -> tuple[int, str]:
    """Seconds east of UTC in New York at an instant, and the zone's short name."""
    moment = datetime.fromtimestamp(epoch, NEW_YORK)
    offset = moment.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()), moment.tzname() or ""
