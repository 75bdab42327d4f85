"""Company facts: every row of every taxonomy and unit, with its filing's words left as they are."""

from __future__ import annotations

import gc
import time
from datetime import date
from typing import Any

import orjson
import pytest
from sec_answers import CIK, asked, companyfacts, fact, facts_of, payload, refused

from marketkeep.model import RAW_TABLES
from marketkeep.sources.sec import Sec


def test_sec_plain_fact() -> None:
    """
    One fact is one row in the raw table's own types.
    """
    told = companyfacts(fact("2023-12-31", 352583000000, start="2023-01-01", frame="CY2023"), concept="Assets")
    (row,) = facts_of(told).iter_rows(named=True)
    assert row == {
        "cik": CIK,
        "taxonomy": "us-gaap",
        "concept": "Assets",
        "unit": "USD",
        "start": date(2023, 1, 1),
        "end": date(2023, 12, 31),
        "value": 352583000000.0,
        "accession": "0000000042-24-000001",
        "fiscal_year": 2023,
        "fiscal_period": "FY",
        "form": "10-K",
        "filed": date(2024, 2, 20),
        "frame": "CY2023",
    }
    assert dict(facts_of(told).schema) == RAW_TABLES["facts"].delivered


def test_trap_47_fiscal_year_and_period_are_the_filings() -> None:
    """
    Trap 47: last year's figure in this year's report keeps this year's fy and fp; its own days stand beside them.
    """
    told = companyfacts(fact("2022-12-31", start="2022-01-01", fy=2023), fact("2023-12-31", start="2023-01-01"))
    assert facts_of(told).select("fiscal_year", "fiscal_period", "end").rows() == [
        (2023, "FY", date(2022, 12, 31)),
        (2023, "FY", date(2023, 12, 31)),
    ]


def test_trap_48_a_fact_told_again_stays_with_each_filing() -> None:
    """
    Traps 48 and 62: one period carries the values of several filings, and two of one filing where it says so.
    """
    again = {"accn": "0000000042-25-000001", "filed": "2025-02-20"}
    told = companyfacts(fact(val=5), fact(val=5, **again), fact(val=6, **again))
    assert facts_of(told).select("value", "accession", "filed").rows() == [
        (5.0, "0000000042-24-000001", date(2024, 2, 20)),
        (5.0, "0000000042-25-000001", date(2025, 2, 20)),
        (6.0, "0000000042-25-000001", date(2025, 2, 20)),
    ]


def test_rows_that_are_the_same_in_every_part_are_one() -> None:
    """
    Trap 48: a row told twice in one answer adds nothing.
    """
    assert facts_of(companyfacts(fact(), fact(), fact(frame="CY2023Q4I"))).height == 2


def test_trap_49_years_to_date_stay_beside_quarters() -> None:
    """
    Trap 49: both durations to one end are kept as told; nothing is taken from another.
    """
    told = companyfacts(fact("2023-06-30", 7, start="2023-04-01"), fact("2023-06-30", 12, start="2023-01-01"))
    assert facts_of(told)["value"].to_list() == [7.0, 12.0]


def test_trap_50_proxy_statements_keep_their_own_scale() -> None:
    """
    Traps 50 and 62: a proxy's fact without fy and fp is kept with its form, for `gold` to rank.
    """
    told = companyfacts(fact(val=97), fact(val=0.097, form="DEF 14A", fy=None, fp=None))
    assert facts_of(told).select("value", "form", "fiscal_year", "fiscal_period").rows() == [
        (97.0, "10-K", 2023, "FY"),
        (0.097, "DEF 14A", None, None),
    ]


def test_trap_51_odd_years_and_amendments_keep_their_days() -> None:
    """
    Trap 51: a year of 53 weeks and an amendment are told by their own dates and form.
    """
    told = companyfacts(fact("2023-09-30", start="2022-09-25", form="10-K/A"))
    assert facts_of(told).select("start", "end", "form").rows() == [(date(2022, 9, 25), date(2023, 9, 30), "10-K/A")]


def test_trap_52_filed_is_a_day() -> None:
    """
    Trap 52: when a fact came in is a date here; the instant is the filing's, found by its accession number.
    """
    row = facts_of(companyfacts(fact()))
    assert (row["filed"].to_list(), row["accession"].to_list()) == ([date(2024, 2, 20)], ["0000000042-24-000001"])


def test_trap_53_concepts_that_are_not_told_have_no_row() -> None:
    """
    Trap 53: what a company does not report is absent, not null and not 0.
    """
    assert facts_of(companyfacts(fact(), concept="InterestAndDividendIncomeOperating"))["concept"].to_list() == [
        "InterestAndDividendIncomeOperating"
    ]


def test_trap_62_what_may_be_absent() -> None:
    """
    Trap 62: instants have no start, most rows no frame, labels may be null, cik a zero-padded text.
    """
    told = companyfacts(fact())
    told["cik"] = "0000000042"
    told["facts"]["us-gaap"]["Assets"] |= {"label": None, "description": None}
    assert facts_of(told).select("cik", "start", "frame").rows() == [(CIK, None, None)]
    del told["facts"]["us-gaap"]["Assets"]["label"]
    assert facts_of(told).height == 1


def test_trap_62_every_taxonomy_and_unit_is_kept() -> None:
    """
    Trap 62: seven taxonomies and more, units per share and of free text, in their order.
    """
    names = ["us-gaap", "ifrs-full", "dei", "srt", "invest", "ecd", "ffd", "zz-new"]
    units = ["USD", "shares", "USD/shares", "pure", "Store", "CAD per Barrel", "USD", "x"]
    told = companyfacts()
    told["facts"] = {
        name: {"C": {"units": {unit: [fact(val=at)] * 2, "other": []}}}
        for at, (name, unit) in enumerate(zip(names, units, strict=True))
    }
    frame = facts_of(told)
    assert (frame["taxonomy"].to_list(), frame["unit"].to_list()) == (names, units)
    assert frame["value"].to_list() == [float(at) for at in range(8)]


def test_values_are_floats_whatever_their_size() -> None:
    """
    Whole numbers beyond 2**53 and 2**63 are the nearest float; a fact without a value is left out.
    """
    told = companyfacts(fact(val=2**53 + 1), fact(val=2**64 - 1), fact(val=-0.25), fact(val=None))
    assert facts_of(told)["value"].to_list() == [float(2**53), float(2**64), -0.25]


@pytest.mark.parametrize("told", [{}, companyfacts(), companyfacts(fact(val=None)), {"cik": CIK, "facts": {}}])
def test_a_company_without_facts_is_empty(told: Any) -> None:
    """
    An answer without a single value settles nothing.
    """
    assert refused("facts", told) == ("empty", True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": None},
        {"end": "2023"},
        {"end": "2023-13-01"},
        {"filed": ""},
        {"filed": 20240220},
        {"accn": None},
        {"accn": 5},
        {"val": "five"},
        {"val": []},
        {"fy": "this"},
        {"form": 10},
        {"start": "x"},
    ],
)
def test_a_fact_that_is_none_spoils_the_answer(wrong: dict[str, Any]) -> None:
    """
    What is not understood is refused, not passed over: a day, a number or a name of another kind.
    """
    assert refused("facts", companyfacts(fact(), fact() | wrong)) == ("malformed", True)


@pytest.mark.parametrize("missing", ["end", "val", "accn", "filed"])
def test_a_fact_without_its_parts_spoils_the_answer(missing: str) -> None:
    """
    A fact has an end, a value, a filing and its day.
    """
    told = fact()
    del told[missing]
    assert refused("facts", companyfacts(fact(), told)) == ("malformed", True)


def test_sec_facts_are_read_fast() -> None:
    """
    A large company's answer is read at more than 100,000 rows a second, many times that on a quiet machine.
    """
    rows = [
        fact(f"20{at % 20:02d}-12-31", at, accn=f"0000000042-24-{at % 4000:06d}", frame=f"CY{at}")
        for at in range(60_000)
    ]
    told = payload(orjson.dumps(companyfacts(*rows)))
    gc.collect()
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        assert Sec().parse(asked("facts"), told)["facts"].height == 60_000
        best = min(best, time.perf_counter() - start)
    assert 60_000 / best > 100_000
