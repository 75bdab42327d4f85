"""The checks of daily bars: for each a row that fails it and a near miss, what they cost, and how they are told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketkeep.checks import BAR_CHECKS, check_bars, failed_codes
from marketkeep.checks.bars import ROW_CHECKS
from marketkeep.gold.promote import session_table, with_calendar
from marketkeep.model import RAW_TABLES
from raw_rows import Row, bar, bars

LAG = timedelta(minutes=60)
MONDAY = date(2024, 3, 4)
WEIGHTS = {check.code: check.weight for check in BAR_CHECKS}
HARD = {check.code for check in BAR_CHECKS if check.hard}


def checked(*rows: Row) -> pl.DataFrame:
    """Rows as they come out of the checks, sorted as the checks ask for."""
    frame = with_calendar(bars(*rows).sort("symbol", "date", "fetched_at", "batch_id", "payload", maintain_order=True))
    return check_bars(frame, session_table(frame, LAG))


def codes(**told: Any) -> list[str]:
    """What one bar of an ordinary session fails, when it is told so."""
    ohlcv = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100.0}
    return failed_codes(checked(bar(MONDAY, **ohlcv | told))["failed"].item())


def test_ordinary_bar_fails_nothing() -> None:
    """
    A bar with all its values in order scores 100.
    """
    row = checked(bar(MONDAY, open=10.0, high=11.0, low=9.0, close=10.5))
    assert row.select("failed", "hard", "score").rows() == [(0, False, 100)]


# A value just beyond the slack of one part in a million, and one just within.
BEYOND, WITHIN = 1 + 1.1e-6, 1 + 0.9e-6


EXAMPLES: list[tuple[str, Row, Row]] = [
    ("price_missing", {"close": None}, {"close": 9.0}),
    ("price_not_positive", {"open": 0.0}, {"open": 9.0}),
    ("price_not_positive", {"low": -1.0}, {"low": 1e-9}),
    ("price_not_positive", {"high": float("inf")}, {"high": 1e9}),
    ("price_not_positive", {"close": float("nan")}, {"close": 10.0}),
    ("price_not_positive", {"close": -0.0}, {"close": 9.5}),
    ("high_below_low", {"high": 9.0 / BEYOND, "open": 9.0, "close": 9.0}, {"high": 9.0 / WITHIN}),
    ("volume_negative", {"volume": -1.0}, {"volume": 0.0}),
    ("not_a_session", {"date": date(2024, 3, 3)}, {"date": date(2024, 3, 4)}),
    ("not_a_session", {"date": date(2024, 3, 29)}, {"date": date(2024, 3, 28)}),
    ("not_a_session", {"date": date(2025, 1, 9)}, {"date": date(2025, 1, 10)}),
    ("not_a_session", {"date": date(1800, 1, 1)}, {"date": date(2012, 10, 31)}),
    ("not_a_session", {"date": date(2012, 10, 30)}, {"date": date(2012, 10, 31)}),
    ("open_outside", {"open": 11.0 * BEYOND}, {"open": 11.0 * WITHIN}),
    ("open_outside", {"open": 9.0 / BEYOND}, {"open": 9.0 / WITHIN}),
    ("close_outside", {"close": 11.0 * BEYOND}, {"close": 11.0 * WITHIN}),
    ("close_outside", {"close": 9.0 / BEYOND}, {"close": 9.0 / WITHIN}),
    ("range_absurd", {"high": 45.1}, {"high": 45.0}),
    ("prices_incomplete", {"open": None}, {"open": 9.0}),
    ("prices_incomplete", {"high": None}, {"high": 11.0}),
    ("prices_incomplete", {"low": None}, {"low": 9.0}),
    ("volume_zero", {"volume": 0.0}, {"volume": 1.0}),
    ("volume_zero", {"volume": 0.0}, {"volume": 0.0, "high": 9.0, "open": 9.0, "close": 9.0}),
    ("volume_missing", {"volume": None}, {"volume": 0.0}),
    ("flat_bar", {"open": 9.0, "high": 9.0, "close": 9.0}, {"open": 9.0, "high": 9.01, "close": 9.0}),
    (
        "flat_bar",
        {"open": 9.0, "high": 9.0, "close": 9.0},
        {"open": 9.0, "high": 9.0, "close": 9.0, "volume": 0.0},
    ),
]


@pytest.mark.parametrize(("code", "failing", "passing"), EXAMPLES)
def test_check_hits_its_row_and_not_the_near_miss(code: str, failing: Row, passing: Row) -> None:
    """
    Each rule is met by a row that breaks it, and not by one that only nearly does.
    """
    assert code in codes(**failing)
    assert code not in codes(**passing)


def test_every_check_is_tried_here() -> None:
    """
    No check of one row is without a test: codes are unique, each has a sentence, and only hard ones cost everything.
    """
    tried = {code for code, *_ in EXAMPLES}
    assert tried | {"not_final", "duplicate_row", "duplicate_conflict"} == {check.code for check in ROW_CHECKS}
    assert len(WEIGHTS) == len(BAR_CHECKS) <= 32
    assert BAR_CHECKS[: len(ROW_CHECKS)] == ROW_CHECKS
    for check in BAR_CHECKS:
        assert check.doc.endswith(".")
        assert (check.weight == 100) == check.hard


@pytest.mark.parametrize(
    ("session", "final"),
    [
        (date(2023, 11, 24), datetime(2023, 11, 24, 19, 0, tzinfo=UTC)),  # closes at 13:00, New York on winter time
        (date(2023, 11, 22), datetime(2023, 11, 22, 22, 0, tzinfo=UTC)),
        (date(2024, 7, 3), datetime(2024, 7, 3, 18, 0, tzinfo=UTC)),  # a half day on summer time
        (date(2024, 3, 11), datetime(2024, 3, 11, 21, 0, tzinfo=UTC)),  # the first session of summer time
    ],
)
def test_not_final_until_close_and_lag(session: date, final: datetime) -> None:
    """
    Trap 5: a bar received a microsecond before close plus lag may change, one received at that instant is final.
    """
    rows = checked(
        bar(session, source="a", fetched_at=final - timedelta(microseconds=1)),
        bar(session, source="b", fetched_at=final),
    )
    assert dict(rows.select("source", pl.col("failed").map_elements(failed_codes, pl.List(pl.String))).rows()) == {
        "a": ["not_final"],
        "b": [],
    }


def test_crypto_trades_on_weekends_to_midnight() -> None:
    """
    Trap 46: a pair's Saturday is a session that ends at midnight UTC.
    """
    saturday = date(2024, 3, 2)
    midnight = datetime(2024, 3, 3, tzinfo=UTC)
    rows = checked(
        bar(saturday, symbol="BTC-USD", source="a", fetched_at=midnight + LAG - timedelta(seconds=1)),
        bar(saturday, symbol="BTC-USD", source="b", fetched_at=midnight + LAG),
        bar(saturday, symbol="AAPL", source="c"),
    )
    found = {source: failed_codes(bits) for source, bits in rows.select("source", "failed").rows()}
    assert found == {"a": ["not_final"], "b": [], "c": ["not_a_session"]}


def test_score_is_what_soft_checks_leave() -> None:
    """
    A score is 100 minus the weights of the soft checks failed, and never below 0.
    """
    outside = checked(bar(MONDAY, open=12.0, high=11.0, low=9.0, close=8.0, volume=None))
    assert failed_codes(outside["failed"].item()) == ["open_outside", "close_outside", "volume_missing"]
    assert outside.select("score", "hard").rows() == [(45, False)]
    many = checked(bar(MONDAY, open=99.0, high=50.0, low=1.0, close=0.5, volume=0.0))
    assert many["score"].item() == max(0, 100 - 20 - 30 - 40 - 10)


def test_hard_failure_scores_nothing() -> None:
    """
    A hard check alone brings the score to 0 and marks the row as one that never becomes gold.
    """
    for code, told in {"volume_negative": {"volume": -5.0}, "price_missing": {"close": None}}.items():
        row = checked(bar(MONDAY, 10.0, **told))
        assert code in failed_codes(row["failed"].item())
        assert row.select("score", "hard").rows() == [(0, True)]


def test_bits_decode_to_the_codes_they_stand_for() -> None:
    """
    Any one or two checks' bits decode to just these, in the order of the checks.
    """
    order = [check.code for check in BAR_CHECKS]
    assert failed_codes(0) == []
    for first, second in combinations(range(len(order)), 2):
        assert failed_codes(1 << first) == [order[first]]
        assert failed_codes(1 << first | 1 << second) == [order[first], order[second]]
    assert failed_codes((1 << len(order)) - 1) == order


def test_same_bar_told_twice_is_a_duplicate() -> None:
    """
    One payload telling the same bar twice costs nothing and is told.
    """
    rows = checked(bar(MONDAY, 10.0), bar(MONDAY, 10.0))
    assert [failed_codes(bits) for bits in rows["failed"]] == [["duplicate_row"]] * 2
    assert rows["score"].to_list() == [100, 100]


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("value", [10.02, None])
def test_payload_contradicting_itself_is_refused(name: str, value: float | None) -> None:
    """
    Different bars for one session in one payload: which is right cannot be known, so neither becomes gold.
    """
    rows = checked(bar(MONDAY, 10.0), bar(MONDAY, 10.0, **{name: value}))
    assert all("duplicate_conflict" in failed_codes(bits) for bits in rows["failed"])
    assert rows["hard"].all()


@pytest.mark.parametrize(
    "other", [{"payload": 1}, {"at": 1}, {"source": "yahoo"}, {"symbol": "MSFT"}, {"day": date(2024, 3, 5)}]
)
def test_bars_of_other_payloads_are_no_duplicates(other: dict[str, Any]) -> None:
    """
    Another payload, batch, symbol or session telling another bar is no contradiction.
    """
    told = {"day": MONDAY, "close": 11.0} | other
    rows = checked(bar(MONDAY, 10.0), bar(told.pop("day"), told.pop("close"), **told))
    assert rows["failed"].to_list() == [0, 0]


def test_rows_and_their_columns_stay() -> None:
    """
    Checks add `failed`, `hard` and `score`; no row is dropped, repaired or reordered.
    """
    given = bars(
        *(bar(day, close) for day, close in ((MONDAY, -1.0), (date(2024, 3, 9), 2.0), (date(2024, 3, 11), 3.0)))
    )
    made = checked(*given.rows(named=True))
    assert set(made.columns) - set(given.columns) == {"calendar", "failed", "hard", "score"}
    assert made.select(given.columns).equals(given)
    assert made.schema["score"] == pl.Int16


def test_no_rows_no_marks() -> None:
    """
    An empty frame is checked like any other.
    """
    empty = checked()
    assert empty.is_empty()
    assert {"failed", "hard", "score"} <= set(empty.columns)
    assert set(RAW_TABLES["daily_bars"].schema) <= set(empty.columns)


def test_dictionary_lists_every_check() -> None:
    """
    The data dictionary has one line a check: code, severity, weight, whether it is hard, and its sentence.
    """
    text = (Path(__file__).parents[2] / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    mine = text.partition("## Checks of daily bars")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in mine.splitlines() if line.startswith("|")]
    for check in BAR_CHECKS:
        told = [f"`{check.code}`", check.severity, str(check.weight), "yes" if check.hard else "", check.doc]
        assert rows.count(told) == 1
