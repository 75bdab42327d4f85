"""
Adjusted closes as vendors tell them, read without marketkeep, and what our rule or theirs makes of given actions.

Two conventions are met. Ours, LEAN's and Yahoo's: a payment D multiplies earlier prices by 1 - D / close before the
ex-date. Quandl's, Alpha Vantage's and Tiingo's: by 1 / (1 + D / close on the ex-date), the return of who reinvests that
evening. They are apart by D / close times the move of the ex-date.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, NamedTuple

Told = dict[date, float]
"""By session the adjusted close over the close."""

Rule = Literal["before", "ex_date"]


class Event(NamedTuple):
    """A split of `ratio` new shares for one, a payment of `amount` as of the ex-date, or both."""

    ex_date: date
    ratio: float
    amount: float


def text(path: Path) -> str:
    """A file's text, unpacked."""
    body = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            body = archive.read(archive.namelist()[0])
    elif path.suffix == ".gz":
        body = gzip.decompress(body)
    return body.decode("utf-8-sig")


def told_by_csv(path: Path, columns: tuple[str, str, str], only: tuple[str, str] | None = None) -> Told:
    """
    Of a CSV: `columns` name date, close and adjusted close. `only` is a column and the value that counts. Rows without
    prices are left out.
    """
    day, close, adjusted = columns
    rows = csv.DictReader(io.StringIO(text(path)))
    mine = (row for row in rows if only is None or row[only[0]] == only[1])
    return {date.fromisoformat(row[day][:10]): float(row[adjusted]) / float(row[close]) for row in mine if row[close]}


def told_by_export(path: Path) -> Told:
    """Of an export of yfinance's, whose first column is the date, under one name or another."""
    return told_by_csv(path, (text(path).partition(",")[0], "Close", "Adj Close"))


def told_by_chart(path: Path) -> Told:
    """Of a recorded answer of Yahoo's chart; a day is the one of its first instant in the exchange's zone."""
    (result,) = json.loads(path.read_bytes())["chart"]["result"]
    closes = result["indicators"]["quote"][0]["close"]
    adjusted = result["indicators"]["adjclose"][0]["adjclose"]
    shift = result["meta"]["gmtoffset"]
    days = (datetime.fromtimestamp(stamp + shift, UTC).date() for stamp in result["timestamp"])
    return {day: told / close for day, close, told in zip(days, closes, adjusted, strict=True) if close}


def told_by_tiingo(path: Path) -> Told:
    """Of a recorded answer of Tiingo's."""
    rows = json.loads(path.read_bytes())
    return {date.fromisoformat(row["date"][:10]): row["adjClose"] / row["close"] for row in rows}


def rebuilt(closes: Mapping[date, float], events: Iterable[Event], rule: Rule) -> Iterator[tuple[date, float]]:
    """
    By session, newest first, the product of what later events come to under a rule; `closes` are as traded.
    """
    days = sorted(closes)
    of_day = {event.ex_date: event for event in events}
    factor = 1.0
    for day, before in zip(reversed(days), [*reversed(days[:-1]), None], strict=True):
        yield day, factor
        if (event := of_day.get(day)) is not None and before is not None:
            share = event.amount / closes[day]
            paid = 1 - event.amount * event.ratio / closes[before] if rule == "before" else 1 / (1 + share)
            factor *= paid / event.ratio


def furthest(ours: Mapping[date, float], theirs: Told) -> tuple[float, date, int]:
    """How far factors are apart at most, on which day, over how many sessions; both anchored at the last common one."""
    common = sorted(set(ours) & set(theirs))
    anchor = ours[common[-1]] / theirs[common[-1]]
    worst, when = max((abs(ours[day] / theirs[day] / anchor - 1), day) for day in common)
    return worst, when, len(common)
