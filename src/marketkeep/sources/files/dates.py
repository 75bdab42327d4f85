"""
Dates as files write them: which form a column has, and its texts as dates of sessions.

A time beside the date is allowed only where it says nothing: midnight where it stands, or 04:00 and 05:00 UTC, which
is midnight in New York. Any other time makes the file intraday, and that is refused. A zone never moves a date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from marketkeep.sources.files.cells import BadCell, first_row, shown

INTRADAY = "intraday bars: not a daily file"
_TIME = r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)"
_ZONE = r" ?(Z|UTC|[+-]\d{2}:?\d{2})?"
_TAIL = rf"(?:[T ]+{_TIME}{_ZONE})?$"
_SILENT = re.compile(r"^(0{1,2}:00(:00(\.0+)?)?|12:00(:00)? ?[Aa][Mm])$")
_NEW_YORK_MIDNIGHT = re.compile(r"^0[45]:00(:00(\.0+)?)?$")
_UTC = ("Z", "UTC", "+00:00", "+0000")


@dataclass(frozen=True, slots=True)
class DateForm:
    """One way of writing dates: its name for people, the pattern of the date, and polars' format for it."""

    label: str
    pattern: str
    format: str

    @property
    def regex(self) -> str:
        """Date, time and zone as three groups."""
        return f"^({self.pattern}){_TAIL}"


_PLAIN = (
    DateForm("YYYY-MM-DD", r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
    DateForm("YYYYMMDD", r"\d{8}", "%Y%m%d"),
    DateForm("YYYY/MM/DD", r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    DateForm("D-Mon-YYYY", r"\d{1,2}-[A-Za-z]{3}-\d{4}", "%d-%b-%Y"),
    DateForm("D-Mon-YY", r"\d{1,2}-[A-Za-z]{3}-\d{2}", "%d-%b-%y"),
    DateForm("Mon D, YYYY", r"[A-Za-z]{3} \d{1,2}, \d{4}", "%b %d, %Y"),
)
_SLASHED = tuple(
    DateForm(
        sep.join((first, second, year)),
        rf"\d{{1,2}}{re.escape(sep)}\d{{1,2}}{re.escape(sep)}\d{{{len(year)}}}",
        sep.join((f"%{first.lower()}", f"%{second.lower()}", "%Y" if len(year) == 4 else "%y")),
    )
    for sep in "/-."
    for year in ("YYYY", "YY")
    for first, second in (("M", "D"), ("D", "M"))
)
FORMS = {form.label: form for form in (*_PLAIN, *_SLASHED)}
_HALF = 12


def detect(texts: list[str]) -> tuple[DateForm, str | None] | None:
    """
    The form of a column by its first texts, and a note where day and month could be either.

    None when the first text is no date in any form known here.
    """
    first = next((text.strip() for text in texts if text.strip()), "")
    form = next((form for form in FORMS.values() if re.match(form.regex, first)), None)
    if form is None or form in _PLAIN:
        return (form, None) if form else None
    found = [re.match(form.regex, text.strip()) for text in texts]
    pairs = [tuple(map(int, re.findall(r"\d+", match[1])[:2])) for match in found if match]
    swapped = FORMS[form.label.replace("M", "?").replace("D", "M").replace("?", "D")]
    if any(day > _HALF for _, day in pairs):
        return form, None
    if any(day > _HALF for day, _ in pairs):
        return swapped, None
    return form, f"dates could be {form.label} or {swapped.label}; read as {form.label}"


def is_intraday(text: str, form: DateForm) -> bool:
    """Whether a text of this form has a time that says something."""
    match = re.match(form.regex, text.strip())
    if match is None or match[2] is None:
        return False
    midnight = _SILENT.match(match[2]) or (_NEW_YORK_MIDNIGHT.match(match[2]) and match[3] in _UTC)
    return not midnight


def parse(texts: pl.Series, form: DateForm) -> pl.Series:
    """The texts as dates; raises `BadCell` at the first that is not of this form, or has a time that says something."""
    if form.format == "%Y-%m-%d" and (texts.str.len_bytes() == len("2020-01-02")).all():
        return _found(texts, _strict(texts, form), form)
    distinct = texts.unique(maintain_order=True)
    parts = distinct.str.strip_chars().str.extract(form.regex, 1)
    found = _found(texts, texts.replace_strict(distinct, _strict(parts, form), return_dtype=pl.Date), form)
    for text in distinct:
        if is_intraday(text, form):
            raise BadCell(first_row(texts, text), "date", INTRADAY)
    return found


def _found(texts: pl.Series, dates: pl.Series, form: DateForm) -> pl.Series:
    if dates.null_count():
        row = int(dates.is_null().arg_max() or 0)
        raise BadCell(
            row, "date", f"{shown(texts[row])} is not a date of the form {form.label} that the file began with"
        )
    return dates


def _strict(texts: pl.Series, form: DateForm) -> pl.Series:
    return texts.str.to_date(form.format, strict=False)
