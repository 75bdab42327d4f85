"""
The daily par yield curve of the US Treasury: one file a year, in percent.

The same curve is read from files that others keep of it: with the field names of the Treasury's XML, and with
fractions for percent, told by their headings. A point that is blank, `N/A` or 0 is missing, not a yield of zero.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from marketkeep.errors import PayloadRefused
from marketkeep.model import EMPTY, NOT_FOUND, RAW_TABLES, Access, Frames, Offer, Payload, Query, Rate, Request, Whole
from marketkeep.model.new_york import new_york_date

FIRST = date(1990, 1, 2)
"""The first day of the curve."""

TENORS = ("1M", "1.5M", "2M", "3M", "4M", "6M", "1Y", "2Y", "3Y", "5Y", "7Y", "10Y", "20Y", "30Y")
"""The points of the curve by time to maturity, shortest first."""

_RATES = "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/"
_OFFERS = {"treasury_yields": Offer(frozenset({"bond"}), first=FIRST)}
_RATE = Rate(calls=1, seconds=1.0)
_MISSING = ("", "n/a", "na", "null", "-")
_HIGHEST = 30.0
_ACCESS = Access("Published by the US Department of the Treasury; free for any use.")


@dataclass(frozen=True, slots=True)
class _Form:
    """One way of writing the curve: heading of the date, its format, heading of each tenor, and percent per unit."""

    when: str
    dates: str
    tenors: Mapping[str, str]
    scale: float = 1.0


def _each(month: str, year: str) -> dict[str, str]:
    """Our tenors by a heading made of a number and a unit."""
    return {(month if tenor[-1] == "M" else year).format(tenor[:-1]): tenor for tenor in TENORS}


_OWN = _Form("date", "%m/%d/%Y", {**_each("{} mo", "{} yr"), **_each("{} month", "{} year")})
_FIELDS = _Form("date", "%Y-%m-%d", {**_each("bc_{}month", "bc_{}year"), "bc_1_5month": "1.5M"})
_FRACTIONS = _Form("time period", "%Y-%m-%d", _each("{}month", "{}year"), scale=100.0)
_FORMS = (_OWN, _FIELDS, _FRACTIONS)
# Beside the yields the files have these, which say nothing new.
_IGNORED = ("bc_30yeardisplay", "id", "")


@dataclass(frozen=True, slots=True)
class Treasury(Whole):
    """The par yield curve since 1990; free, no key."""

    name: str = "treasury"
    offers: Mapping[str, Offer] = field(default_factory=lambda: _OFFERS)
    access: Access = _ACCESS
    rate: Rate = _RATE
    quota: int | None = None

    def plan(self, query: Query) -> list[Request]:
        """One file a calendar year of the window, newest first."""
        start = max(query.start, FIRST)
        years = range(query.end.year, start.year - 1, -1) if start < query.end else []
        spans = ((max(start, date(year, 1, 1)), min(query.end, date(year + 1, 1, 1))) for year in years)
        return [_request(first, end) for first, end in spans if first < end]

    def probe(self, now: datetime) -> Request:
        """The curves of some days ago and since, as far as they are in one year's file."""
        today = new_york_date(now)
        start = today - timedelta(days=10)
        return _request(start, min(today + timedelta(days=1), date(start.year + 1, 1, 1)))

    def parse(self, request: Request, payload: Payload) -> Frames:
        """The points of the curve within the days asked for, oldest first."""
        _expect_file(payload)
        lines = payload.body.decode("utf-8-sig", "replace").splitlines()
        try:
            head, *rows = [row for row in csv.reader(lines) if row]
        except (csv.Error, ValueError) as error:
            raise _malformed("the file is empty or not CSV") from error
        form, columns = _recognised(head)
        if not rows:
            raise PayloadRefused(
                self.name, EMPTY, f"the Treasury has no curve between {request.start} and {request.end}"
            )
        table = _table(form, columns, len(head), rows)
        start, end = request.start or date.min, request.end or date.max
        inside = table.filter((pl.col("date") >= start) & (pl.col("date") < end))
        if inside.is_empty():
            raise PayloadRefused(
                self.name, EMPTY, f"the Treasury has no curve between {request.start} and {request.end}"
            )
        return {"treasury_yields": inside}


def _request(start: date, end: date) -> Request:
    year = str(start.year)
    params = (
        ("type", "daily_treasury_yield_curve"),
        ("field_tdr_date_value", year),
        ("page", ""),
        ("_format", "csv"),
    )
    return Request("treasury", "treasury_yields", f"{_RATES}{year}/all", params, (), start, end)


def _malformed(reason: str) -> PayloadRefused:
    return PayloadRefused("treasury", "malformed", reason)


def _expect_file(payload: Payload) -> None:
    if payload.status == 404:
        raise PayloadRefused("treasury", NOT_FOUND, "the Treasury has no file of this year (HTTP 404)", retry=False)
    if payload.status >= 300:
        reason = f"the Treasury does not serve the file (HTTP {payload.status})"
        raise PayloadRefused("treasury", f"http_{payload.status}", reason, retry=False)
    if payload.body[:200].lstrip().startswith(b"<"):
        raise _malformed("a web page came instead of the file of yields")


def _recognised(head: Sequence[str]) -> tuple[_Form, dict[int, str]]:
    """The form of a file by its headings, and the tenor by column."""
    names = [name.strip().lower() for name in head]
    for form in _FORMS:
        columns = {at: form.tenors[name] for at, name in enumerate(names) if name in form.tenors}
        unknown = [name for at, name in enumerate(names[1:], 1) if at not in columns and name not in _IGNORED]
        if names and names[0] == form.when and columns:
            if unknown or len(set(columns.values())) < len(columns):
                raise _malformed(f"the curve has columns that are not known: {', '.join(unknown)[:80] or 'one twice'}")
            return form, columns
    raise _malformed("not a daily yield curve: the file has no date and tenors as headings")


def _table(form: _Form, columns: Mapping[int, str], width: int, rows: Sequence[Sequence[str]]) -> pl.DataFrame:
    if any(len(row) != width for row in rows):
        raise _malformed("a line of the file is cut short or too long")
    frames = []
    dates = pl.Series("date", [row[0].strip()[:10] for row in rows], dtype=pl.String).str.to_date(
        form.dates, strict=False
    )
    if dates.null_count() or dates.n_unique() < len(dates):
        raise _malformed("a date of the file is none, or there twice")
    for at, tenor in columns.items():
        texts = pl.Series("text", [row[at].strip() for row in rows], dtype=pl.String)
        known = ~texts.str.to_lowercase().is_in(list(_MISSING))
        values = texts.cast(pl.Float64, strict=False) * form.scale
        if (known & ~values.is_between(-_HIGHEST, _HIGHEST).fill_null(value=False)).any():
            raise _malformed(f"a yield of {tenor} is no number in percent")
        column = pl.DataFrame({"date": dates, "yield": values.round(6)}).filter(known & (values != 0))
        frames.append(column.with_columns(tenor=pl.lit(tenor), rank=pl.lit(TENORS.index(tenor))))
    told = pl.concat(frames).sort("date", "rank")
    return told.select(list(RAW_TABLES["treasury_yields"].delivered))
