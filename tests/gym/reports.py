"""
The truth of what companies report: figures of each quarter, and the facts that each filing tells of them.

Figures are whole dollars and shares. A report tells its quarter and year to date beside those of the year before (a
yearly one: three years); cash flows are told to date only; a restated year is told otherwise from its amendment on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from gym.companies import Companies, Company, Filing

_PERIODIC = ("10-Q", "10-K", "20-F")
_FLOWS = (
    "CostOfRevenue",
    "OperatingIncomeLoss",
    "ResearchAndDevelopmentExpense",
    "IncomeTaxExpenseBenefit",
    "NetIncomeLoss",
)
_TO_DATE = ("NetCashProvidedByUsedInOperatingActivities", "PaymentsToAcquirePropertyPlantAndEquipment")
_SHARE_OF_REVENUE = {
    "CostOfRevenue": 0.58,
    "OperatingIncomeLoss": 0.19,
    "ResearchAndDevelopmentExpense": 0.07,
    "IncomeTaxExpenseBenefit": 0.04,
    "NetIncomeLoss": 0.13,
    "NetCashProvidedByUsedInOperatingActivities": 0.17,
    "PaymentsToAcquirePropertyPlantAndEquipment": 0.05,
}
_SHARE_OF_ASSETS = {
    "Assets": 1.0,
    "AssetsCurrent": 0.42,
    "Liabilities": 0.6,
    "LiabilitiesCurrent": 0.25,
    "StockholdersEquity": 0.4,
    "CashAndCashEquivalentsAtCarryingValue": 0.1,
    "LongTermDebtNoncurrent": 0.22,
    "InventoryNet": 0.08,
}
_IFRS = {
    "NetIncomeLoss": "ProfitLoss",
    "Assets": "Assets",
    "Liabilities": "Liabilities",
    "Revenues": "Revenue",
    "StockholdersEquity": "Equity",
    "NetCashProvidedByUsedInOperatingActivities": "CashFlowsFromUsedInOperatingActivities",
}
_NOT_AT_BANKS = frozenset({"CostOfRevenue", "AssetsCurrent", "LiabilitiesCurrent", "InventoryNet"})


class Fact(NamedTuple):
    """One fact as a filing tells it; `year` and `period` are the filing's."""

    taxonomy: str
    concept: str
    unit: str
    start: date | None
    end: date
    value: float
    accession: str
    year: int | None
    period: str | None
    form: str
    filed: date


class _Figures:
    """One company's figures by concept and position of the quarter, before and after a restatement."""

    def __init__(self, companies: Companies, company: Company) -> None:
        self.quarters = companies.quarters(company)
        rng = np.random.default_rng([companies.truth.seed, company.cik, 62])
        count = len(self.quarters)
        size = float(rng.uniform(7.5, 10.5))
        revenue = np.round(10**size * np.cumprod(rng.normal(1.02, 0.03, count))).astype(np.int64)
        assets = np.round(revenue * rng.uniform(3.0, 6.0)).astype(np.int64)
        self.revenue_name = _revenue_name(company)
        self.flows = {self.revenue_name: revenue}
        self.flows |= {
            name: np.round(revenue * share * rng.normal(1, 0.02, count)).astype(np.int64)
            for name, share in _SHARE_OF_REVENUE.items()
        }
        self.instants = {name: np.round(assets * share).astype(np.int64) for name, share in _SHARE_OF_ASSETS.items()}
        self.instants["StockholdersEquity"] = self.instants["Assets"] - self.instants["Liabilities"]
        base = int(10 ** rng.uniform(6.5, 9.0))
        actions = companies.truth.history(company.security.symbol).actions
        splits = [(action.ex_date, action.ratio) for action in actions if action.ratio is not None]
        self.shares = []
        for quarter in self.quarters:
            count_then = base
            for day, ratio in splits:
                if day <= quarter.end:
                    count_then = count_then * ratio.numerator // ratio.denominator
            self.shares.append(count_then)

    def flow(self, concept: str, at: int, quarters: int, restated: frozenset[int]) -> int:
        """The sum of a flow over the last `quarters` up to position `at`; a hundredth more in restated years."""
        total = 0
        for position in range(at - quarters + 1, at + 1):
            value = int(self.flows[concept][position])
            more = concept in (self.revenue_name, "NetIncomeLoss") and self.quarters[position].year in restated
            total += value + value // 100 if more else value
        return total


def _revenue_name(company: Company) -> str:
    if company.bank and not company.foreign:
        return "InterestAndDividendIncomeOperating"
    if company.security.number % 3 == 1 and not company.foreign:
        return "RevenueFromContractWithCustomerExcludingAssessedTax"
    return "Revenues"


def facts(companies: Companies, company: Company, now: float) -> list[Fact]:
    """The facts of all filings that were accepted by an instant (epoch seconds), in the order of those."""
    figures = _Figures(companies, company)
    position = {quarter: at for at, quarter in enumerate(figures.quarters)}
    restated: set[int] = set()
    told: list[Fact] = []
    for filing in companies.known(company, now):
        if filing.quarter is None:
            continue
        if filing.form.endswith("/A"):
            restated.add(filing.quarter.year)
        teller = _Teller(company, figures, filing, position[filing.quarter], frozenset(restated))
        if filing.form in _PERIODIC:
            told += teller.report()
        else:
            told += teller.proxy() if filing.form == "DEF 14A" else teller.amendment()
    return told


@dataclass(frozen=True)
class _Teller:
    """One filing that reports on the quarter at a position, knowing which years were restated by then."""

    company: Company
    figures: _Figures
    filing: Filing
    at: int
    restated: frozenset[int]

    def report(self) -> Iterator[Fact]:
        """Everything: flows of the quarter and to date, beside those before; instants; the cover's figures."""
        number = self.figures.quarters[self.at].number
        annual = number == 4
        for length in [4] if annual else sorted({1, number}):
            for end in [self.at, self.at - 4, self.at - 8] if annual else [self.at, self.at - 4]:
                yield from self._flows(length, end, to_date=length == number)
        for end in (self.at, self.at - number):
            for name in _SHARE_OF_ASSETS:
                if self._has(name):
                    yield self._fact(name, None, end, int(self.figures.instants[name][end]))
        yield from self._cover(annual=annual)

    def amendment(self) -> Iterator[Fact]:
        """Part of the year only, told anew."""
        for name in (self.figures.revenue_name, "NetIncomeLoss"):
            yield self._fact(name, 4, self.at, self.figures.flow(name, self.at, 4, self.restated))

    def proxy(self) -> Iterator[Fact]:
        """What belongs to no fiscal period; it tells net income in thousands."""
        paid = self.figures.shares[self.at] % 9_000_000 + 1_000_000
        earned = self.figures.flow("NetIncomeLoss", self.at, 4, frozenset()) // 1000
        yield self._fact("PeoTotalCompAmt", 4, self.at, paid)._replace(taxonomy="ecd", year=None, period=None)
        yield self._fact("NetIncomeLoss", 4, self.at, earned)._replace(year=None, period=None)

    def _flows(self, length: int, end: int, *, to_date: bool) -> Iterator[Fact]:
        figures = self.figures
        for name in (figures.revenue_name, *_FLOWS, *(_TO_DATE if to_date else ())):
            if self._has(name):
                yield self._fact(name, length, end, figures.flow(name, end, length, self.restated))
        shares = figures.shares[end]
        yield self._fact("WeightedAverageNumberOfDilutedSharesOutstanding", length, end, shares, "shares")
        earned = round(figures.flow("NetIncomeLoss", end, length, self.restated) / shares, 2)
        yield self._fact("EarningsPerShareDiluted", length, end, earned, "USD/shares")

    def _cover(self, *, annual: bool) -> Iterator[Fact]:
        at, dei = self.at, "dei"
        shares = self._fact("EntityCommonStockSharesOutstanding", None, at, self.figures.shares[at], "shares")
        yield shares._replace(taxonomy=dei, end=self.filing.filed)
        if annual:
            value = int(self.figures.instants["StockholdersEquity"][at - 2]) * 3
            yield self._fact("EntityPublicFloat", None, at - 2, value)._replace(taxonomy=dei)

    def _has(self, concept: str) -> bool:
        return not (self.company.bank and concept in _NOT_AT_BANKS)

    def _fact(self, concept: str, length: int | None, end: int, value: float, unit: str = "USD") -> Fact:
        """A fact about `length` quarters up to the one at `end`, or about that one's last day."""
        quarters, foreign = self.figures.quarters, self.company.foreign
        reported = quarters[self.at]
        return Fact(
            "ifrs-full" if foreign else "us-gaap",
            _IFRS.get(concept, concept) if foreign else concept,
            unit,
            None if length is None else quarters[end - length + 1].start,
            quarters[end].end,
            value,
            self.filing.accession,
            reported.year,
            "FY" if reported.number == 4 else f"Q{reported.number}",
            self.filing.form,
            self.filing.filed,
        )
