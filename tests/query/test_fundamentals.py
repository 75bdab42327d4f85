"""Fundamentals as readers ask for them: versions, periods, both clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fact_keep import FactKeep, days_after
from fact_rows import fact, filing, year
from marketkeep.errors import BadInput, BadRange, CorruptFile, NotFound
from marketkeep.model import FUNDAMENTALS, PANEL_FUNDAMENTALS
from marketkeep.query import published_figures as module
from marketkeep.stores.lake import layout, write_catalog
from marketkeep.stores.lake.fundamentals import read_fundamentals

REVENUE, SPAN = "Revenues", "2023-01-01/2023-12-31"
PARTS = (("Assets", 9), ("StockholdersEquity", 3))
SHARES = "dei:EntityCommonStockSharesOutstanding"


@pytest.fixture
def keep(tmp_path: Path) -> FactKeep:
    """A keep with two years of reports; the second day brings an amendment, a year later than its report."""
    made = FactKeep(tmp_path / "keep")
    first = [*year(REVENUE, 2022, (1, 2, 3, 4)), *year(REVENUE, 2023, (5, 6, 7, 8))]
    balances = [fact("Assets", day, 9, "2024-02-20", form="10-K") for day in ("2022-12-31", "2023-12-31")]
    cover = fact(SHARES, "2024-02-10", 70, "2024-02-20", form="10-K", unit="shares")
    made.take("facts", [*first, *balances, cover])
    made.publish()
    amended = fact(REVENUE, SPAN, 30, "2025-01-02", form="10-K/A")
    made.take("facts", [*first, *balances, cover, amended], at=30)
    made.take("filings", [filing(amended["accession"], "2025-01-02T15:00:00+00:00")], at=31)
    made.publish()
    return made


def revenue(keep: FactKeep, **asked: object) -> list[float | None]:
    """The values of revenue for fiscal years."""
    return keep.open().fundamentals("MADE", "revenue", period="annual", **asked).polars()["value"].to_list()  # type: ignore[arg-type]


def test_first_filed_by_default_and_restated_when_asked(keep: FactKeep) -> None:
    """
    One row a figure: the first version, or the last.
    """
    assert revenue(keep) == [10.0, 26.0]
    assert revenue(keep, restated=True) == [10.0, 30.0]


def test_as_of_hides_what_could_not_be_used_yet(keep: FactKeep) -> None:
    """
    Neither a figure nor a version of it shows before its filing could be used, by the day or by the instant.
    """
    assert revenue(keep, as_of="2023-02-20") == []
    assert revenue(keep, as_of="2023-02-21") == [10.0]
    # Read as New York's, the later reading of 15:00.
    assert revenue(keep, restated=True, as_of="2025-01-01") == [10.0, 26.0]
    assert revenue(keep, restated=True, as_of="2025-01-02") == [10.0, 30.0]
    assert revenue(keep, restated=True, as_of="2025-01-02T19:59:59Z") == [10.0, 26.0]
    assert revenue(keep, restated=True, as_of=datetime(2025, 1, 2, 20, tzinfo=UTC)) == [10.0, 30.0]


def test_recorded_by_hides_what_was_received_later(keep: FactKeep) -> None:
    """
    On the first day the keep knew of no amendment, and before it of nothing; on the third as much as now.
    """
    assert revenue(keep, restated=True, recorded_by=days_after(0)) == [10.0, 26.0]
    assert revenue(keep, restated=True, recorded_by=days_after(30)) == [10.0, 30.0]
    with pytest.raises(NotFound, match="MADE: no fundamentals held recorded by"):
        revenue(keep, recorded_by=days_after(-1))
    now = keep.open().fundamentals("MADE").polars()
    assert keep.open().fundamentals("MADE", recorded_by=days_after(31)).polars().equals(now)


def test_acceptance_learned_later_was_not_known_before(keep: FactKeep) -> None:
    """
    Until the filing's acceptance was received, the amendment was usable on the session after its day.
    """
    then = keep.open().fundamentals("MADE", "revenue", restated=True, recorded_by=days_after(30)).polars()
    last = then.filter(pl.col("period") == "FY")["available_at"].max()
    assert last == datetime(2025, 1, 3, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "found"),
    [
        ("quarter", {"Q1", "Q2", "Q3", "Q4", "instant"}),
        ("annual", {"FY", "instant"}),
        ("ttm", {"TTM", "instant"}),
        ("instant", {"instant"}),
        (None, {"Q1", "Q2", "Q3", "Q4", "FY", "TTM", "instant"}),
    ],
)
def test_periods_bring_the_instants_at_their_ends(keep: FactKeep, period: str | None, found: set[str]) -> None:
    """
    A question about years has balances at their ends and the count on the cover of their reports.
    """
    rows = keep.open().fundamentals("MADE", period=period).polars()  # type: ignore[arg-type]
    assert set(rows["period"]) == found
    assert set(rows.filter(pl.col("period") == "instant")["metric"]) == {"assets", "shares_outstanding"}


def test_bounds_are_those_of_the_periods_end(keep: FactKeep) -> None:
    """
    Start and end are included; the columns are the table's, sorted by metric and period_end.
    """
    rows = keep.open().fundamentals("MADE", ["revenue"], "2023-03-31", "2023-09-30", period="quarter").polars()
    assert rows["period_end"].to_list() == [date(2023, 3, 31), date(2023, 6, 30), date(2023, 9, 30)]
    assert rows.schema == FUNDAMENTALS.schema


def test_a_report_outranks_a_prospectus_once_it_is_there(keep: FactKeep) -> None:
    """
    Before the report could be used the prospectus tells the figure; from then on it is the report's.
    """
    early = fact("NetIncomeLoss", SPAN, 99, "2024-01-10", form="S-1")
    report = fact("NetIncomeLoss", SPAN, 100, "2024-02-20", form="10-K")
    keep.take("facts", [early, report], at=40)
    keep.publish()
    asked = keep.open().fundamentals
    then, now = (asked("MADE", "net_income", as_of=day).polars() for day in ("2024-02-01", None))
    assert (set(then["value"]), set(now["value"])) == ({99.0}, {100.0})


def test_a_figure_put_together_outranks_a_prospectus_too(keep: FactKeep) -> None:
    """
    A prospectus tells liabilities as such, the report only their parts: these count once the report is there.
    """
    early = fact("Liabilities", "2023-12-31", 4, "2024-01-10", form="S-1")
    parts = [fact(name, "2023-12-31", value, "2024-02-20", form="10-K") for name, value in PARTS]
    keep.take("facts", [early, *parts], at=40)
    keep.publish()
    asked = keep.open().fundamentals
    for restated in (False, True):
        then, now = (
            asked("MADE", "liabilities", as_of=day, restated=restated).polars() for day in ("2024-02-01", None)
        )
        assert (then["value"].to_list(), now["value"].to_list()) == ([4.0], [6.0])
    assert now["derived"].to_list() == ["assets - equity"]


def take(way: str, patch: pytest.MonkeyPatch) -> None:
    """Have figures read by this way: the other is made dear."""
    patch.setattr(module, "_FILE", 1e12 if way == "panel" else 0.0)
    patch.setattr(module, "_PARTITION", 1e12 if way == "files" else 0.0)


ASKED: list[dict[str, Any]] = [
    {},
    {"metrics": "revenue", "as_of": "2024-03-01"},
    {"metrics": ["assets", "revenue"], "period": "annual", "restated": True},
    {"metrics": "assets", "period": "quarter", "start": "2023-01-01"},
    {"period": "instant", "end": "2022-12-31"},
    {"as_of": datetime(2025, 1, 2, 20, tzinfo=UTC), "restated": True},
    {"as_of": "9999-12-31"},
    {"start": "2030-01-01"},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_both_ways_of_reading_give_the_same(
    keep: FactKeep, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    """
    The published files and the panel give the same figures in the same order; which is read is a matter of cost.
    """
    told = {}
    for way in ("files", "panel"):
        take(way, monkeypatch)
        told[way] = keep.open().fundamentals("MADE", **asked).polars()
    assert told["panel"].equals(told["files"])
    assert told["panel"].is_empty() == ("start" in asked and asked["start"] > "2029")
    (keep.root / layout.panel("fundamentals", 2023)).unlink()
    assert keep.open().fundamentals("MADE", **asked).polars().equals(told["files"])


def test_the_panel_is_read_alone_where_it_is_cheaper(keep: FactKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The answer comes from the panel though no published file is there any more; of few figures the files are read.
    """
    take("panel", monkeypatch)
    before = keep.open().fundamentals("MADE").polars()
    for path in (keep.root / "fundamental").rglob("*.json"):
        path.unlink()
    assert keep.open().fundamentals("MADE").polars().equals(before)
    take("files", monkeypatch)
    with pytest.raises(CorruptFile, match="it is not there"):
        keep.open().fundamentals("MADE").polars()


@pytest.mark.parametrize("harm", [b"", b"nonsense"])
def test_a_spoilt_year_of_the_panel_is_passed_by(keep: FactKeep, monkeypatch: pytest.MonkeyPatch, harm: bytes) -> None:
    """
    What is not the file that the catalog tells of is never read; the published files have the rows.
    """
    take("panel", monkeypatch)
    before = keep.open().fundamentals("MADE").polars()
    (keep.root / layout.panel("fundamentals", 2022)).write_bytes(harm)
    assert keep.open().fundamentals("MADE").polars().equals(before)


def test_a_panel_that_lacks_a_year_is_not_read(keep: FactKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Only a panel with all that is published answers.
    """
    take("panel", monkeypatch)
    before = keep.open().fundamentals("MADE").polars()
    catalog = keep.work.lake.catalog()
    some = catalog.panels.filter(pl.col("period") != 2023)
    write_catalog(keep.root, catalog.entries, catalog.batches, catalog.asked, catalog.tickers, some)
    assert keep.open().fundamentals("MADE").polars().equals(before)


def test_sql_has_every_version(keep: FactKeep) -> None:
    """
    The table of SQL has all that is published, by the panel and without one, and by a day what was usable then.
    """
    query = "select * from fundamentals order by symbol, metric, period_end, period, available_at, accession"
    order = list(PANEL_FUNDAMENTALS.key)
    published = read_fundamentals(keep.work.files, keep.work.lake.catalog(), ["MADE"]).sort(order)
    assert keep.open().sql(query).polars().equals(published)
    usable = published.filter(pl.col("available_at") < datetime(2024, 3, 2, 5, tzinfo=UTC))
    assert 0 < usable.height < published.height
    assert keep.open().sql(query, as_of="2024-03-01").polars().equals(usable)
    catalog = keep.work.lake.catalog()
    write_catalog(keep.root, catalog.entries, catalog.batches, catalog.asked, catalog.tickers)
    assert keep.open().sql(query).polars().equals(published)


def test_a_question_that_cannot_be_right_is_refused(keep: FactKeep) -> None:
    """
    An unknown metric names the nearest, an unknown period those there are; a symbol without figures is not found.
    """
    asked = keep.open().fundamentals
    with pytest.raises(BadInput, match="there is no metric 'revenues'; did you mean revenue"):
        asked("MADE", "revenues")
    with pytest.raises(BadInput, match="there is no metric 'zzzz'; the data dictionary lists all"):
        asked("MADE", "zzzz")
    with pytest.raises(BadInput, match="period='year' is unknown; use 'quarter', 'annual', 'ttm', 'instant'"):
        asked("MADE", period="year")  # type: ignore[arg-type]
    with pytest.raises(BadRange):
        asked("MADE", start="2024-01-02", end="2024-01-01")
    with pytest.raises(NotFound, match="OTHR: no fundamentals held; they come from the SEC"):
        asked(["MADE", "OTHR"]).polars()
