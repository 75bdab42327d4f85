"""
What became of tickers: renamed, delisted, or not known yet.

A ticker that is gone was renamed when the same security stands in the first directory without it under a ticker that
is new there: the same name, or the same issuer and class, and only one such pair that day, so that classes and funds
of one issuer are never taken for each other (trap 32). Otherwise it was delisted, and that is believed of two
directories in a row without it, of one when a Form 25 or 15 of its issuer says so too, and never of a vendor's empty
answer (trap 8). A name that changes alone is no event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.errors import CalendarError
from marketkeep.gold.identity.sightings import DIRECTORY
from marketkeep.gold.identity.tenancies import NEAR, Tenancies, day_of
from marketkeep.model.tables import Dtype

FORMS_25 = ("25", "25-NSE")
FORMS_15 = ("15-12B", "15-12G", "15-15D")
DELISTING_FORMS = (*FORMS_25, *FORMS_15)
"""The SEC's forms that end a listing (25) or a registration (15)."""

# A form is filed around the last session: up to so long before the ticker was seen last, or after it was missed first.
_AROUND = timedelta(days=30)
# Notes, rights and preferreds of one issuer come and go by themselves: only their full name says which is which. So do
# units and warrants, over longer times.
_SHARES = ("common", "depositary")
_DERIVED = ("unit", "warrant")

EVENTS: dict[str, Dtype] = {
    "tenancy": pl.Int64,
    "symbol": pl.String,
    "old_symbol": pl.String,
    "new_symbol": pl.String,
    "effective_date": pl.Date,
    "seen": pl.Date,
    "reason": pl.String,
}
"""
Renames and delistings: the tenancy that ended, the last ticker of its security, the old and the new ticker (null:
gone), the first session of the new state, the last day the old ticker was seen, and what proves a delisting.
"""


@dataclass(frozen=True, slots=True)
class Events:
    """`rows` as `EVENTS`; `heirs` tells of each tenancy (number) the one its security has now."""

    rows: pl.DataFrame
    heirs: pl.DataFrame


def events(told: Tenancies, filings: pl.DataFrame) -> Events:
    """The renames and delistings of tenancies; `filings` are `RAW_FILINGS` rows of `DELISTING_FORMS`."""
    if not told.days:
        heirs = told.rows.select("tenancy", heir="tenancy")
        return Events(pl.DataFrame(schema=EVENTS), heirs)
    gone = _gone(told)
    edges = _renames(gone, told.rows)
    heirs = _heirs(told.rows, edges)
    renamed = edges.select(
        "tenancy", "old_symbol", "new_symbol", "missed", "seen", reason=pl.lit(None, dtype=pl.String)
    )
    ended = _delisted(gone.join(edges, on="tenancy", how="anti"), filings)
    both = pl.concat([renamed, ended.select(renamed.columns)])
    last = told.rows.select(heir="tenancy", symbol="symbol")
    named = both.join(heirs, on="tenancy").join(last, on="heir")
    rows = named.with_columns(effective_date=_sessions(named["missed"])).select(
        pl.col(name).cast(dtype) for name, dtype in EVENTS.items()
    )
    return Events(rows.sort("effective_date", "symbol", "old_symbol"), heirs)


def on_or_after(day: date) -> date:
    """The first session from this day on; the day itself beyond the calendar."""
    try:
        return day if XNYS.is_session(day) else XNYS.next_session(day)
    except CalendarError:
        return day


def _sessions(days: pl.Series) -> pl.Series:
    unique = days.unique().drop_nulls()
    return days.replace_strict({day: on_or_after(day) for day in unique}, return_dtype=pl.Date, default=None)


def _gone(told: Tenancies) -> pl.DataFrame:
    """Ended tenancies with the days of the directories that had them last and missed them first."""
    ended = told.rows.filter(pl.col("ended"))
    return ended.with_columns(
        gone=pl.col("last") + 1,
        old_symbol=pl.col("symbol"),
        seen=day_of(pl.col("last"), told.days),
        missed=day_of(pl.col("last") + 1, told.days),
    )


def _renames(gone: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Each renamed tenancy with its successor, surest rule first."""
    news = rows.filter(pl.col("first") > 0).select(
        "etf",
        "kind",
        "cik",
        gone="first",
        heir="tenancy",
        new_symbol="symbol",
        full="full_then",
        company="company_then",
        klass="klass_then",
    )
    near = (pl.col("missed") - pl.col("seen")) <= NEAR
    kinds = pl.col("kind").is_in(_SHARES) | (pl.col("kind").is_in(_DERIVED) & near)
    share = pl.col("etf").fill_null(value=False).not_() & kinds
    rules = (
        (["gone", "full"], pl.lit(value=True)),
        (["gone", "cik", "klass"], share),
        (["gone", "company", "klass"], share & near),
    )
    found = [_pairs(gone.head(0), news, ["gone", "full"])]
    for keys, of in rules:
        taken = pl.concat(found)
        left = gone.filter(of).join(taken, on="tenancy", how="anti")
        found.append(_pairs(left, news.join(taken, on="heir", how="anti"), keys))
    return pl.concat(found)


def _pairs(gone: pl.DataFrame, news: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The pairs that agree in these keys, where neither side has another to choose from."""
    met = gone.filter(pl.all_horizontal(pl.col(keys).is_not_null())).join(news, on=keys, suffix="_new")
    if "cik" not in keys:
        met = met.filter((pl.col("cik") == pl.col("cik_new")).fill_null(value=True))
    alone = (pl.len().over("tenancy") == 1) & (pl.len().over("heir") == 1)
    apart = met.filter(pl.col("old_symbol") != pl.col("new_symbol"))
    return apart.filter(alone).select("tenancy", "heir", "old_symbol", "new_symbol", "missed", "seen")


def _heirs(rows: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """Of each tenancy the last one of its security."""
    following = dict(edges.select("tenancy", "heir").iter_rows())
    last = {}
    for start in following:
        at = start
        while at in following:
            at = following[at]
        last[start] = at
    heir = pl.col("tenancy").replace(last) if last else pl.col("tenancy")
    return rows.select("tenancy", heir=heir)


def _delisted(gone: pl.DataFrame, filings: pl.DataFrame) -> pl.DataFrame:
    """Which of those that are gone were delisted, since when, and what proves it."""
    proofs = [
        _proof(gone, filings.filter(pl.col("form").is_in(forms)), reason)
        for forms, reason in ((FORMS_25, "form_25"), (FORMS_15, "form_15"))
    ]
    proven = pl.concat(proofs).unique("tenancy", keep="first", maintain_order=True)
    judged = gone.join(proven, on="tenancy", how="left", maintain_order="left").with_columns(
        new_symbol=pl.lit(None, dtype=pl.String)
    )
    believed = judged.filter((pl.col("absences") >= 2) | pl.col("taken") | pl.col("reason").is_not_null())
    # Between directories far apart a form tells the day better.
    far = (pl.col("missed") - pl.col("seen") > NEAR) & pl.col("filed").is_not_null()
    # The last session is the filing's, and lies between the two directories whatever the form says.
    behind = pl.max_horizontal(pl.col("filed"), pl.col("seen")) + pl.duration(days=1)
    return believed.with_columns(
        missed=pl.when(far).then(pl.min_horizontal(behind, "missed")).otherwise("missed"),
        reason=pl.col("reason").fill_null("directory"),
    )


def _proof(gone: pl.DataFrame, filings: pl.DataFrame, reason: str) -> pl.DataFrame:
    met = gone.select("tenancy", "cik", "seen", "missed").join(filings.select("cik", "filed"), on="cik")
    near = met.filter(pl.col("filed").is_between(pl.col("seen") - _AROUND, pl.col("missed") + _AROUND))
    first = near.group_by("tenancy").agg(filed=pl.col("filed").min()).sort("tenancy")
    return first.with_columns(reason=pl.lit(reason))


def told_by(events_: pl.DataFrame) -> pl.DataFrame:
    """Events as rows of ticker history with their source."""
    source = pl.when(pl.col("reason").is_in(["form_25", "form_15"])).then(pl.lit("sec")).otherwise(pl.lit(DIRECTORY))
    return events_.with_columns(source=source)
