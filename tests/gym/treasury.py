"""
The Treasury's file of a year: newest day first, percent, a column for each tenor of that year, blanks and `N/A` where
a day has none. A session's curve is there from the evening on.
"""

from __future__ import annotations

from datetime import date

from gym.truth import Truth
from gym.wire import Ask, Reply
from gym.yields import TENORS, had, point

_PATH = "/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/"
_AFTER_CLOSE = 9_000


class Treasury:
    """Answers for home.treasury.gov."""

    name = "treasury"
    hosts = frozenset({"home.treasury.gov"})
    variants = frozenset({"empty", "not_found"})

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def key_of(self, ask: Ask) -> str | None:
        """The year of a file."""
        year = _year(ask)
        return None if year is None else f"curve {year}"

    def answer(self, ask: Ask) -> Reply | None:
        """The file of a year, or a page where the parameters are not those of a file."""
        year = _year(ask)
        if year is None:
            return None
        if ask.variant == "not_found" or year < 1990:
            return Reply(404, b"<!DOCTYPE html><html><body>Page not found</body></html>", "text/html")
        wanted = ("daily_treasury_yield_curve", "csv", str(year))
        if tuple(ask.params.get(name) for name in ("type", "_format", "field_tdr_date_value")) != wanted:
            return Reply(200, b"<!DOCTYPE html><html><body>Rates</body></html>", "text/html")
        tenors = [tenor for tenor in TENORS if had(tenor, year)]
        days = [] if ask.variant == "empty" else self.days(year, ask.now)
        head = ",".join(["Date", *(f'"{TENORS[tenor]}"' for tenor in tenors)])
        lines = [f"{day:%m/%d/%Y},{self._row(day, tenors)}" for day in reversed(days)]
        return Reply(200, ("\n".join([head, *lines]) + "\n").encode(), "text/csv; charset=utf-8")

    def days(self, year: int, now: float) -> list[date]:
        """The sessions of a year whose curve is known, oldest first."""
        sessions = self.truth.sessions
        known = sessions.dates[sessions.closes + _AFTER_CLOSE <= now].tolist()
        return [day for day in known if day.year == year]

    def _row(self, day: date, tenors: list[str]) -> str:
        points = [(tenor, point(self.truth.seed, day, tenor)) for tenor in tenors]
        blank = ("", "N/A", "0.00")[day.toordinal() % 3]
        return ",".join(blank if value is None else f"{value:.2f}" for _, value in points)


def _year(ask: Ask) -> int | None:
    text, _, rest = ask.path.removeprefix(_PATH).partition("/")
    return int(text) if ask.path.startswith(_PATH) and rest == "all" and text.isdigit() else None
