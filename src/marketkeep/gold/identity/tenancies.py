"""
Tenancies: who held a ticker, from which directory to which.

The exchanges' directories are compared day by day, but only whole ones: a file of one half of the market proves
nothing about the other. A ticker that is missing for a while and comes back for the same security was never given up;
coming back for another, it is a tenancy of its own (trap 30). Where a directory has two securities change tickers on
one day (GOOG became GOOGL and another class took GOOG), the old holder is found under its new ticker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from marketkeep.gold.identity.names import company_key, name_keys
from marketkeep.gold.identity.sightings import DIRECTORY, directory_days

# Both halves of the directory: nasdaqlisted has only the first, otherlisted only the second.
_HALVES = ("NASDAQ", "NYSE")
# The SEC's list may know of a ticker some days before the exchanges list it.
_EARLY = timedelta(days=7)
NEAR = timedelta(days=7)
"""Directories this near each other tell the day of a change."""

_FAR = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class Tenancies:
    """
    `days` are those of whole directories, ascending; `heard` tells of each when it was received first (UTC, null when
    that is not known). `rows` has one row per tenancy.

    Columns of `rows`: tenancy (number), symbol, first and last (positions in `days`), ended, absences (directories
    without it until now or until it was taken), taken (by another security later), name, exchange, etf, cik, and the
    keys of the name at its end (full, company, kind, klass) and at its beginning (the same with `_then`).
    """

    days: tuple[date, ...]
    rows: pl.DataFrame
    heard: tuple[datetime | None, ...] = ()


def tenancies(seen: pl.DataFrame, companies: pl.DataFrame) -> Tenancies:
    """Who held which ticker when, from sightings and the companies (`RAW_COMPANIES` rows) that tell former names."""
    whole = _whole_days(seen)
    days = tuple(whole["date"])
    stretches = _with_cik(_stretches(seen, whole["date"]), seen, companies, days)
    return Tenancies(days, _joined(stretches, days), tuple(whole["heard"]))


def listed(seen: pl.DataFrame) -> pl.DataFrame:
    """The sightings of real securities in the exchanges' directory."""
    return _lines(seen).filter(pl.col("test_issue").fill_null(value=False).not_())


def registered(seen: pl.DataFrame) -> pl.DataFrame:
    """The sightings that tell an issuer, each with the days `told_from` and `told_to`."""
    told = seen.filter(pl.col("cik").is_not_null() & (pl.col("source") != DIRECTORY))
    return told.drop("days").rename({"first": "told_from", "last": "told_to"})


def day_of(place: pl.Expr, days: tuple[date, ...]) -> pl.Expr:
    """The day of a place in `days`; null beyond them."""
    return place.replace_strict(dict(enumerate(days)), default=None, return_dtype=pl.Date)


def _lines(seen: pl.DataFrame) -> pl.DataFrame:
    return seen.filter((pl.col("source") == DIRECTORY) & pl.col("symbol").is_not_null())


def _whole_days(seen: pl.DataFrame) -> pl.DataFrame:
    """The days on which the directory had both halves, ascending, with when they were heard."""
    days = directory_days(seen).select("date", "heard")
    for half in _HALVES:
        spans = _lines(seen).filter(pl.col("exchange") == half)
        begun = spans.group_by(date="first").agg(begun=pl.len().cast(pl.Int64))
        over = spans.group_by(date="last").agg(over=pl.len().cast(pl.Int64))
        counted = days.join(begun, on="date", how="left", maintain_order="left").join(
            over, on="date", how="left", maintain_order="left"
        )
        open_ = pl.col("begun").fill_null(0).cum_sum() - pl.col("over").fill_null(0).cum_sum().shift(fill_value=0)
        days = days.with_columns(counted.select(open_.alias(half)))
    return days.filter(pl.all_horizontal(pl.col(half) > 0 for half in _HALVES))


def _stretches(seen: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """Runs of whole directories over which a ticker had one and the same line."""
    # Two lines told on one day (noon and evening) are one: that which stood longer, found by its place.
    told = listed(seen)
    lines = (
        told.with_columns(
            first=days.search_sorted(told["first"], side="left").cast(pl.Int64),
            last=days.search_sorted(told["last"], side="right").cast(pl.Int64) - 1,
        )
        .filter(pl.col("first") <= pl.col("last"))
        .group_by("symbol", "name", "exchange", "etf", "test_issue", "cik", maintain_order=True)
        .agg(pl.col("first", "last"), until=pl.col("last").max())
        .sort("symbol", "until", "name", "exchange", "etf", nulls_last=False)
        .with_columns(who=pl.col("symbol").rank("dense").cast(pl.UInt32), keys=pl.struct(name_keys()))
        .unnest("keys")
        .with_row_index("line")
    )
    runs = _runs(lines.select("line", "who", "first", "last").explode("first", "last", empty_as_null=False))
    facts = lines.select("line", "symbol", "name", "exchange", "etf", "full", "company", "kind", "klass")
    return runs.join(facts, on="line", maintain_order="left").drop("line")


def _runs(told: pl.DataFrame) -> pl.DataFrame:
    """The runs of each line, numbered by ticker and day. Day by day only where one shares its days with another."""
    # What a directory that is not whole has set apart is one run.
    goes_on = (pl.col("line") == pl.col("line").shift()) & (pl.col("first") == pl.col("last").shift() + 1)
    whole = _pieces(told.sort("line", "first"), goes_on).sort("who", "first", "line")
    shared = (pl.col("first") <= pl.col("last").shift().over("who")).fill_null(value=False)
    odd = whole.filter(shared)["who"].unique()
    daily = (
        whole.filter(pl.col("who").is_in(odd.implode()))
        .select("who", "line", first=pl.int_ranges("first", pl.col("last") + 1))
        .explode("first", empty_as_null=False)
        .group_by("who", "first")
        .agg(pl.col("line").max())
        .with_columns(last="first")
        .sort("who", "first")
    )
    even = whole.filter(~pl.col("who").is_in(odd.implode()))
    both = pl.concat([even, _pieces(daily, goes_on)]).sort("who", "first")
    return both.with_row_index("run").drop("who")


def _pieces(told: pl.DataFrame, goes_on: pl.Expr) -> pl.DataFrame:
    """Rows as one with those that they go on from."""
    numbered = told.with_columns(piece=goes_on.fill_null(value=False).not_().cum_sum())
    pieces = numbered.group_by("piece", maintain_order=True).agg(
        pl.col("who", "line").first(), first=pl.col("first").first(), last=pl.col("last").last()
    )
    return pieces.drop("piece")


def _with_cik(
    stretches: pl.DataFrame, seen: pl.DataFrame, companies: pl.DataFrame, days: tuple[date, ...]
) -> pl.DataFrame:
    """
    The issuer of each stretch: `told` as the SEC's list had the ticker in its days; `cik` the same, or else as the
    names of companies tell.

    The first whole directory says nothing of when a line began, nor the last of when it will end. Where the next one is
    far, the list's name must be the line's to count for the time between.
    """
    known = registered(seen)
    windows = stretches.select(
        "run",
        "symbol",
        "company",
        lower=pl.when(pl.col("first") > 0).then(day_of(pl.col("first"), days) - _EARLY).fill_null(date.min),
        sure=pl.when(pl.col("last") < len(days) - 1).then(day_of(pl.col("last"), days) + NEAR).fill_null(_FAR),
        upper=day_of(pl.col("last") + 1, days).fill_null(_FAR),
    )
    alike = (company_key(pl.col("name")) == pl.col("company")).fill_null(value=False)
    told = (
        windows.join(known.select("symbol", "cik", "name", "told_from", "told_to"), on="symbol")
        .with_columns(alike=alike)
        .filter((pl.col("told_to") >= pl.col("lower")) & (pl.col("told_from") <= pl.col("upper")))
        .filter(pl.col("alike") | (pl.col("told_from") <= pl.col("sure")))
        .sort("run", "alike", "told_to", "cik")
        .unique("run", keep="last", maintain_order=True)
    )
    by_name = _issuers_by_name(companies)
    company = pl.when(pl.col("etf").fill_null(value=False).not_()).then("cik_named")
    return (
        stretches.join(told.select("run", told="cik"), on="run", how="left", maintain_order="left")
        .join(by_name, on="company", how="left", maintain_order="left")
        .with_columns(cik=pl.coalesce("told", company))
        .drop("cik_named")
    )


def _issuers_by_name(companies: pl.DataFrame) -> pl.DataFrame:
    """Each company's names, those it had before too, to its number; names that two companies had tell nothing."""
    former = companies.select("cik", name=pl.col("former_names").list.eval(pl.element().struct.field("name"))).explode(
        "name", empty_as_null=False
    )
    named = pl.concat([companies.select("cik", "name"), former])
    keyed = named.select(cik_named="cik", company=company_key(pl.col("name"))).drop_nulls().unique()
    return keyed.filter(pl.len().over("company") == 1)


def _joined(stretches: pl.DataFrame, days: tuple[date, ...]) -> pl.DataFrame:
    """Stretches of one security under one ticker, joined to tenancies."""
    names = ("last", "cik", "told", "etf", "full", "company", "klass")
    before = {f"{name}_before": pl.col(name).shift().over("symbol") for name in names}
    paired = stretches.sort("symbol", "first").with_columns(**before)
    gap = pl.col("first") - pl.col("last_before") - 1
    paired = paired.with_columns(
        opens=gap.is_null(), other=((gap > 0) & _same().not_() | _surely_another(days)).fill_null(value=False)
    )
    swapped = _swapped(paired)
    breaks = pl.col("opens") | pl.col("other") | pl.col("run").is_in(swapped)
    numbered = paired.with_columns(tenancy=breaks.cum_sum().cast(pl.Int64))
    rows = numbered.group_by("tenancy", maintain_order=True).agg(
        pl.col("symbol").first(),
        pl.col("first").first(),
        pl.col("name", "exchange", "etf", "full", "company", "kind", "klass", "last").last(),
        pl.col("cik").drop_nulls().last(),
        pl.col("full", "company", "klass").first().name.suffix("_then"),
    )
    following = pl.col("first").shift(-1).over("symbol")
    return rows.with_columns(
        taken=following.is_not_null(),
        ended=(pl.col("last") < len(days) - 1),
        absences=following.fill_null(len(days)) - pl.col("last") - 1,
    )


def _same() -> pl.Expr:
    """Whether a ticker that was missing came back for the security that had it before."""
    both = pl.col("cik").is_not_null() & pl.col("cik_before").is_not_null()
    alike = (pl.col("company") == pl.col("company_before")) & (pl.col("klass") == pl.col("klass_before"))
    issuer = pl.when(both).then(pl.col("cik") == pl.col("cik_before")).otherwise(alike)
    return ((pl.col("full") == pl.col("full_before")).fill_null(value=False) | issuer).fill_null(value=False)


def _surely_another(days: tuple[date, ...]) -> pl.Expr:
    """
    Whether a ticker changed hands between two directories that both have it but lie far apart.

    From one day to the next a new name is the same security's, and a new issuer its reorganisation (trap 32).
    """
    then, before = (day_of(pl.col(name), days) for name in ("first", "last_before"))
    kind = (pl.col("etf") != pl.col("etf_before")) | (pl.col("told") != pl.col("told_before"))
    return (then - before > NEAR) & (pl.col("company") != pl.col("company_before")) & kind


def _swapped(paired: pl.DataFrame) -> list[int]:
    """
    The runs at which a ticker went from one class to another between two directories that both have it.

    A changed line alone is a changed name, and a new ticker with the old name may be a spin-off that inherited it
    (CNX and CEIX). It is another security's where the old class stands that day under a ticker that is new.
    """
    changed = paired.filter(
        (pl.col("first") == pl.col("last_before") + 1) & (pl.col("klass") != pl.col("klass_before"))
    ).select("run", "first", "symbol", "cik_before", "full_before", "klass_before")
    news = paired.filter((pl.col("opens") | pl.col("other")) & (pl.col("first") > 0))
    shares = news.filter(pl.col("etf").fill_null(value=False).not_())
    by_name = changed.join(
        news.select("first", "symbol", full_before="full"), on=["first", "full_before"], suffix="_new"
    )
    by_issuer = changed.join(
        shares.select("first", "symbol", cik_before="cik", klass_before="klass"),
        on=["first", "cik_before", "klass_before"],
        suffix="_new",
    )
    met = pl.concat([frame.select("run", "symbol", "symbol_new") for frame in (by_name, by_issuer)])
    return met.filter(pl.col("symbol") != pl.col("symbol_new"))["run"].unique().to_list()
