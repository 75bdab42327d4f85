"""The Treasury's file of a year and the forms that others keep it in: percent, by tenor, missing left out."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import Payload, Query, Request
from marketkeep.sources.treasury import FIRST, TENORS, Treasury

NOW = datetime(2025, 6, 2, 23, tzinfo=UTC)
ANY = Request("treasury", "treasury_yields", "https://home.treasury.gov/")
HEAD = 'Date,"1 Mo","1.5 Month","2 Mo","3 Mo","4 Mo","6 Mo","1 Yr","2 Yr","3 Yr","5 Yr","7 Yr","10 Yr","20 Yr","30 Yr"'
FILE = f"""{HEAD}
03/03/2025,4.38,4.37,4.36,4.35,4.33,4.27,4.08,3.96,3.95,3.97,4.06,4.16,4.50,4.45
02/14/2025,4.37,,4.35,N/A,0.00,4.32,4.23,4.26,4.26,4.33,4.40,4.47,4.75,4.69
"""


def parse(text: str, request: Request = ANY) -> pl.DataFrame:
    """The points of a file."""
    return Treasury().parse(request, Payload(200, (), text.encode(), NOW))["treasury_yields"]


def test_one_request_a_year() -> None:
    """
    A window is asked for by calendar years, newest first, from the first day of the curve on.
    """
    requests = Treasury().plan(Query("treasury_yields", (), date(1989, 5, 1), date(1991, 3, 2), NOW))
    assert [(one.symbols, one.start, one.end) for one in requests] == [
        ((), date(1991, 1, 1), date(1991, 3, 2)),
        ((), FIRST, date(1991, 1, 1)),
    ]
    assert requests[0].full_url == (
        "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/1991/all"
        "?type=daily_treasury_yield_curve&field_tdr_date_value=1991&page=&_format=csv"
    )
    assert Treasury().plan(Query("treasury_yields", (), date(1980, 1, 1), date(1985, 1, 1), NOW)) == []
    whole = Treasury().plan(Query("treasury_yields", (), date(2024, 1, 1), date(2025, 1, 1), NOW))
    assert [(one.start, one.end) for one in whole] == [(date(2024, 1, 1), date(2025, 1, 1))]
    probes = [Treasury().probe(now) for now in (NOW, datetime(2025, 1, 2, 12, tzinfo=UTC))]
    assert [(one.start, one.end) for one in probes] == [
        (date(2025, 5, 23), date(2025, 6, 3)),
        (date(2024, 12, 23), date(2025, 1, 1)),
    ]


def test_file_of_a_year() -> None:
    """
    All tenors by their heading, oldest day first; trap 65: blank, N/A and 0 are missing, not a yield of zero.
    """
    frame = parse(FILE)
    assert frame.filter(pl.col("date") == date(2025, 3, 3)).rows() == [
        (date(2025, 3, 3), tenor, float(text))
        for tenor, text in zip(TENORS, FILE.splitlines()[1].split(",")[1:], strict=True)
    ]
    assert frame["date"].is_sorted()
    assert frame.filter(pl.col("date") == date(2025, 2, 14))["tenor"].to_list() == [
        tenor for tenor in TENORS if tenor not in ("1.5M", "3M", "4M")
    ]


def test_only_what_was_asked() -> None:
    """
    Days outside the window are not delivered; a window without any day is empty.
    """
    request = Request("treasury", "treasury_yields", "u", (), (), date(2025, 2, 14), date(2025, 3, 3))
    assert parse(FILE, request)["date"].unique().to_list() == [date(2025, 2, 14)]
    for text in (FILE, HEAD + "\n"):
        with pytest.raises(PayloadRefused) as refused:
            parse(text, Request("treasury", "treasury_yields", "u", (), (), date(2025, 2, 15), date(2025, 3, 3)))
        assert refused.value.fault == "empty"


def test_percent_and_fractions() -> None:
    """
    Trap 65: one form has percent, another fractions, told by headings; the yield is in percent either way.
    """
    percent = "date,BC_1MONTH,BC_10YEAR,BC_30YEAR,BC_30YEARDISPLAY\n1990-01-02,0.0,7.940000057220459,8.0,0.0\n"
    fractions = "Time Period,1month,10year,30year\n1990-01-02 00:00:00+00:00,,0.0794,0.08\n"
    assert parse(percent).rows() == [(date(1990, 1, 2), "10Y", 7.94), (date(1990, 1, 2), "30Y", 8.0)]
    assert parse(fractions).equals(parse(percent))


def test_yields_below_zero_are_yields() -> None:
    """
    A yield may be negative; only 0 stands for missing.
    """
    assert parse('Date,"3 Mo"\n03/26/2020,-0.05\n')["yield"].to_list() == [-0.05]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "Date,Rate\n1953-04-01,2.83\n",
        "<!DOCTYPE html><html></html>",
        FILE.replace("02/14/2025", "03/03/2025"),
        FILE.replace("02/14/2025", "14/02/2025"),
        FILE.replace("4.38", "4.38%"),
        FILE.replace("4.38", "438"),
        FILE.replace("4.38", "nan"),
        FILE[:-10],
        FILE.replace('"1 Mo"', '"9 Mo"'),
        FILE.replace('"1 Mo"', '"2 Mo"'),
        '{"error": "x"}',
    ],
)
def test_what_is_no_curve_is_refused(text: str) -> None:
    """
    Other files, other dates, columns that are not known, and lines cut short are refused as a whole.
    """
    with pytest.raises(PayloadRefused) as refused:
        parse(text)
    assert refused.value.fault == "malformed"


@pytest.mark.parametrize(("status", "fault"), [(404, "not_found"), (403, "http_403"), (302, "http_302")])
def test_errors_are_refused(status: int, fault: str) -> None:
    """
    An error is no file, whatever its body.
    """
    with pytest.raises(PayloadRefused) as refused:
        Treasury().parse(ANY, Payload(status, (), FILE.encode(), NOW))
    assert (refused.value.fault, refused.value.retry) == (fault, False)


@pytest.mark.parametrize("seed", range(100))
def test_damage_is_refused_or_read(seed: int) -> None:
    """
    Cut or changed bytes give points or a refusal, never another error.
    """
    rng = random.Random(seed)
    body = bytearray(FILE.encode())
    for _ in range(1 + seed % 5):
        at = rng.randrange(len(body))
        body[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    try:
        frame = Treasury().parse(ANY, Payload(200, (), bytes(body), NOW))["treasury_yields"]
    except PayloadRefused:
        return
    assert frame.null_count().sum_horizontal().item() == 0
    assert set(frame["tenor"]) <= set(TENORS)
