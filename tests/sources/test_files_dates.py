"""Dates of files: every way of writing them, and what is no daily file."""

from __future__ import annotations

from datetime import date

import pytest
from files_given import Given, refusal

D = date(2019, 11, 5)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("2019-11-05", "YYYY-MM-DD"),
        ("2019-11-05 00:00:00", "YYYY-MM-DD"),
        ("2019-11-05T00:00:00.000Z", "YYYY-MM-DD"),
        ("2019-11-05 00:00:00+00:00", "YYYY-MM-DD"),
        ("2019-11-05 00:00:00-05:00", "YYYY-MM-DD"),
        ("2019-11-05 00:00:00+0900", "YYYY-MM-DD"),
        ("2019-11-05T05:00:00Z", "YYYY-MM-DD"),
        ("2019-11-05 04:00:00+00:00", "YYYY-MM-DD"),
        ("20191105", "YYYYMMDD"),
        ("20191105 00:00", "YYYYMMDD"),
        ("2019/11/05", "YYYY/MM/DD"),
        ("2019/11/5", "YYYY/MM/DD"),
        ("11/5/2019", "M/D/YYYY"),
        ("11/05/2019 12:00:00 AM", "M/D/YYYY"),
        ("11/5/19", "M/D/YY"),
        ("11-05-2019", "M-D-YYYY"),
        ("11.05.2019", "M.D.YYYY"),
        ("5-Nov-19", "D-Mon-YY"),
        ("05-NOV-2019", "D-Mon-YYYY"),
        ('"Nov 5, 2019"', "Mon D, YYYY"),
    ],
)
def test_forms(text: str, label: str) -> None:
    """
    A date is the one that is written, whatever zone stands beside it.
    """
    given = Given(f"date,close\n{text},2\n")
    assert given.bars["date"].to_list() == [D]
    assert given.form.date_format == label


def test_day_first_is_seen_in_later_rows() -> None:
    """
    Day and month are told apart by any row of the head that has a day above 12.
    """
    given = Given("date,close\n4/11/2019,2\n5/11/2019,2\n13/11/2019,2\n")
    assert given.bars["date"].to_list() == [date(2019, 11, 4), D, date(2019, 11, 13)]
    assert (given.form.date_format, given.form.notes) == ("D/M/YYYY", ())


def test_undecided_order_is_said() -> None:
    """
    Where every row could be either, month first is taken and said.
    """
    given = Given("date,close\n11/5/2019,2\n")
    assert given.form.describe()[-1] == "note: dates could be M/D/YYYY or D/M/YYYY; read as M/D/YYYY"
    assert Given("date,close\n11/25/2019,2\n").form.notes == ()


def test_zone_changes_within_a_file() -> None:
    """
    Summer time changes the offset, not the date.
    """
    given = Given("date,close\n2022-03-11 00:00:00-05:00,1\n2022-03-14 00:00:00-04:00,2\n")
    assert given.bars["date"].to_list() == [date(2022, 3, 11), date(2022, 3, 14)]


INTRADAY = "intraday bars: not a daily file"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("date,close\n11/5/2019 9:30,1\n11/5/2019 9:31,1\n", ", line 2, column 'date'"),
        ("date,close\n2019-11-05 00:00:00,1\n2019-11-05 00:01:00,1\n", ", line 3, column 'date'"),
        ("date,close\n2019-11-05T16:00:00-05:00,1\n", ", line 2, column 'date'"),
        ("date,close\n2019-11-05 05:00:00-05:00,1\n", ", line 2, column 'date'"),
        ("date,time,close\n20191105,09:30,1\n", ", line 2, column 'time'"),
        ("date,close\n2019-11-05,1\n2019-11-05,2\n2019-11-05,3\n2019-11-05,4\n", ", line 3, column 'date'"),
    ],
)
def test_intraday_is_refused(content: str, where: str) -> None:
    """
    A time that says something, or several rows a day, make the file intraday.
    """
    assert refusal(content) == f"AAPL.csv{where}: {INTRADAY}"


def test_a_late_time_is_refused() -> None:
    """
    A time far below the head is met while reading.
    """
    rows = [
        f"{1900 + i // 300}-{i // 28 % 10 + 1:02d}-{i % 28 + 1:02d} 00:00:00,1" for i in range(12_000) if i % 300 < 280
    ]
    content = "\n".join(["date,close", *rows, "2019-11-05 09:30:00,1"])
    assert refusal(content) == f"AAPL.csv, line {len(rows) + 2}, column 'date': {INTRADAY}"


@pytest.mark.parametrize("step", [7, 31])
def test_weekly_and_monthly_are_refused(step: int) -> None:
    """
    Trap 9: weekly and monthly bars are not daily bars, in any order, with or without a partial last one.
    """
    first = date(2019, 1, 7).toordinal()
    rows = [f"{date.fromordinal(first + i * step)},1" for i in range(12)] + ["2020-01-08,1", "2020-01-09,1"]
    refused = "AAPL.csv, column 'date': weekly or monthly bars: not a daily file"
    assert refusal("\n".join(["date,close", *rows])) == refused
    assert refusal("\n".join(["date,close", *reversed(rows)])) == refused


@pytest.mark.parametrize(
    ("rows", "line", "reason"),
    [
        (["2020-01-02,1", "1/3/2020,1"], 3, "'1/3/2020' is not a date of the form YYYY-MM-DD that the file began with"),
        (
            ["2020-02-28,1", "2020-02-30,1"],
            3,
            "'2020-02-30' is not a date of the form YYYY-MM-DD that the file began with",
        ),
        (["1/13/2020,1", "14/1/2020,1"], 3, "'14/1/2020' is not a date of the form M/D/YYYY that the file began with"),
        (["2020-01-02,1", ",1"], 3, "'' is not a date of the form YYYY-MM-DD that the file began with"),
        (["yesterday,1"], 2, "'yesterday' is not a date in any known form"),
        ([",1"], 2, "'' is not a date in any known form"),
    ],
)
def test_other_dates_are_refused(rows: list[str], line: int, reason: str) -> None:
    """
    Two forms in one column, a day that is none and a missing date are refused with their line.
    """
    assert refusal("\n".join(["Date,Close", *rows])) == f"AAPL.csv, line {line}, column 'Date': {reason}"
