"""The traps of the SEC's company facts (47 to 54), one by one."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from fact_rows import company, fact, filing, resolved, values, year
from marketkeep.gold.fundamentals.available import with_available

REVENUE, INCOME = "Revenues", "NetIncomeLoss"


def test_trap_47_the_filings_fiscal_period_is_not_the_facts() -> None:
    """
    A comparative of last year's quarter is that quarter, though the filing calls itself Q2 of this year.
    """
    rows = resolved(
        [
            fact(
                REVENUE, "2023-01-01/2023-12-31", 100, "2024-02-20", form="10-K", fiscal_year=2023, fiscal_period="FY"
            ),
            fact(REVENUE, "2024-04-01/2024-06-30", 30, "2024-08-01", fiscal_year=2024, fiscal_period="Q2"),
            fact(REVENUE, "2023-04-01/2023-06-30", 24, "2024-08-01", fiscal_year=2024, fiscal_period="Q2"),
        ]
    )
    assert values(rows, "revenue", "Q2") == {"Q2 2023-06-30": [24.0], "Q2 2024-06-30": [30.0]}


def test_trap_48_first_known_and_restated_are_both_kept() -> None:
    """
    A figure told again unchanged is no version; one that was changed is, behind the first.
    """
    span = "2022-01-01/2022-12-31"
    rows = resolved(
        [
            fact(REVENUE, span, 100, "2023-02-20", form="10-K"),
            fact(REVENUE, span, 100, "2024-02-20", form="10-K"),
            fact(REVENUE, span, 97, "2025-02-20", form="10-K"),
        ]
    )
    found = rows.filter(pl.col("period") == "FY").select("value", "accession").rows()
    assert found == [(100.0, "42-2023-02-20-10-K"), (97.0, "42-2025-02-20-10-K")]


def test_trap_48_a_fact_told_again_in_a_later_payload_is_one_fact() -> None:
    """
    The same filing's figure, fetched again a day later, replaces what was fetched before.
    """
    span = "2022-01-01/2022-12-31"
    facts = [fact(REVENUE, span, value, "2023-02-20", form="10-K", at=at) for at, value in ((0, 90), (1, 100))]
    assert values(resolved(facts), "revenue", "FY") == {"FY 2022-12-31": [100.0]}
    assert values(resolved(facts[::-1]), "revenue", "FY") == {"FY 2022-12-31": [100.0]}


def test_trap_49_the_fourth_quarter_is_the_year_less_nine_months() -> None:
    """
    Q4 is derived, says so, and can be used when the year can.
    """
    rows = resolved(year(REVENUE, 2023, (10, 20, 30, 40)))
    assert values(rows, "revenue", "Q1", "Q2", "Q3", "Q4") == {
        "Q1 2023-03-31": [10.0],
        "Q2 2023-06-30": [20.0],
        "Q3 2023-09-30": [30.0],
        "Q4 2023-12-31": [40.0],
    }
    last, whole = (rows.filter(pl.col("period") == name).row(0, named=True) for name in ("Q4", "FY"))
    assert (last["derived"], last["available_at"]) == ("FY-9M", whole["available_at"])
    assert str(last["period_start"]) == "2023-10-01"


def test_trap_49_no_fourth_quarter_across_concepts() -> None:
    """
    A year by one concept less nine months by another is no quarter.
    """
    facts = year(REVENUE, 2023, (10, 20, 30, 40))
    facts[-1]["concept"] = "SalesRevenueNet"
    assert values(resolved(facts), "revenue", "Q4") == {}


def test_trap_49_no_fourth_quarter_across_bases() -> None:
    """
    Where the yearly report tells the year before anew and the quarterly ones did not, nine months are on the old basis.
    """
    before, now = year(REVENUE, 2022, (10, 10, 10, 10)), year(REVENUE, 2023, (10, 20, 30, 40))
    old_nine = fact(REVENUE, "2022-01-01/2022-09-30", 30, "2023-11-01")
    kept = [*before, *now, old_nine]
    sold = fact(REVENUE, "2022-01-01/2022-12-31", 30, "2024-02-20", form="10-K")
    same = fact(REVENUE, "2022-01-01/2022-12-31", 40, "2024-02-20", form="10-K")
    assert values(resolved([*kept, same]), "revenue", "Q4")["Q4 2023-12-31"] == [40.0]
    assert "Q4 2023-12-31" not in values(resolved([*kept, sold]), "revenue", "Q4")


def test_trap_49_a_restated_year_alone_withdraws_the_fourth_quarter() -> None:
    """
    An amended year has no nine months on its basis, until these are told anew as well.
    """
    facts = year(REVENUE, 2023, (10, 20, 30, 40))
    amended = fact(REVENUE, "2023-01-01/2023-12-31", 110, "2024-06-03", form="10-K/A")
    assert values(resolved([*facts, amended]), "revenue", "Q4") == {"Q4 2023-12-31": [40.0, None]}
    again = [
        fact(REVENUE, "2023-01-01/2023-09-30", 66, "2024-11-01"),
        fact(REVENUE, "2023-01-01/2023-12-31", 110, "2025-02-20", form="10-K"),
    ]
    assert values(resolved([*facts, amended, *again]), "revenue", "Q4") == {"Q4 2023-12-31": [40.0, None, 44.0]}


@pytest.mark.parametrize(
    ("concept", "metric", "unit"),
    [
        ("EarningsPerShareDiluted", "eps_diluted", "USD/shares"),
        ("WeightedAverageNumberOfDilutedSharesOutstanding", "shares_diluted", "shares"),
    ],
)
def test_trap_49_per_share_and_average_items_are_never_differenced(concept: str, metric: str, unit: str) -> None:
    """
    They have quarters and years as reported, and neither a fourth quarter nor twelve months of our making.
    """
    rows = resolved([*year(concept, 2023, (1, 1, 1, 1), unit=unit), *year(REVENUE, 2023, (1, 1, 1, 1))])
    assert set(values(rows, metric)) == {"Q1 2023-03-31", "Q2 2023-06-30", "Q3 2023-09-30", "FY 2023-12-31"}


def test_trap_49_cash_flows_told_to_date_become_true_quarters() -> None:
    """
    Quarterly reports tell cash flows to date only; the second and third quarter follow as the fourth does.
    """
    concept = "NetCashProvidedByUsedInOperatingActivities"
    to_date = [row for row in year(concept, 2023, (5, 7, 11, 13)) if row["start"].month == 1]
    rows = resolved(to_date)
    made = rows.filter(pl.col("period").str.starts_with("Q")).sort("period_end").select("value", "derived").rows()
    assert made == [(5.0, None), (7.0, "6M-3M"), (11.0, "9M-6M"), (13.0, "FY-9M")]


def test_trap_50_a_proxy_statement_is_not_asked() -> None:
    """
    It tells net income in thousands, and is left out even where no report tells that concept.
    """
    span = "2023-01-01/2023-12-31"
    report = fact("ProfitLoss", span, 5_000_000, "2024-02-20", form="10-K")
    proxy = fact(INCOME, span, 5_000, "2024-03-20", form="DEF 14A")
    assert values(resolved([report, proxy]), "net_income", "FY") == {"FY 2023-12-31": [5_000_000.0]}


def test_trap_50_periodic_forms_outrank_others() -> None:
    """
    A prospectus tells a figure until a report does; what other forms tell later is no version.
    """
    span = "2022-01-01/2022-12-31"
    early = fact(REVENUE, span, 99, "2023-01-10", form="S-1")
    report = fact(REVENUE, span, 100, "2023-02-20", form="10-K")
    later = fact(REVENUE, span, 0.1, "2023-06-01", form="8-K")
    rows = resolved([early, report, later]).filter(pl.col("period") == "FY")
    assert rows.select("form", "value").rows() == [("S-1", 99.0), ("10-K", 100.0)]


def test_trap_51_an_amendment_in_part_leaves_the_rest() -> None:
    """
    A 10-K/A that tells revenue only does not take net income away.
    """
    span = "2023-01-01/2023-12-31"
    facts = [fact(name, span, value, "2024-02-20", form="10-K") for name, value in ((REVENUE, 100), (INCOME, 9))]
    rows = resolved([*facts, fact(REVENUE, span, 101, "2024-05-20", form="10-K/A")])
    assert values(rows, "revenue", "FY") == {"FY 2023-12-31": [100.0, 101.0]}
    assert values(rows, "net_income", "FY") == {"FY 2023-12-31": [9.0]}


def test_trap_51_years_of_52_or_53_weeks() -> None:
    """
    Quarters of 12 and 16 weeks, and a year of 53, are quarters and a year, numbered by their place in it.
    """
    ends = ("2022-11-20", "2023-02-12", "2023-05-07", "2023-09-03")
    begins = ("2022-08-29", "2022-11-21", "2023-02-13")
    whole = fact(REVENUE, "2022-08-29/2023-09-03", 100, "2023-10-10", form="10-K")
    facts = [whole, fact(INCOME, "2022-08-29/2023-09-03", 10, "2023-10-10", form="10-K")]
    for at, (begin, end, filed) in enumerate(
        zip(begins, ends, ("2022-12-20", "2023-03-08", "2023-06-01"), strict=False)
    ):
        facts.append(fact(REVENUE, f"{begin}/{end}", 20, filed))
        if at:
            facts.append(fact(REVENUE, f"{begins[0]}/{end}", 20 * (at + 1), filed))
    assert values(resolved(facts), "revenue", "Q1", "Q2", "Q3", "Q4") == {
        "Q1 2022-11-20": [20.0],
        "Q2 2023-02-12": [20.0],
        "Q3 2023-05-07": [20.0],
        "Q4 2023-09-03": [40.0],
    }


def test_trap_51_a_changed_fiscal_year_is_matched_by_its_ends() -> None:
    """
    A quarter counts from the last beginning of a year before it, whatever year the company had before.
    """
    old = year(REVENUE, 2022, (1, 1, 1, 1)) + year(INCOME, 2022, (1, 1, 1, 1))
    between = fact(REVENUE, "2023-01-01/2023-03-31", 2, "2023-05-10", form="10-KT")
    new = [
        fact(REVENUE, "2023-04-01/2023-06-30", 3, "2023-08-05"),
        fact(REVENUE, "2023-04-01/2024-03-31", 12, "2024-05-20", form="10-K"),
        fact(INCOME, "2023-04-01/2024-03-31", 1, "2024-05-20", form="10-K"),
    ]
    rows = resolved([*old, between, *new])
    assert list(values(rows, "revenue", "FY")) == ["FY 2022-12-31", "FY 2024-03-31"]
    assert list(values(rows, "revenue", "Q1")) == ["Q1 2022-03-31", "Q1 2023-03-31", "Q1 2023-06-30"]
    assert values(rows, "revenue", "TTM")["TTM 2023-03-31"] == [5.0]


@pytest.mark.parametrize(
    ("accepted", "usable"),
    [
        # Read as New York's time, which is the later one here: 15:59 is before the close, 16:00 is not.
        ("2024-05-01T15:59:59+00:00", "2024-05-01T19:59:59+00:00"),
        ("2024-05-01T16:00:00+00:00", "2024-05-02T13:30:00+00:00"),
        # In the evening of New York, told in UTC: the day before by that reading, yet the later one stands.
        ("2024-05-04T00:30:00+00:00", "2024-05-06T13:30:00+00:00"),
        # The session of 2024-07-03 closed at 13:00; the next one is on the 5th.
        ("2024-07-03T13:30:00+00:00", "2024-07-05T13:30:00+00:00"),
        # Midnight is a day without a time.
        ("2024-05-01T00:00:00+00:00", "2024-05-02T13:30:00+00:00"),
        (None, "2024-05-02T13:30:00+00:00"),
    ],
)
def test_trap_52_what_comes_after_the_close_is_usable_at_the_next_open(accepted: str | None, usable: str) -> None:
    """
    The later reading of the acceptance decides; unknown, it is the open of the session after the day of filing.
    """
    filings = pl.DataFrame({"cik": [42], "accession": ["a"], "filed": [datetime(2024, 5, 1, tzinfo=UTC).date()]})
    at = None if accepted is None else datetime.fromisoformat(accepted)
    schema = {"cik": pl.Int64, "accession": pl.String, "accepted_at": pl.Datetime("us", "UTC")}
    known = pl.DataFrame([(42, "a", at)], schema=schema, orient="row")
    assert with_available(filings, known)["available_at"].to_list() == [datetime.fromisoformat(usable)]


def test_trap_52_rows_carry_the_instant() -> None:
    """
    Every version of a figure is usable from its own filing's instant on.
    """
    told = fact(REVENUE, "2024-01-01/2024-03-31", 5, "2024-05-01")
    rows = resolved([told], [filing(told["accession"], "2024-05-01T12:01:00+00:00")])
    assert rows["available_at"].to_list() == [datetime(2024, 5, 1, 16, 1, tzinfo=UTC)]


def test_trap_53_a_bank_has_its_own_families() -> None:
    """
    By its industry's code, or without one by what it files, a bank's revenue is net of interest expense.
    """
    span = "2023-01-01/2023-12-31"
    facts = [
        fact("Revenues", span, 150, "2024-02-20", form="10-K"),
        fact("RevenuesNetOfInterestExpense", span, 100, "2024-02-20", form="10-K"),
        fact("Deposits", "2023-12-31", 900, "2024-02-20", form="10-K"),
    ]
    assert values(resolved(facts, companies=[company(6022)]), "revenue", "FY") == {"FY 2023-12-31": [100.0]}
    assert values(resolved(facts), "revenue", "FY") == {"FY 2023-12-31": [100.0]}
    assert values(resolved(facts, companies=[company(3571)]), "revenue", "FY") == {"FY 2023-12-31": [150.0]}


def test_trap_53_counts_by_class_are_not_guessed() -> None:
    """
    Who tells shares by class only has no count on its cover, and none is put together from averages.
    """
    average = fact(
        "WeightedAverageNumberOfSharesOutstandingBasic", "2024-01-01/2024-03-31", 7, "2024-05-01", unit="shares"
    )
    assert values(resolved([average]), "shares_outstanding") == {}


def test_trap_54_liabilities_need_minority_interest_and_temporary_equity() -> None:
    """
    Where a company tells no total, liabilities are assets less all that is no liability.
    """
    day, filed = "2023-12-31", "2024-02-20"
    told = {"Assets": 100, "StockholdersEquity": 30, "MinorityInterest": 5, "TemporaryEquityCarryingAmount": 2}
    facts = [fact(name, day, value, filed, form="10-K") for name, value in told.items()]
    flow = fact(REVENUE, "2023-01-01/2023-12-31", 1, filed, form="10-K")
    rows = resolved([*facts, flow]).filter(pl.col("metric") == "liabilities")
    assert rows.select("value", "derived").rows() == [(63.0, "assets - equity_with_minority - temporary_equity")]
