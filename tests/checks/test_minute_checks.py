"""The checks of minute bars: each hits what it is for and nothing else; scores add up; findings tell sessions apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketkeep.checks import MINUTE_CHECKS, check_minutes, minute_codes, minute_findings
from marketkeep.gold import promote_minutes
from marketkeep.model import FINDINGS, RAW_TABLES, Policy
from minute_rows import at_new_york, minute, with_lineage

MONDAY = date(2024, 3, 4)
HALF_DAY = date(2023, 11, 24)
WEIGHTS = {check.code: check.weight for check in MINUTE_CHECKS}
HARD = {check.code for check in MINUTE_CHECKS if check.hard}
NO_ACTIONS = RAW_TABLES["actions"].empty()


def checked(frame: pl.DataFrame) -> pl.DataFrame:
    """Raw minute bars as the whole way to gold checks them."""
    return promote_minutes(frame, NO_ACTIONS, Policy(), check_minutes).checked


def codes(clock: str = "10:00", day: date = MONDAY, **told: Any) -> list[str]:
    """What one bar fails."""
    return minute_codes(checked(with_lineage(minute(day, clock, **told)))["failed"].item())


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"close": None}, "price_missing"),
        ({"open": None}, "price_missing"),
        ({"low": 0.0}, "price_not_positive"),
        ({"open": -10.0, "low": -11.0}, "price_not_positive"),
        ({"high": float("inf")}, "price_not_positive"),
        ({"high": 9.0, "low": 10.5}, "high_below_low"),
        ({"volume": -1.0}, "volume_negative"),
        ({"ts": datetime(2024, 3, 4, 15, 0, 30, tzinfo=UTC)}, "off_minute"),
        ({"ts": None}, "off_minute"),
        ({"ts": datetime(2024, 3, 5, 15, tzinfo=UTC)}, "outside_date"),
        ({"basis": "adjusted"}, "not_undoable"),
        ({"open": 10.2}, "open_outside"),
        ({"close": 9.8}, "close_outside"),
        ({"high": 21.0}, "range_absurd"),
        ({"volume": 0.0}, "volume_zero"),
        ({"volume": None}, "volume_missing"),
        ({"vwap": 11.0}, "vwap_outside"),
    ],
)
def test_each_check_hits_what_it_is_for(told: dict[str, Any], code: str) -> None:
    """
    A bar with one flaw fails that check; hard ones leave no score, soft ones take their weight.
    """
    row = checked(with_lineage(minute(MONDAY, **told))).row(0, named=True)
    found = minute_codes(row["failed"])
    assert code in found
    assert row["hard"] == bool(HARD & set(found))
    assert row["score"] == (0 if row["hard"] else 100 - sum(WEIGHTS[one] for one in found))


def test_sound_bar_fails_nothing() -> None:
    """
    A usual bar keeps its hundred, with an unknown VWAP and trade count too.
    """
    rows = checked(with_lineage(minute(MONDAY), minute(MONDAY, "10:01", vwap=None, trade_count=None)))
    assert rows.select("failed", "hard", "score").rows() == [(0, False, 100)] * 2


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (MONDAY, "03:59", ["outside_hours"]),
        (MONDAY, "04:00", []),
        (MONDAY, "19:59", []),
        (MONDAY, "20:00", ["outside_hours"]),
        (HALF_DAY, "16:30", []),
        (date(2024, 3, 2), "10:00", ["not_a_session"]),
        (date(2024, 3, 29), "10:00", ["not_a_session"]),
        (date(1900, 1, 2), "10:00", ["not_a_session"]),
    ],
)
def test_hours_are_those_of_new_york(day: date, clock: str, expected: list[str]) -> None:
    """
    Bars from 04:00 to 20:00 of a session are taken; those of a holiday, a weekend or the night are not.
    """
    assert codes(clock, day) == expected


@pytest.mark.parametrize("day", [date(2024, 3, 8), date(2024, 3, 11), date(2024, 11, 1), date(2024, 11, 4)])
def test_trap_45_hours_follow_daylight_saving(day: date) -> None:
    """
    In the weeks of the clock change, 04:00 and 19:59 of New York are inside and the minutes around them are not.
    """
    assert [codes(clock, day) for clock in ("03:59", "04:00", "19:59", "20:00")] == [
        ["outside_hours"],
        [],
        [],
        ["outside_hours"],
    ]


def test_trap_46_crypto_trades_at_any_hour_of_its_utc_day() -> None:
    """
    The day of a pair is the UTC day, weekends included; another day's minute is outside it.
    """
    sunday = date(2024, 3, 3)
    pair = {"symbol": "BTC-USD", "feed": "coinbase"}
    midnight = datetime(2024, 3, 3, tzinfo=UTC)
    assert codes(day=sunday, ts=midnight, **pair) == []
    assert codes(day=sunday, ts=midnight + timedelta(minutes=1439), **pair) == []
    assert codes(day=sunday, ts=midnight + timedelta(minutes=1440), **pair) == ["outside_date"]


@pytest.mark.parametrize(
    ("clock", "received", "expected"),
    [
        ("10:00", "10:01", ["not_final"]),
        ("10:00", "16:59", ["not_final"]),
        ("10:00", "17:00", []),
        ("15:59", "17:00", []),
        ("16:30", "17:00", ["not_final"]),
        ("16:30", "17:30", ["not_final"]),
        ("16:30", "17:31", []),
    ],
)
def test_trap_15_running_session_is_not_final(clock: str, received: str, expected: list[str]) -> None:
    """
    A minute is final an hour after the close, one of the evening an hour after it was over (trap 15: bars are
    recalculated after they were first told).
    """
    frame = with_lineage(minute(MONDAY, clock)).with_columns(
        fetched_at=pl.lit(at_new_york(MONDAY, received)).cast(pl.Datetime("us", "UTC"))
    )
    assert minute_codes(checked(frame)["failed"].item()) == expected


def test_trap_43_half_day_is_final_after_its_own_close() -> None:
    """
    On the day after Thanksgiving the session closes at 13:00.
    """
    for received, expected in (("13:59", ["not_final"]), ("14:00", [])):
        frame = with_lineage(minute(HALF_DAY)).with_columns(
            fetched_at=pl.lit(at_new_york(HALF_DAY, received)).cast(pl.Datetime("us", "UTC"))
        )
        assert minute_codes(checked(frame)["failed"].item()) == expected


def test_copies_in_one_payload() -> None:
    """
    The same bar twice is kept once; different bars for one minute in one payload are both refused; the same minute of
    another feed or payload is no copy.
    """
    same = checked(with_lineage(minute(MONDAY), minute(MONDAY)))
    assert [minute_codes(bits) for bits in same["failed"]] == [["duplicate_row"]] * 2
    other = checked(with_lineage(minute(MONDAY), minute(MONDAY, volume=7.0)))
    assert [minute_codes(bits) for bits in other["failed"]] == [["duplicate_conflict"]] * 2
    feeds = checked(with_lineage(minute(MONDAY), minute(MONDAY, volume=7.0, feed="iex")))
    assert feeds["failed"].to_list() == [0, 0]
    payloads = pl.concat([with_lineage(minute(MONDAY)), with_lineage(minute(MONDAY, volume=7.0), payload=1)])
    assert checked(payloads)["failed"].to_list() == [0, 0]


def test_codes_are_unique_and_documented() -> None:
    """
    Codes tell checks apart, every one has a sentence, and a hard one leaves nothing.
    """
    assert len(WEIGHTS) == len(MINUTE_CHECKS)
    for check in MINUTE_CHECKS:
        assert check.doc.endswith(".")
        assert not check.hard or check.weight == 100


def found(*frames: pl.DataFrame) -> pl.DataFrame:
    """The findings of raw frames laid together."""
    gold = promote_minutes(pl.concat(frames), NO_ACTIONS, Policy(), check_minutes)
    return minute_findings(gold.checked, gold.chosen)


def test_findings_tell_sessions_apart() -> None:
    """
    Rows of one source and session that fail the same check are one finding, with an example as it was delivered; a
    flaw that a served bar carries is open.
    """
    days = [date(2024, 2, 28), date(2024, 2, 29)]
    rows = [minute(days[0], volume=None), minute(days[0], "10:01", volume=None), minute(days[1], volume=None)]
    told = found(with_lineage(*rows))
    assert told.columns == list(FINDINGS.schema)
    assert told.select("check", "dataset", "first", "last", "count", "resolved_by").rows() == [
        ("volume_missing", "minute_bars", days[0], days[0], 2, None),
        ("volume_missing", "minute_bars", days[1], days[1], 1, None),
    ]
    assert "First: 2024-02-28T15:00:00Z open 10.0" in told["detail"][0]
    assert found(with_lineage(minute(MONDAY))).equals(FINDINGS.empty())


def test_finding_lives_until_the_minute_is_told_otherwise() -> None:
    """
    A flaw told again is repeated, not found anew; the batch that tells the minute without it has cured it.
    """
    frames = [with_lineage(minute(MONDAY, volume=None), at=at) for at in (0, 5)]
    [row] = found(*frames).rows(named=True)
    assert (row["count"], row["repeated"], row["batch_id"], row["resolved_by"]) == (1, 1, "batch-csv-0000", None)
    [row] = found(*frames, with_lineage(minute(MONDAY), at=9)).rows(named=True)
    assert (row["repeated"], row["resolved_by"]) == (1, "batch-csv-0009")


def test_dictionary_lists_every_minute_check() -> None:
    """
    The data dictionary has one line a check: code, severity, weight, whether it is hard, and its sentence.
    """
    text = (Path(__file__).parents[2] / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    mine = text.partition("## Checks of minute bars")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in mine.splitlines() if line.startswith("|")]
    for check in MINUTE_CHECKS:
        told = [f"`{check.code}`", check.severity, str(check.weight), "yes" if check.hard else "", check.doc]
        assert rows.count(told) == 1
