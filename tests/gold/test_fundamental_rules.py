"""What must hold of fundamentals whatever is told, and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_rows import Row, company, fact, filing, frame, resolved, values, year
from marketkeep.gold.fundamentals import FAMILIES, OF_KIND, cover_shares, kinds_of, newest_facts
from marketkeep.model import METRICS

REVENUE, INCOME = "Revenues", "NetIncomeLoss"
SHARES = "dei:EntityCommonStockSharesOutstanding"
four = st.lists(st.integers(1, 1000), min_size=4, max_size=4)


@given(first=four, second=four, order=st.randoms())
@settings(max_examples=25, deadline=None)
def test_quarters_add_up_and_the_order_does_not_matter(first: list[int], second: list[int], order: object) -> None:
    """
    Four quarters are the year, twelve months at its end too; shuffled facts give the same rows.
    """
    facts = [*year(REVENUE, 2022, first), *year(REVENUE, 2023, second), *year(INCOME, 2023, second)]
    rows = resolved(facts)
    found = values(rows, "revenue")
    for name, told in (("2022", first), ("2023", second)):
        quarters = [found[f"Q{at} {name}-{day}"][0] for at, day in enumerate(("03-31", "06-30", "09-30", "12-31"), 1)]
        assert quarters == told
        assert found[f"FY {name}-12-31"] == found[f"TTM {name}-12-31"] == [float(sum(told))]
    assert found["TTM 2023-06-30"] == [float(sum(first[2:] + second[:2]))]
    order.shuffle(facts)  # type: ignore[attr-defined]
    assert resolved(facts).equals(rows)


@given(parts=st.lists(st.integers(0, 5), min_size=14, max_size=14))
@settings(max_examples=25, deadline=None)
def test_newest_facts_fold(parts: list[int]) -> None:
    """
    Folding parts and then what was folded is folding the whole: rows may be read so many at a time.
    """
    told = [*year(REVENUE, 2022, (1, 2, 3, 4)), *year(REVENUE, 2022, (1, 2, 3, 5))][:14]
    facts = [{**row, **_received(at)} for row, at in zip(told, parts, strict=False)]
    half = len(facts) // 2
    apart = [newest_facts(frame("facts", some)) for some in (facts[:half], facts[half:])]
    assert newest_facts(pl.concat(apart)).equals(newest_facts(frame("facts", facts)))


def _received(at: int) -> Row:
    row = fact(REVENUE, "2022-12-31", 1, "2023-01-01", at=at)
    return {name: row[name] for name in ("fetched_at", "batch_id", "digest")}


def test_every_metric_has_a_family_or_a_formula() -> None:
    """
    Families and metrics are the same names; 50 or more; no concept stands twice in one family.
    """
    assert set(FAMILIES) == {metric.name for metric in METRICS}
    assert len(METRICS) >= 50
    families = [*FAMILIES.values(), *(family for of in OF_KIND.values() for family in of.values())]
    assert [family for family in families if len(set(family)) != len(family)] == []
    assert {name for of in OF_KIND.values() for name in of} <= set(FAMILIES)


@pytest.mark.parametrize(
    ("sic", "concepts", "kind"),
    [
        (6022, ["AssetsCurrent"], "bank"),
        (6331, [], "insurer"),
        (6798, [], "reit"),
        (4911, [], "utility"),
        (3571, ["Deposits"], "ordinary"),
        (None, ["Deposits"], "bank"),
        (None, ["Deposits", "AssetsCurrent"], "ordinary"),
        (None, ["PremiumsEarnedNet"], "insurer"),
        (None, ["Revenues"], "ordinary"),
    ],
)
def test_kind_of_company(sic: int | None, concepts: list[str], kind: str) -> None:
    """
    The industry's code decides; without one, what only banks or insurers tell, and no current assets.
    """
    told = pl.DataFrame({"cik": [42] * max(1, len(concepts)), "concept": concepts or ["Assets"]})
    known = frame("companies", [company(sic)]).select("cik", "sic")
    assert kinds_of(known, told).rows() == [(42, kind)]


def test_a_foreign_company_in_its_currency() -> None:
    """
    Figures by IFRS are told in the currency that most are told in; a translation beside them is left out.
    """
    span, filed = "2023-01-01/2023-12-31", "2024-03-20"
    told = [
        fact("ifrs-full:Revenue", span, 100, filed, form="20-F", unit="EUR"),
        fact("ifrs-full:ProfitLossAttributableToOwnersOfParent", span, 9, filed, form="20-F", unit="EUR"),
        fact("ifrs-full:Revenue", span, 110, filed, form="20-F", unit="USD"),
        fact("ifrs-full:BasicEarningsLossPerShare", span, 1.5, filed, form="20-F", unit="EUR/shares"),
    ]
    rows = resolved(told).filter(pl.col("period") == "FY").select("metric", "value", "unit", "concept")
    assert rows.rows() == [
        ("eps_basic", 1.5, "EUR/shares", "ifrs-full:BasicEarningsLossPerShare"),
        ("net_income", 9.0, "EUR", "ifrs-full:ProfitLossAttributableToOwnersOfParent"),
        ("revenue", 100.0, "EUR", "ifrs-full:Revenue"),
    ]


def test_the_whole_is_no_smaller_than_a_part() -> None:
    """
    Where one filing tells several elements of revenue, the preferred one is left when another tells more.
    """
    span, filed = "2023-01-01/2023-12-31", "2024-02-20"
    told = [
        fact(REVENUE, span, 80, filed, form="10-K"),
        fact("SalesRevenueNet", span, 97, filed, form="10-K"),
        fact("SalesRevenueGoodsNet", span, 100, filed, form="10-K"),
    ]
    assert values(resolved(told), "revenue", "FY") == {"FY 2023-12-31": [100.0]}
    assert values(resolved(told, companies=[company(6331)]), "revenue", "FY") == {"FY 2023-12-31": [80.0]}


def test_another_scope_is_no_restatement() -> None:
    """
    Equity with minority interest, told later alone, does not replace the equity that was told first.
    """
    flow = [fact(REVENUE, "2023-01-01/2023-12-31", 1, "2024-02-20", form="10-K")]
    both = "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest"
    told = [
        fact("StockholdersEquity", "2023-12-31", 30, "2024-02-20", form="10-K"),
        fact(both, "2023-12-31", 31, "2025-02-20", form="10-K"),
    ]
    rows = resolved([*flow, *told])
    assert values(rows, "equity") == {"instant 2023-12-31": [30.0]}
    assert values(rows, "equity_with_minority") == {"instant 2023-12-31": [31.0]}


def test_balances_lie_at_the_ends_of_periods() -> None:
    """
    A balance on the day before a period is one, that of the day on which a rule was adopted is not.
    """
    told = [fact("Assets", day, 5, "2024-05-01") for day in ("2023-12-31", "2024-01-01", "2024-03-31")]
    flow = fact(REVENUE, "2024-01-01/2024-03-31", 1, "2024-05-01")
    assert list(values(resolved([*told, flow]), "assets")) == ["instant 2023-12-31", "instant 2024-03-31"]


def test_derived_figures_are_usable_with_their_last_part() -> None:
    """
    Twelve months can be used when the last quarter can, a fourth quarter when the year can.
    """
    told = year(REVENUE, 2022, (1, 2, 3, 4)) + year(REVENUE, 2023, (5, 6, 7, 8))
    accepted = [
        filing("42-2023-05-01-10-Q", "2023-05-01T10:00:00+00:00"),
        filing("42-2024-02-20-10-K", "2024-02-20T10:00:00+00:00"),
    ]
    rows = resolved(told, accepted)
    found = {(period, str(end)): at for period, end, at in rows.select("period", "period_end", "available_at").rows()}
    assert found["TTM", "2023-03-31"] == datetime(2023, 5, 1, 14, tzinfo=UTC)
    assert found["Q4", "2023-12-31"] == found["FY", "2023-12-31"] == datetime(2024, 2, 20, 15, tzinfo=UTC)


def test_nothing_told_nothing_found() -> None:
    """
    Without facts there are no rows, in the columns that there would be.
    """
    assert resolved([]).columns == resolved([fact(REVENUE, "2024-01-01/2024-03-31", 1, "2024-05-01")]).columns


def test_cover_shares_are_those_of_the_last_filing() -> None:
    """
    One count a day, by the filing made last; a proxy's is not asked, and balances only without any cover.
    """
    told = [
        fact(SHARES, "2024-04-20", 100, "2024-05-01", unit="shares"),
        fact(SHARES, "2024-04-20", 101, "2024-05-09", form="10-Q/A", unit="shares"),
        fact(SHARES, "2024-04-25", 5, "2024-05-20", form="DEF 14A", unit="shares"),
        fact("CommonStockSharesOutstanding", "2024-03-31", 99, "2024-05-01", unit="shares"),
        {**fact("CommonStockSharesOutstanding", "2024-03-31", 7, "2024-05-01", unit="shares"), "cik": 43},
    ]
    found = cover_shares(frame("facts", told)).with_columns(pl.col("on").cast(pl.String))
    assert found.rows() == [(42, "2024-04-20", 101.0), (43, "2024-03-31", 7.0)]
