"""
The reference tables: one row per security (reference/ticker_metadata), one per rename or delisting
(reference/ticker_history).

A security is listed by the exchanges' directory, stated by a user, or held as bars. What a user stated of a ticker
holds for the security that had it when it was stated, and goes along when its ticker changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from marketkeep.gold.identity.events import DELISTING_FORMS, FORMS_25, Events, events, on_or_after, told_by
from marketkeep.gold.identity.names import is_bond_fund
from marketkeep.gold.identity.tenancies import Tenancies, day_of, listed, registered, tenancies
from marketkeep.model import SECURITIES, TICKER_HISTORY, Symbol

_FAR = date(9999, 12, 31)
_LISTED_ON = ("NASDAQ", "NYSE", "Cboe BZX")
# A rename or delisting told by hand or file is the directory's own when their days are this near.
_SLACK = timedelta(days=5)
_TERMS = {
    "symbol": pl.String,
    "from": pl.Date,
    "until": pl.Date,
    "now": pl.String,
    "alone": pl.Boolean,
    "now_alone": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Told:
    """
    All that raw tells of securities, each with lineage beside it where it is raw rows.

    `seen` are sightings, `stated` raw securities, `history` raw ticker history, `companies` the newest statement about
    each company, `filings` those of `DELISTING_FORMS`, `held` has symbol, first_session and last_session of bars.
    """

    seen: pl.DataFrame
    stated: pl.DataFrame
    history: pl.DataFrame
    companies: pl.DataFrame
    filings: pl.DataFrame
    held: pl.DataFrame


def reference(told: Told) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The two tables: `SECURITIES` rows by symbol, `TICKER_HISTORY` rows by symbol and date."""
    held = tenancies(told.seen, told.companies)
    found = events(held, told.filings)
    history = _history(told.history, found.rows)
    return _securities(told, held, found, history), history


def _history(stated: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """What was told last of each symbol and date, and what the directories show beside it."""
    order = ["symbol", "effective_date", "fetched_at", "batch_id"]
    newest = stated.sort(order, maintain_order=True).unique(order[:2], keep="last", maintain_order=True)
    keys = ["old_symbol", "new_symbol"]
    known = newest.select(*keys, told="effective_date")
    twice = found.join(known, on=keys, nulls_equal=True).filter(
        pl.col("told").is_between(pl.col("seen") - _SLACK, pl.col("effective_date") + _SLACK)
    )
    # Where a ticker was given up and taken over on one day, the row of the security that goes on is kept.
    fresh = (
        told_by(found)
        .join(twice.select("tenancy").unique(), on="tenancy", how="anti")
        .sort("symbol", "effective_date", pl.col("new_symbol").is_null(), "old_symbol")
        .unique(order[:2], keep="first", maintain_order=True)
        .join(newest.select(order[:2]), on=order[:2], how="anti")
    )
    columns = list(TICKER_HISTORY.schema)
    both = pl.concat([TICKER_HISTORY.conform(newest.select(columns)), TICKER_HISTORY.conform(fresh.select(columns))])
    return both.sort("symbol", "effective_date")


def _securities(told: Told, held: Tenancies, found: Events, history: pl.DataFrame) -> pl.DataFrame:
    wishes = _wishes(told.stated, held, found, told.history)
    known = _known(told.seen, held, found)
    rows = known.join(wishes, on="symbol", how="full", coalesce=True).join(
        told.held, on="symbol", how="full", coalesce=True
    )
    spelled = rows["symbol"].to_list()
    rows = rows.with_columns(
        spelling=pl.Series([Symbol(symbol).asset_class for symbol in spelled], dtype=pl.String),
        followed=pl.col("followed").fill_null(value=False),
        moved=pl.col("moved").fill_null(value=False),
    ).filter(pl.col("moved").not_() | pl.col("wished").is_not_null() | pl.col("last_session").is_not_null())
    rows = _with_issuer(rows, told.seen)
    rows = _with_class(rows)
    rows = _with_ending(rows, told, history)
    return SECURITIES.conform(rows.select(list(SECURITIES.schema)).sort("symbol"))


def _known(seen: pl.DataFrame, held: Tenancies, found: Events) -> pl.DataFrame:
    """The newest holder of each ticker in the directory, and what became of it."""
    newest = held.rows.unique("symbol", keep="last", maintain_order=True)
    ended = found.rows.select("tenancy", "new_symbol", "effective_date", "reason")
    now = newest.join(ended, on="tenancy", how="left", maintain_order="left").select(
        "symbol",
        "name",
        "exchange",
        "etf",
        "cik",
        moved=pl.col("new_symbol").is_not_null(),
        left=pl.when(pl.col("new_symbol").is_null()).then("effective_date"),
        reason="reason",
        here=pl.col("ended").not_(),
    )
    # Half a directory, and the SEC's list where there is no other, tell of securities too, but prove no ending.
    halves = listed(seen).sort("symbol", "last", "name", "exchange")
    others = halves.unique("symbol", keep="last", maintain_order=True).select(
        "symbol", "name", "exchange", "etf", "cik"
    )
    if others.is_empty():
        sec = registered(seen).filter(pl.col("exchange").is_in(_LISTED_ON)).sort("symbol", "told_to", "cik")
        others = sec.unique("symbol", keep="last", maintain_order=True).select(others.columns)
    return pl.concat([now, others.join(now, on="symbol", how="anti")], how="diagonal")


def _wishes(stated: pl.DataFrame, held: Tenancies, found: Events, history: pl.DataFrame) -> pl.DataFrame:
    """By symbol what users want: newest statement, and of each part the newest that says it."""
    own = stated.with_columns(on=pl.col("fetched_at").dt.date())
    meant = own.join(_terms(held, found), on="symbol", how="left").filter(
        pl.col("on").is_between(pl.col("from").fill_null(date.min), pl.col("until").fill_null(_FAR), closed="left")
    )
    goes_on = meant.filter(pl.col("now_alone")).with_columns(symbol="now", own="symbol")
    # What was stated before a rename that a user or file tells of was meant for the security renamed.
    told = history.filter(pl.col("new_symbol").is_not_null()).select(
        "effective_date", later="symbol", symbol="old_symbol"
    )
    renamed = own.join(told, on="symbol").filter(pl.col("on") < pl.col("effective_date"))
    follow = renamed.with_columns(own=pl.col("symbol"), symbol=pl.col("later"))
    stays = meant.filter(pl.col("alone").fill_null(value=True)).with_columns(own="symbol")
    columns = ["symbol", "own", "asset_class", "followed", "priority", "first_session", "fetched_at", "batch_id"]
    every = pl.concat([frame.select(columns) for frame in (goes_on, stays, follow)]).unique()
    newest = every.sort("symbol", "fetched_at", "batch_id", "own", "followed", "first_session", maintain_order=True)
    return newest.group_by("symbol", maintain_order=True).agg(
        wished=pl.col("asset_class").last(),
        followed=pl.col("followed").last(),
        priority=pl.col("priority").drop_nulls().last(),
        start=pl.col("first_session").last(),
    )


def _terms(held: Tenancies, found: Events) -> pl.DataFrame:
    """
    Of each tenancy its ticker, from when until when a statement about that means it, and its security's ticker now.

    `alone` says that nobody had its ticker later, `now_alone` that nobody had that of its security now.
    """
    if not held.days:
        return pl.DataFrame(schema=_TERMS)
    begins = day_of(pl.col("first"), held.days)
    earlier = pl.col("first").shift().over("symbol").is_not_null()
    now = held.rows.select(heir="tenancy", now="symbol", now_alone=pl.col("taken").not_())
    return (
        held.rows.with_columns(begins=begins)
        .with_columns(pl.when(earlier).then("begins").alias("from"), until=pl.col("begins").shift(-1).over("symbol"))
        .join(found.heirs, on="tenancy")
        .join(now, on="heir")
        .with_columns(alone=pl.col("taken").not_())
        .select(list(_TERMS))
    )


def _with_issuer(rows: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Name, exchange and issuer from the SEC's newest list where the directory has none."""
    newest = registered(seen).sort("symbol", "told_to", "cik").unique("symbol", keep="last", maintain_order=True)
    sec = newest.select("symbol", "name", "exchange", "cik")
    filled = rows.join(sec, on="symbol", how="left", suffix="_sec")
    unlisted = pl.col("here").is_null()
    # A ticker that is gone from the directory may be another's at the SEC by now.
    return filled.with_columns(
        pl.coalesce(name, pl.when(unlisted).then(f"{name}_sec")).alias(name) for name in ("name", "exchange", "cik")
    )


def _with_class(rows: pl.DataFrame) -> pl.DataFrame:
    """
    The class: crypto and index by spelling, a fund by the directory's flag, bond where its name says so.

    What a user stated comes first, but for `equity`, which is what a ticker's spelling says of every fund too.
    """
    fund = pl.when(is_bond_fund(pl.col("name"))).then(pl.lit("bond")).otherwise(pl.lit("etf"))
    classed = rows.with_columns(
        asset_class=pl.when(pl.col("wished") != "equity")
        .then("wished")
        .when(pl.col("spelling") != "equity")
        .then("spelling")
        .when(pl.col("etf"))
        .then(fund)
        .otherwise(pl.lit("equity"))
    )
    usual = pl.when(pl.col("asset_class").is_in(["bond", "crypto"])).then(pl.lit("low")).otherwise(pl.lit("medium"))
    return classed.with_columns(priority=pl.coalesce("priority", usual))


def _with_ending(rows: pl.DataFrame, told: Told, history: pl.DataFrame) -> pl.DataFrame:
    """
    Whether each is still in the market, else since when it is not and what proves it.

    The directory decides; where it never had a ticker, a statement or the SEC's forms do, unless bars go on behind.
    """
    stated = history.filter(~pl.col("source").is_in(["nasdaq_trader", "sec"]))
    over = (
        stated.group_by("old_symbol")
        .agg(pl.col("effective_date", "new_symbol").sort_by("effective_date").last())
        .select(symbol="old_symbol", told="effective_date", became="new_symbol")
    )
    here = pl.col("here").fill_null(value=False)
    rows = rows.join(over, on="symbol", how="left").join(_unlisted(rows, told), on="symbol", how="left")
    goes_on = (pl.col("last_session") >= pl.col("told")).fill_null(value=False) | here | pl.col("left").is_not_null()
    rows = rows.with_columns(told=pl.when(goes_on.not_()).then("told")).with_columns(
        became=pl.when(pl.col("told").is_not_null()).then("became")
    )
    delisted = pl.coalesce(
        "left", pl.when(here.not_()).then("form_date"), pl.when(pl.col("became").is_null()).then("told")
    )
    proof = pl.coalesce("reason", pl.when(here.not_() & pl.col("left").is_null()).then("form"))
    return rows.with_columns(
        delisting_date=delisted,
        delisting_reason=proof,
        active=pl.col("moved").not_() & delisted.is_null() & pl.col("became").is_null(),
    )


def _unlisted(rows: pl.DataFrame, told: Told) -> pl.DataFrame:
    """
    Symbols that no directory tells of whose issuer filed to leave, and of which the SEC knows no listing since.
    """
    mine = rows.filter(pl.col("here").is_null() & (pl.col("spelling") == "equity")).select("symbol", "cik").drop_nulls()
    filed = told.filings.filter(pl.col("form").is_in(DELISTING_FORMS)).select("cik", "form", "filed")
    newest = told.companies.sort("cik", "fetched_at", maintain_order=True).unique(
        "cik", keep="last", maintain_order=True
    )
    since = newest.select("cik", "symbols", "exchanges", asked=pl.col("fetched_at").dt.date())
    met = mine.join(filed, on="cik").join(since, on="cik").filter(pl.col("filed") < pl.col("asked"))
    still = [_still_listed(*row) for row in met.select("symbol", "symbols", "exchanges").iter_rows()]
    left = met.filter(~pl.Series(still, dtype=pl.Boolean))
    first = left.sort("symbol", pl.col("form").is_in(FORMS_25).not_(), pl.col("filed"), descending=[False, False, True])
    told_first = first.unique("symbol", keep="first", maintain_order=True)
    dates = [on_or_after(day + timedelta(days=1)) for day in told_first["filed"]]
    kind = pl.when(pl.col("form").is_in(FORMS_25)).then(pl.lit("form_25")).otherwise(pl.lit("form_15"))
    return told_first.select("symbol", form_date=pl.Series(dates, dtype=pl.Date), form=kind)


def _still_listed(symbol: str, symbols: list[str] | None, exchanges: list[str | None] | None) -> bool:
    pairs = zip(symbols or [], exchanges or [], strict=False)
    return any(one == symbol and (where or "OTC") != "OTC" for one, where in pairs)
