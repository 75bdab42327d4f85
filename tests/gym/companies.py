"""
The truth of companies: who stands behind each security, what it filed and when that was accepted.

One company a security (those that share a CIK in the truth's profiles are one; a fund has none). What its filings
report is made in `gym.reports`. Instants here are real ones, whatever a vendor makes of them.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from gym.truth import Security, Truth

NEW_YORK = ZoneInfo("America/New_York")
_EXCHANGES = {"XNAS": "Nasdaq", "XNYS": "NYSE", "XASE": "NYSE"}
_YEAR_ENDS = (12, 12, 12, 9, 6, 1)
_ACCEPTED = (time(7, 1, 33), time(16, 5, 12), time(16, 31, 45), time(17, 45, 20))
# What comes in later than this counts as filed on the next day.
_LATEST = time(17, 30)


@dataclass(frozen=True)
class Quarter:
    """One fiscal quarter: its days, the fiscal year it is in and its number in that (1 to 4)."""

    start: date
    end: date
    year: int
    number: int


@dataclass(frozen=True)
class Filing:
    """One filing; `quarter` is what a periodic one reports on."""

    accession: str
    form: str
    filed: date
    accepted: datetime
    report: date | None
    items: str
    document: str
    quarter: Quarter | None = None


@dataclass(frozen=True)
class Company:
    """
    Who a company is: `foreign` ones report once a year, `bank`s have no revenues, `restates` one year later on.

    `eastern` ones have the time of day in New York told as if it were UTC, as the SEC does for some.
    """

    cik: int
    symbols: tuple[str, ...]
    security: Security
    name: str
    former_name: str | None
    exchange: str | None
    year_end: int
    weeks: bool
    foreign: bool
    bank: bool
    restates: bool
    eastern: bool
    busy: bool


class Companies:
    """Every company of a truth, by CIK."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self._filings: dict[int, list[Filing]] = {}

    @cached_property
    def symbols_of(self) -> dict[int, tuple[str, ...]]:
        """The securities of each company."""
        found: dict[int, list[str]] = {}
        for symbol in self.truth.symbols:
            if (cik := self.cik_of(symbol)) is not None:
                found.setdefault(cik, []).append(symbol)
        return {cik: tuple(symbols) for cik, symbols in found.items()}

    def cik_of(self, symbol: str) -> int | None:
        """The company behind a security; None where there is none, as for a fund."""
        return self.truth.profile(symbol).cik

    def company(self, cik: int) -> Company | None:
        """The company of a number; None where nobody has it."""
        symbols = self.symbols_of.get(cik)
        if symbols is None:
            return None
        security = self.truth.security(symbols[0])
        number, profile = security.number, self.truth.profile(symbols[0])
        return Company(
            cik,
            symbols,
            security,
            profile.name,
            profile.former_name,
            _EXCHANGES.get(profile.exchange),
            _YEAR_ENDS[number % len(_YEAR_ENDS)],
            weeks=number % 9 == 7,
            foreign=number % 13 == 4,
            bank=number % 12 == 8,
            restates=number % 6 == 2,
            eastern=number % 10 == 9,
            busy=number % 20 == 7,
        )

    def quarters(self, company: Company) -> list[Quarter]:
        """The quarters that it reports on, and three years before them that are told for comparison."""
        months = [(company.year_end + 3 * number - 1) % 12 + 1 for number in (1, 2, 3, 4)]
        ends = []
        for year in range(self.truth.first.year - 4, self.truth.last.year + 2):
            for number, month in enumerate(months, 1):
                # The year is named for the calendar year in which it ends.
                calendar = year - 1 if month > company.year_end else year
                ends.append((_month_end(calendar, month, company.weeks), year, number))
        return [
            Quarter(before[0] + timedelta(days=1), end, year, number) for before, (end, year, number) in pairwise(ends)
        ]

    def filings(self, company: Company) -> list[Filing]:
        """All its filings, in the order of their acceptance; each year's are numbered through."""
        if company.cik not in self._filings:
            self._filings[company.cik] = self._made(company)
        return self._filings[company.cik]

    def known(self, company: Company, now: float) -> list[Filing]:
        """Its filings that were accepted by an instant (epoch seconds)."""
        return [filing for filing in self.filings(company) if filing.accepted.timestamp() <= now]

    def _made(self, company: Company) -> list[Filing]:
        security, drafts = company.security, []
        for quarter in self.quarters(company):
            drafts += _periodic(company, quarter)
        last = security.last - timedelta(days=1) if security.delisted else self.truth.last
        drafts = [draft for draft in drafts if security.first <= draft.filed <= last]
        if security.delisted:
            drafts.append(_draft("25-NSE", security.last, time(9, 15, 1), document="primary_doc.xml"))
            drafts.append(_draft("15-12G", security.last + timedelta(days=10), time(16, 10, 2), document="form15.htm"))
        drafts.sort(key=lambda draft: draft.accepted)
        counts: dict[int, int] = {}
        numbered = []
        for draft in drafts:
            year = draft.accepted.year
            counts[year] = counts.get(year, 0) + 1
            numbered.append(replace(draft, accession=f"{company.cik:010d}-{year % 100:02d}-{counts[year]:06d}"))
        return numbered


def _month_end(year: int, month: int, weeks: bool) -> date:
    """A month's last day, or its last Saturday for those that count in weeks."""
    day = date(year, month, monthrange(year, month)[1])
    return day - timedelta(days=(day.weekday() + 2) % 7) if weeks else day


def _draft(form: str, day: date, at: time, document: str, **more: object) -> Filing:
    while day.weekday() >= 5:
        day += timedelta(days=1)
    accepted = datetime.combine(day, at, NEW_YORK).astimezone(UTC)
    filed = day
    if at > _LATEST and form != "4":
        filed += timedelta(days=3 if day.weekday() == 4 else 1)
    draft = Filing("", form, filed, accepted, None, "", document)
    return replace(draft, **more)


def _periodic(company: Company, quarter: Quarter) -> list[Filing]:
    """What a company files about one quarter: its report, the news of it, its insiders' trades, its proxy statement."""
    number, annual, end = company.security.number, quarter.number == 4, quarter.end
    at = _ACCEPTED[number % len(_ACCEPTED)]
    day = end + timedelta(days=50 + number % 9 if annual else 32 + number % 8)
    drafts = []
    for insider in range(30 if company.busy else 2):
        when = end + timedelta(days=(3 * insider) % 80)
        drafts.append(_draft("4", when, time(18, 30, insider), "xslF345X05/form4.xml", report=when))
    if annual or not company.foreign:
        form = "20-F" if company.foreign else "10-K" if annual else "10-Q"
        drafts.append(_draft(form, day, at, f"report-{end:%Y%m%d}.htm", report=end, quarter=quarter))
        news = {"items": "" if company.foreign else "2.02,9.01", "report": day}
        drafts.append(_draft("6-K" if company.foreign else "8-K", day, time(7, 0, 5), "news.htm", **news))
    if annual and not company.foreign:
        drafts.append(_draft("DEF 14A", day + timedelta(days=35), at, "proxy.htm", report=end, quarter=quarter))
    if annual and company.restates and quarter.year % 3 == 0:
        amended = {"report": end, "quarter": quarter}
        drafts.append(
            _draft("10-K/A" if not company.foreign else "20-F/A", day + timedelta(days=90), at, "a.htm", **amended)
        )
    return drafts
