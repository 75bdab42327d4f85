"""What is wrong now, and how good what is held is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from going_keep import GoingKeep
from marketkeep.model import FINDINGS, ISSUES
from marketkeep.pipeline.securities import add_symbols
from marketkeep.query.issues import in_runs
from small_keep import SmallKeep, sessions

DAYS = sessions("2024-03-04", 12)
BAD = -5
"""A volume that no bar can have."""


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """A keep in which sources a, b and csv rank in that order."""
    return SmallKeep(tmp_path / "keep")


def plain(days: Iterable[date], *told: object) -> list[tuple[object, ...]]:
    """Bars that move a little, because equal ones in a row are a finding of their own."""
    return [(day, 10.0 + 0.01 * (day.toordinal() % 7), *told) for day in days]


def refused(day: date, close: float = 10.0) -> tuple[object, ...]:
    """A bar with a volume that no bar can have."""
    return day, close, 0.0, 1.0, BAD


def told(found: pl.DataFrame) -> list[tuple[str, date | None, date | None, int | None]]:
    """Check, first, last and count of each."""
    return found.select("check", "first", "last", "count").rows()


def test_nothing_is_wrong(keep: SmallKeep) -> None:
    """
    A keep whose bars are plain has no issues; they have the columns of their table.
    """
    keep.bars(*plain(DAYS))
    issues = keep.open().issues(info=True)
    assert issues.is_empty()
    assert dict(issues.schema) == ISSUES.schema


def test_refused_bar_is_an_error_until_another_brings_the_session(keep: SmallKeep) -> None:
    """
    What failed a hard check is an open error beside the gap it leaves; both end with the bar that cures them, and the
    finding stays, with what cured it.
    """
    keep.bars((DAYS[0], 10.0), refused(DAYS[1]), (DAYS[2], 10.0))
    assert told(keep.open().issues()) == [
        ("volume_negative", DAYS[1], DAYS[1], 1),
        ("gap", DAYS[1], DAYS[1], 1),
    ]
    keep.bars((DAYS[1], 10.0), source="b")
    reader = keep.open()
    assert reader.issues().is_empty()
    [cured] = reader.findings().filter(check="volume_negative").rows(named=True)
    assert cured["resolved_at"] == keep.now
    assert cured["resolved_by"] != cured["batch_id"]


def test_day_that_is_no_session_is_no_issue(keep: SmallKeep) -> None:
    """
    A bar of a Saturday is refused, and nothing is missing for it.
    """
    saturday = date(2024, 3, 9)
    keep.bars(*plain(DAYS[:7]), (saturday, 10.0))
    reader = keep.open()
    assert "not_a_session" in set(reader.findings()["check"])
    assert reader.issues().is_empty()


def test_days_in_a_row_are_one_line(keep: SmallKeep) -> None:
    """
    A flaw of many days is one line with the first, the last and how many; a week without it begins another.
    """
    flawed = [DAYS[n] for n in (0, 1, 2, 3, 11)]
    keep.bars(*plain(flawed, 0.0, 1.0, 0.0), *plain(day for day in DAYS if day not in flawed))
    assert told(keep.open().issues()) == [("volume_zero", DAYS[0], DAYS[3], 4), ("volume_zero", DAYS[11], DAYS[11], 1)]
    assert keep.open().findings().height == 5


def test_information_only_when_asked(keep: SmallKeep) -> None:
    """
    What is information is left out unless it is asked for.
    """
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, None))
    assert keep.open().issues().is_empty()
    assert told(keep.open().issues(info=True)) == [("volume_missing", DAYS[0], DAYS[0], 1)]


def test_issues_of_some_symbols(keep: SmallKeep) -> None:
    """
    Issues and findings of named symbols, in any vendor's spelling, are theirs alone.
    """
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, 0.0), symbol="BRK.B")
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, 0.0), symbol="AAPL")
    reader = keep.open()
    assert reader.issues("brk-b")["symbol"].to_list() == ["BRK.B"]
    assert reader.findings(["AAPL"])["symbol"].to_list() == ["AAPL"]
    assert reader.issues().height == 2


def test_followed_symbol_that_stopped(keep: SmallKeep) -> None:
    """
    A symbol that is followed and has had no bar for four sessions is told when it is said what now is.
    """
    add_symbols(keep.work, ["AAPL"])
    keep.bars((DAYS[0], 10.0), (DAYS[1], 10.0))
    keep.bars((DAYS[0], 10.0), (DAYS[1], 10.0), symbol="OTHER")
    reader = keep.open()
    assert reader.issues().is_empty()
    assert reader.issues(now=datetime(2024, 3, 8, 23, tzinfo=UTC)).is_empty()
    late = reader.issues(now=datetime(2024, 3, 11, 23, tzinfo=UTC))
    assert late.select("check", "symbol", "first", "count").rows() == [("not_fresh", "AAPL", DAYS[1], 4)]
    assert reader.issues(now="2024-06-03", as_of=DAYS[2]).is_empty()


def test_hole_in_the_market_is_told_once(tmp_path: Path) -> None:
    """
    A session that many symbols lack is one line; a gap of one of them besides is its own.
    """
    keep = SmallKeep(tmp_path / "keep")
    for n in range(6):
        missing = {DAYS[4]} | ({DAYS[6]} if n == 0 else set())
        keep.bars(*plain(day for day in DAYS if day not in missing), symbol=f"S{n}")
    issues = keep.open().issues()
    assert issues.select("check", "symbol", "first", "count").rows() == [
        ("market_hole", None, DAYS[4], 6),
        ("gap", "S0", DAYS[6], 1),
    ]


def test_action_in_dispute_is_an_issue(keep: SmallKeep) -> None:
    """
    A dividend that two sources tell differently is an issue once, with what each told.
    """
    rows = [(day, close, 0.5 if day == DAYS[4] else 0.0) for day, close in plain(DAYS)]
    keep.bars(*rows, source="a")
    keep.bars(*((day, close, paid * 2) for day, close, paid in rows), source="b")
    found = keep.open().issues().filter(pl.col("check") == "action_disputed")
    assert found.select("symbol", "first", "last").rows() == [("AAPL", DAYS[4], DAYS[4])]
    [detail] = found["detail"]
    assert "a=0.5" in detail
    assert "b=1" in detail


def test_member_nobody_knows_is_an_issue(tmp_path: Path) -> None:
    """
    A member of an index of which this keep knows nothing else is told, because what is read of the index lacks it.
    """
    keep = GoingKeep(tmp_path / "keep")
    keep.small.bars((DAYS[0], 10.0))
    rows = [{"index": "sp500", "symbol": name, "date": DAYS[0], "event": "added"} for name in ("AAPL", "GHOST")]
    keep.receive("index_members", "csv", rows)
    keep.publish()
    found = keep.open().issues()
    assert found.select("check", "dataset", "symbol").rows() == [("member_unknown", "index_members", "GHOST")]


def test_worst_first(keep: SmallKeep) -> None:
    """
    Errors come before warnings, then by symbol and day.
    """
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, 0.0), refused(DAYS[1]), (DAYS[2], 10.0), symbol="ZZZ")
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, 0.0), symbol="AAPL")
    found = keep.open().issues()
    assert found["severity"].to_list() == ["error", "warning", "warning", "warning"]
    assert found["symbol"].to_list() == ["ZZZ", "AAPL", "ZZZ", "ZZZ"]


def test_runs_keep_what_has_no_date_apart() -> None:
    """
    Findings without a date are a line each; a null source is a source like any other.
    """
    row = dict.fromkeys(FINDINGS.schema) | {
        "check": "empty",
        "severity": "warning",
        "dataset": "daily_bars",
        "count": 1,
    }
    rows = [{**row, "detail": text, "batch_id": text, "detected_at": None} for text in ("one", "two")]
    lines = in_runs(pl.DataFrame(rows, schema=FINDINGS.schema))
    assert lines["detail"].to_list() == ["one", "two"]


# --- quality ---------------------------------------------------------------------------------------------------------


def test_quality_counts_what_is_open_and_what_was_cured(keep: SmallKeep) -> None:
    """
    Per check runs that are open and that were cured, the rows of the open ones, and the score of the bars.
    """
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, 0.0), (DAYS[1], 10.0, 0.0, 1.0, 0.0), refused(DAYS[2]), (DAYS[3], 10.0))
    found = keep.open().quality()
    assert found.open_errors == 1
    checks = {row["check"]: row for row in found.checks.rows(named=True)}
    assert found.checks["check"][0] == "volume_negative"
    assert {name: checks["volume_zero"][name] for name in ("open", "resolved", "count", "first", "last")} == {
        "open": 1,
        "resolved": 0,
        "count": 2,
        "first": DAYS[0],
        "last": DAYS[1],
    }
    assert found.bars.rows() == [("daily_bars", 1, 3, 1, pytest.approx((90 + 90 + 100) / 3))]
    keep.bars((DAYS[2], 10.0))
    healed = keep.open().quality()
    assert healed.open_errors == 0
    assert healed.checks.filter(check="volume_negative").select("open", "resolved", "first").rows() == [(0, 1, None)]


def test_quality_of_a_scope(keep: SmallKeep) -> None:
    """
    Of named symbols, of one dataset, of days from one on: bars and checks alike.
    """
    keep.bars((DAYS[0], 10.0, 0.0, 1.0, 0.0), (DAYS[3], 10.0))
    keep.bars(*((day, 10.0) for day in DAYS[:4]), symbol="MSFT")
    reader = keep.open()
    assert set(reader.quality("AAPL").checks["check"]) == {"volume_zero", "gap"}
    assert reader.quality("MSFT").checks.is_empty()
    later = reader.quality("AAPL", since=DAYS[1])
    assert later.checks["check"].to_list() == ["gap"]
    assert later.bars.select("rows", "score").rows() == [(1, 100.0)]
    assert reader.quality(dataset="minute_bars").bars.is_empty()
    assert reader.quality(dataset="minute_bars").checks.is_empty()


def test_quality_of_an_empty_keep(keep: SmallKeep) -> None:
    """
    A keep that holds nothing has neither bars nor checks, and no error.
    """
    found = keep.open().quality(now=keep.now + timedelta(days=1))
    assert (found.bars.height, found.checks.height, found.open_errors) == (0, 0, 0)
