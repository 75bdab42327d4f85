"""
From when on a filing could be used in the market.

A filing accepted before the close of a session is usable at once; one accepted later, or on a day without a session,
when the next session opens. For some companies the SEC tells New York's time of day as if it were UTC and does not say
so; therefore both readings are taken and the later one stands. Where the acceptance is unknown (or only a day, told as
midnight), a filing is usable when the session after its day of filing opens.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.model import UTC
from marketkeep.model.new_york import NEW_YORK


def with_available(filings: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """
    `filings` (cik, accession, filed) with `available_at` (UTC); order kept.

    `accepted` tells cik, accession and accepted_at (UTC as the SEC tells it, null where unknown), one row a filing.
    """
    known = filings.join(accepted, on=["cik", "accession"], how="left", maintain_order="left")
    told = pl.col("accepted_at")
    only_day = (told.dt.hour() == 0) & (told.dt.minute() == 0) & (told.dt.second() == 0)
    told = pl.when(~only_day).then(told)
    # A time of day that the clock skips or has twice in New York: the later instant, as everywhere here.
    local = told.dt.replace_time_zone(None)
    eastern = local.dt.replace_time_zone(NEW_YORK.key, ambiguous="latest", non_existent="null")
    skipped = (local + pl.duration(hours=1)).dt.replace_time_zone(NEW_YORK.key, ambiguous="latest", non_existent="null")
    eastern = pl.coalesce(eastern, skipped).dt.convert_time_zone("UTC")
    frame = known.with_columns(_as_utc=told.cast(UTC), _as_eastern=eastern.cast(UTC)).with_row_index("_at")
    frame = _usable(_usable(frame, "_as_utc"), "_as_eastern")
    frame = _after_day(frame)
    found = pl.coalesce(pl.max_horizontal("_as_utc", "_as_eastern"), "_after")
    # Beyond the calendar the day after is as near as can be told.
    fallback = (pl.col("filed").cast(pl.Datetime("us")) + pl.duration(days=2)).dt.replace_time_zone("UTC")
    return (
        frame.with_columns(available_at=pl.coalesce(found, fallback).cast(UTC))
        .sort("_at")
        .select(*filings.columns, "available_at")
    )


def _sessions() -> pl.DataFrame:
    return XNYS.frame(XNYS.first, XNYS.last + timedelta(days=1))


def _usable(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """An instant moved to the open of the next session, unless it lies on a session's day before its close."""
    sessions = _sessions().select(_session="session", _open="open", _close="close").sort("_close")
    # The close itself is too late: the first close strictly behind the instant.
    asked = frame.with_columns(_from=pl.col(column) + pl.duration(microseconds=1)).sort("_from", nulls_last=True)
    known, unknown = asked.filter(pl.col(column).is_not_null()), asked.filter(pl.col(column).is_null())
    found = known.join_asof(sessions, left_on="_from", right_on="_close", strategy="forward", check_sortedness=False)
    day = pl.col(column).dt.convert_time_zone(NEW_YORK.key).dt.date()
    usable = pl.when(day == pl.col("_session")).then(pl.col(column)).otherwise(pl.col("_open"))
    moved = found.with_columns(usable.alias(column))
    return pl.concat([moved.select(frame.columns), unknown.select(frame.columns)])


def _after_day(frame: pl.DataFrame) -> pl.DataFrame:
    """`_after`: the open of the first session after the day of filing."""
    sessions = _sessions().select(_session="session", _after="open").sort("_session")
    asked = frame.with_columns(_next=pl.col("filed") + pl.duration(days=1)).sort("_next")
    found = asked.join_asof(sessions, left_on="_next", right_on="_session", strategy="forward", check_sortedness=False)
    return found.drop("_next", "_session", strict=False)
