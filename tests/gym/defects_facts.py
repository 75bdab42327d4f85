"""
What can be wrong with the facts that a company files: one period's figure out of scale, out of balance, not told at
all, below zero, or told late. Where the period is told again a year later, it is told so again, but for the scale.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from gym.companies import Companies, Company
from gym.defects import Defect, Kind
from gym.reports import Fact

_REVENUES = ("Revenues", "RevenueFromContractWithCustomerExcludingAssessedTax", "InterestAndDividendIncomeOperating")
_LATE_DAYS = 130
_YEAR_DAYS = 300
_EVERY = 6
"""Quarters between two defects of a company."""

SpoilFacts = Callable[[list[Fact], date], list[Fact]]


def _changed(concepts: Sequence[str], by: float) -> SpoilFacts:
    def spoil(told: list[Fact], end: date) -> list[Fact]:
        return [
            one._replace(value=round(one.value * by)) if one.concept in concepts and one.end == end else one
            for one in told
        ]

    return spoil


def _own(told: list[Fact], end: date) -> str:
    """The first periodic report that tells of a period that ends on a day, which is its own."""
    return next(one.accession for one in told if one.end == end and one.form in ("10-Q", "10-K"))


def _thousandfold(told: list[Fact], end: date) -> list[Fact]:
    report = _own(told, end)
    return [
        one._replace(value=one.value * 1000)
        if one.concept in _REVENUES and one.end == end and one.accession == report
        else one
        for one in told
    ]


def _unsaid(told: list[Fact], end: date) -> list[Fact]:
    """Without the year's net income, in whatever filing."""

    def yearly(one: Fact) -> bool:
        return one.start is not None and (one.end - one.start).days > _YEAR_DAYS

    return [one for one in told if not (one.concept == "NetIncomeLoss" and one.end == end and yearly(one))]


def _late(told: list[Fact], end: date) -> list[Fact]:
    report = _own(told, end)
    day = end + timedelta(days=_LATE_DAYS)
    return [one._replace(filed=day) if one.accession == report else one for one in told]


def _kind(name: str, code: str, *also: str) -> Kind:
    return Kind(name, code, "fundamentals", also=also, after=0)


UNSAID = _kind("year without net income", "metric_missing")
KINDS: dict[Kind, SpoilFacts] = {
    _kind("revenue times 1000", "scale_jump"): _thousandfold,
    _kind("equity out of balance", "balance_differs"): _changed(("StockholdersEquity",), 1.2),
    UNSAID: _unsaid,
    _kind("shares below zero", "sign_wrong"): _changed(("WeightedAverageNumberOfDilutedSharesOutstanding",), -1),
    _kind("filed 130 days after", "filed_late"): _late,
}


def plan_facts(companies: Companies, seed: int, most: int) -> list[Defect]:
    """Defects of every second domestic company that is listed, six quarters apart, kinds in turn."""
    planned: list[Defect] = []
    places: dict[bool, list[tuple[str, date]]] = {True: [], False: []}
    known = [one for cik in companies.symbols_of if (one := companies.company(cik))]
    plain = [one for one in known if not one.foreign and not one.security.delisted and len(one.symbols) == 1]
    for company in plain[::2]:
        reports = [
            one.quarter
            for one in companies.filings(company)
            if one.form in ("10-Q", "10-K") and one.quarter is not None
        ]
        for quarter in reports[2:-4:_EVERY]:
            places[quarter.number == 4].append((company.symbols[0], quarter.end))
    for yearly, some in places.items():
        random.Random(f"{seed}/facts/{yearly}").shuffle(some)
        fitting = [kind for kind in KINDS if yearly or kind is not UNSAID]
        if yearly:
            fitting += [UNSAID]
        planned += [
            Defect(fitting[turn % len(fitting)], "sec", symbol, end, turn)
            for turn, (symbol, end) in enumerate(some[:most])
        ]
    return planned


def spoilt(defects: Iterable[Defect]) -> Callable[[Company, list[Fact]], list[Fact]]:
    """What the SEC's gym is to tell in place of the facts as they were."""
    mine: defaultdict[str, list[Defect]] = defaultdict(list)
    for one in defects:
        mine[one.symbol].append(one)

    def told(company: Company, facts: list[Fact]) -> list[Fact]:
        for one in mine.get(company.symbols[0], ()):
            if any(fact.end == one.day for fact in facts):
                facts = KINDS[one.kind](facts, one.day)
        return facts

    return told
