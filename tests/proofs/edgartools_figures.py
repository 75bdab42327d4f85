"""
Figures of companies as edgartools makes them, for `test_fundamentals_edgartools`; run in a process of its own.

`python edgartools_figures.py OUT first|latest CONCEPTS FILE...`: each file is the SEC's company facts, gzipped. What
edgartools decides is its own: how a quarter follows from what was told to date (`TTMCalculator.quarterize`), which
concept stands for revenue or equity, and which of several tellings is used (`EntityFacts.get_revenue` and its like). It
is asked once for each period, with the facts of that period only, because its own periods go by the filing's fiscal
year. With `first` it is given the first telling of each fact only.
"""

from __future__ import annotations

import gzip
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from edgar.entity.entity_facts import EntityFacts
from edgar.entity.models import FinancialFact
from edgar.entity.parser import EntityFactsParser
from edgar.ttm.calculator import TTMCalculator

CHOSEN: dict[str, Callable[[EntityFacts], Any]] = {
    "revenue": lambda facts: facts.get_revenue(annual=False),
    "net_income": lambda facts: facts.get_net_income(annual=False),
    "assets": lambda facts: facts.get_total_assets(annual=False),
    "liabilities": lambda facts: facts.get_total_liabilities(annual=False),
    "equity": lambda facts: facts.get_shareholders_equity(annual=False),
}
Row = tuple[str, str, str, float]


def figures(path: Path, concepts: frozenset[str], *, first: bool) -> list[Row]:
    """
    Name, period (quarter, FY or instant), its last day and the value: by concept for each of `concepts`, and by metric
    for what edgartools chooses itself.
    """
    whole = EntityFactsParser.parse_company_facts(orjson.loads(gzip.decompress(path.read_bytes())))
    assert whole is not None
    by_concept = defaultdict(list)
    for one in _first(whole.get_all_facts()) if first else whole.get_all_facts():
        by_concept[one.concept].append(one)
    rows: list[Row] = []
    by_period: dict[tuple[str, date], list[FinancialFact]] = defaultdict(list)
    for concept, told in by_concept.items():
        periods = {
            "quarter": TTMCalculator(told).quarterize() if told[0].period_start else [],
            "FY": [one for one in told if _yearly(one)],
            "instant": [one for one in told if one.period_start is None],
        }
        for period, some in periods.items():
            for one in TTMCalculator(some)._deduplicate_by_period_end(some) if some else []:
                by_period[period, one.period_end].append(one)
                if concept.removeprefix("us-gaap:") in concepts and one.numeric_value is not None:
                    name = concept.removeprefix("us-gaap:")
                    rows.append((name, period, one.period_end.isoformat(), float(one.numeric_value)))
    for (period, day), some in by_period.items():
        only = EntityFacts(whole.cik, whole.name, some)
        for metric, of in CHOSEN.items():
            if (value := of(only)) is not None:
                rows.append((metric, period, day.isoformat(), float(value)))
    return rows


def _first(facts: list[FinancialFact]) -> list[FinancialFact]:
    told: dict[tuple[str, str, date | None, date], FinancialFact] = {}
    for one in sorted(facts, key=lambda one: (one.filing_date, one.accession)):
        told.setdefault((one.concept, one.unit, one.period_start, one.period_end), one)
    return list(told.values())


def _yearly(fact: FinancialFact) -> bool:
    return fact.period_start is not None and 340 <= (fact.period_end - fact.period_start).days + 1 <= 380


def main() -> None:
    """Write one file of figures a company."""
    out, which, concepts = Path(sys.argv[1]), sys.argv[2], frozenset(sys.argv[3].split(","))
    for name in sys.argv[4:]:
        path = Path(name)
        told = figures(path, concepts, first=which == "first")
        (out / f"{which}-{path.name[3:13]}.json").write_bytes(orjson.dumps(told))


if __name__ == "__main__":
    main()
