"""The checks of fundamentals, each on figures that are right and on figures that are not."""

from __future__ import annotations

import polars as pl
import pytest

from fact_rows import Row, company, fact, frame, year
from marketkeep.checks.fundamentals import FUNDAMENTAL_CHECKS, fundamental_findings
from marketkeep.gold.fundamentals import resolve_fundamentals
from marketkeep.model import FINDINGS, METRICS, Thresholds
from marketkeep.model.fundamental_tables import KINDS

FILED = "2024-02-20"
BALANCE = {"Assets": 100, "Liabilities": 60, "StockholdersEquity": 40}


def report(span: str = "2023-01-01/2023-12-31", filed: str = FILED, form: str = "10-K", **told: float) -> list[Row]:
    """A whole yearly report; `told` adds concepts or changes their values."""
    flows = {"Revenues": 50.0, "NetIncomeLoss": 5.0, "NetCashProvidedByUsedInOperatingActivities": 7.0}
    day = span.rpartition("/")[2]
    known = {**flows, **BALANCE, **told}
    return [
        fact(name, span if name in flows else day, value, filed, form=form)
        for name, value in known.items()
        if value is not None
    ]


def found(facts: list[Row], sic: int = 3571, thresholds: Thresholds | None = None) -> list[tuple[str, str]]:
    """Check and first date of each finding."""
    told = [one.select("check", pl.col("first").cast(pl.String)).rows() for one in [findings(facts, sic, thresholds)]]
    return told[0]


def findings(facts: list[Row], sic: int = 3571, thresholds: Thresholds | None = None) -> pl.DataFrame:
    """What the checks find in the figures that gold makes of these facts."""
    gold = resolve_fundamentals(frame("facts", facts), frame("filings", []), frame("companies", [company(sic)]))
    rows = gold.rows.with_columns(symbol=pl.lit("MADE"))
    return fundamental_findings(rows, gold.kinds, thresholds or Thresholds())


def test_a_whole_report_passes() -> None:
    """Nothing is found where nothing is wrong, and nothing where there is nothing."""
    assert found(report()) == []
    nothing = findings([])
    assert (nothing.schema, nothing.height) == (FINDINGS.schema, 0)


def test_a_yearly_report_lacks_what_its_kind_has() -> None:
    """One finding a report names all that is missing; a comparative of an earlier year is no report."""
    lacking = [row for row in report() if row["concept"] not in {"Assets", "Revenues", "Liabilities"}]
    before = [fact("NetIncomeLoss", "2022-01-01/2022-12-31", 4, FILED, form="10-K")]
    told = findings([*lacking, *before])
    assert told["detail"].to_list() == ["The report for the year to 2023-12-31 has no assets, revenue."]
    assert told.select("check", "symbol", "count", "repeated").rows() == [("metric_missing", "MADE", 2, 0)]
    assert found(year("NetIncomeLoss", 2023, (1, 1, 1, 1))[:3]) == []


def test_what_is_required_is_a_metric_of_known_kinds() -> None:
    """Every requirement names kinds that there are, and every metric has a sentence."""
    assert {kind for metric in METRICS for kind in metric.required_of} <= set(KINDS)
    assert [metric.name for metric in METRICS if not metric.doc.endswith(".")] == []
    assert len(METRICS) >= 50
    assert len({check.code for check in FUNDAMENTAL_CHECKS}) == 5


@pytest.mark.parametrize(
    ("told", "codes"),
    [
        ({"Liabilities": 60.9}, []),
        ({"Liabilities": 61.1}, ["balance_differs"]),
        ({"Liabilities": 55, "MinorityInterest": 3, "TemporaryEquityCarryingAmount": 2}, []),
        ({"Liabilities": 55}, ["balance_differs"]),
        ({"Liabilities": None}, []),
    ],
)
def test_trap_54_assets_are_liabilities_and_equity(told: dict[str, float], codes: list[str]) -> None:
    """Within 1 %, minority interest and temporary equity counted; where one of them is not told there is no check."""
    assert [code for code, _ in found(report(**told))] == codes


def test_a_balance_restated_in_part_is_on_two_bases() -> None:
    """Assets told anew alone do not contradict what was told before; told anew as a whole they must add up."""
    later = fact("Assets", "2023-12-31", 90, "2025-02-20", form="10-K")
    own = report("2024-01-01/2024-12-31", "2025-02-20")
    assert found([*report(), later, *own]) == []
    whole = [fact(name, "2023-12-31", value, "2025-02-20", form="10-K") for name, value in BALANCE.items()]
    for row, value in zip(whole, (90, 61, 41), strict=True):
        row["value"] = float(value)
    assert found([*report(), *whole, *own]) == [("balance_differs", "2023-12-31")]


def test_trap_54_a_late_filing_is_a_fact() -> None:
    """More than 90 days behind the period's end it is told as information; a comparative or an amendment never is."""
    assert found(report(filed="2024-03-30")) == []
    told = findings(report(filed="2024-04-01"))
    assert told.select("check", "severity", "detail").rows() == [
        ("filed_late", "info", "10-K 42-2024-04-01-10-K was filed on 2024-04-01, 92 days after 2023-12-31.")
    ]
    assert found(report(filed="2024-04-01"), thresholds=Thresholds(late_days=100)) == []
    amended = fact("Revenues", "2023-01-01/2023-12-31", 51, "2024-06-01", form="10-K/A")
    assert found([*report(), amended]) == []


def test_trap_50_a_version_at_another_scale() -> None:
    """A figure told again at a thousandth is found; one that was restated is not, nor one after a reverse split."""
    for value, codes in ((0.05, ["scale_jump"]), (40.0, []), (50 / 750, [])):
        again = fact("Revenues", "2023-01-01/2023-12-31", value, "2025-02-20", form="10-K")
        whole = report("2024-01-01/2024-12-31", "2025-02-20")
        assert [code for code, _ in found([*report(), *whole, again])] == codes


def test_trap_50_a_figure_that_leaves_its_neighbours_scale() -> None:
    """A report in thousands among reports in dollars is found, also the newest; lasting growth is not."""
    years = [(f"{at}-01-01/{at}-12-31", f"{at + 1}-02-20") for at in range(2020, 2024)]

    def told(*revenues: float) -> list[str]:
        facts = [
            row
            for (span, filed), value in zip(years, revenues, strict=True)
            for row in report(span, filed, Revenues=value)
        ]
        return [day for code, day in found(facts) if code == "scale_jump"]

    assert told(5e6, 5e3, 6e6, 6e6) == ["2021-12-31"]
    assert told(5e6, 5e6, 6e6, 6e3) == ["2023-12-31"]
    assert told(5e3, 6e6, 7e6, 8e6) == []
    assert told(5e6, 6e6, 9e6, 3e6) == []


def test_a_sign_that_cannot_be() -> None:
    """Negative assets and revenue are found; a loss is none, and an insurer's revenue may be negative."""
    assert found(report(Assets=-100, Liabilities=-140)) == [("sign_wrong", "2023-12-31")]
    assert found(report(Revenues=-1)) == [("sign_wrong", "2023-12-31")]
    assert found(report(Revenues=-1), sic=6331) == []
    assert found(report(NetIncomeLoss=-9)) == []
