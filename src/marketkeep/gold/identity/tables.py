"""
The reference tables: one row per security (reference/ticker_metadata), one per rename or delisting
(reference/ticker_history).

A security is listed by the exchanges' directory, stated by a user, or held as bars. What a user stated of a ticker
holds for the security that had it when it was stated, and goes along when its ticker changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from marketkeep.gold.identity.events import DELISTING_FORMS, FORMS_25, Events, events, on_or_after, told_by
from marketkeep.gold.identity.names import is_bond_fund, name_keys
from marketkeep.gold.identity.tenancies import Tenancies, listed, registered, tenancies
from marketkeep.gold.identity.tickers import Named, tickers
from marketkeep.gold.symbology import Symbology
from marketkeep.model import SECURITIES, TICKER_HISTORY, Policy, Symbol

_LISTED_ON = ("NASDAQ", "NYSE", "Cboe BZX")
# A rename or delisting told by hand or file is the directory's own when their days are this near.
_SLACK = timedelta(days=5)


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


@dataclass(frozen=True, slots=True)
class Identity:
    """Who had which ticker when: tenancies in directories, what became of them, and both with what is told beside."""

    held: Tenancies
    found: Events
    named: Named

    @property
    def tickers(self) -> pl.DataFrame:
        """`TICKERS` rows."""
        return self.named.rows


def identify(told: Told) -> Identity:
    """Who had which ticker when. Rests on neither statements nor bars."""
    held = tenancies(told.seen, told.companies)
    found = events(held, told.filings)
    return Identity(held, found, tickers(held, found, told.history))


def reference(told: Told, known: Identity | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """
    The two tables: `SECURITIES` rows by symbol, `TICKER_HISTORY` rows by symbol and date.

    `known` is what `identify` made of the same; `told.held` has published symbols.
    """
    known = known or identify(told)
    return _securities(told, known), _history(told.history, known)


def _history(stated: pl.DataFrame, known: Identity) -> pl.DataFrame:
    """What was told last of each symbol and date, and what the directories show beside it."""
    order = ["symbol", "effective_date", "fetched_at", "batch_id"]
    told = stated.sort(order, maintain_order=True).unique(order[:2], keep="last", maintain_order=True)
    step = ["old_symbol", "new_symbol", "effective_date"]
    newest = (
        told.rename({"symbol": "said"})
        .join(known.named.steps, on=step, how="left", nulls_equal=True)
        # What contradicts the directories is still what was told, of the symbol it was told of.
        .with_columns(symbol=pl.coalesce("symbol", "said"), security_id=pl.coalesce("security_id", "said"))
        .sort("symbol", *order[1:], "said", maintain_order=True)
        .unique(order[:2], keep="last", maintain_order=True)
    )
    keys = step[:2]
    found = known.found.rows
    twice = found.join(newest.select(*keys, told="effective_date"), on=keys, nulls_equal=True).filter(
        pl.col("told").is_between(pl.col("seen") - _SLACK, pl.col("effective_date") + _SLACK)
    )
    # Where a security was given up and taken over on one day, the row of the one that goes on is kept.
    fresh = (
        told_by(found)
        .join(twice.select("tenancy").unique(), on="tenancy", how="anti")
        .drop("symbol")
        .join(known.named.tenants, on="tenancy")
        .sort("symbol", "effective_date", pl.col("new_symbol").is_null(), "old_symbol")
        .unique(order[:2], keep="first", maintain_order=True)
        .join(newest.select(order[:2]), on=order[:2], how="anti")
    )
    columns = list(TICKER_HISTORY.schema)
    both = pl.concat([TICKER_HISTORY.conform(newest.select(columns)), TICKER_HISTORY.conform(fresh.select(columns))])
    return both.sort("symbol", "effective_date")


def _securities(told: Told, known: Identity) -> pl.DataFrame:
    wishes = _wishes(told.stated, known.tickers)
    rows = (
        _known(told.seen, known)
        .join(wishes, on="symbol", how="full", coalesce=True)
        .join(told.held, on="symbol", how="full", coalesce=True)
    )
    ids = known.tickers.select("symbol", "security_id").unique()
    symbols = [Symbol(symbol) for symbol in rows["symbol"]]
    rows = rows.join(ids, on="symbol", how="left", maintain_order="left").with_columns(
        security_id=pl.coalesce("security_id", "symbol"),
        ticker=pl.Series([symbol.ticker for symbol in symbols], dtype=pl.String),
        spelling=pl.Series([symbol.asset_class for symbol in symbols], dtype=pl.String),
        followed=pl.col("followed").fill_null(value=False),
    )
    rows = _with_issuer(rows, told.seen)
    rows = _with_class(rows)
    rows = _with_ending(rows, told, known.tickers)
    return SECURITIES.conform(rows.select(list(SECURITIES.schema)).sort("symbol"))


def _known(seen: pl.DataFrame, known: Identity) -> pl.DataFrame:
    """Every security in the directory under what it is published as, and what became of it."""
    ended = known.found.rows.filter(pl.col("new_symbol").is_null()).select("tenancy", "reason", left="effective_date")
    lasts = (
        known.held.rows.drop("symbol")
        .join(known.named.tenants, on="tenancy")
        .sort("symbol", "first", "last", "tenancy")
        .unique("symbol", keep="last", maintain_order=True)
        .join(ended, on="tenancy", how="left", maintain_order="left")
    )
    now = lasts.select("symbol", "name", "exchange", "etf", "cik", "left", "reason", here=pl.col("ended").not_())
    # Half a directory, and the SEC's list where there is no other, tell of securities too, but prove no ending.
    halves = listed(seen).sort("symbol", "last", "name", "exchange")
    others = halves.unique("symbol", keep="last", maintain_order=True).select(
        "symbol", "name", "exchange", "etf", "cik"
    )
    if others.is_empty():
        sec = registered(seen).filter(pl.col("exchange").is_in(_LISTED_ON)).sort("symbol", "told_to", "cik")
        others = sec.unique("symbol", keep="last", maintain_order=True).select(others.columns)
    # A ticker that only others are known to have had is published as none of its own.
    elsewhere = known.tickers.join(known.tickers, left_on="ticker", right_on="symbol", how="anti")
    own = others.join(now, on="symbol", how="anti").join(elsewhere, left_on="symbol", right_on="ticker", how="anti")
    return pl.concat([now, own], how="diagonal")


def _wishes(stated: pl.DataFrame, tickers_: pl.DataFrame) -> pl.DataFrame:
    """By symbol what users want: newest statement, and of each part the newest that says it."""
    own = stated.with_columns(own="symbol", day=pl.lit(None, dtype=pl.Date))
    # A statement means who had the ticker when it was made, whoever made it.
    meant = Symbology.of(tickers_).named(own, "day", Policy(tickers_of_the_day=()))
    newest = meant.sort("symbol", "fetched_at", "batch_id", "own", "followed", "first_session", maintain_order=True)
    return newest.group_by("symbol", maintain_order=True).agg(
        wished=pl.col("asset_class").last(),
        followed=pl.col("followed").last(),
        priority=pl.col("priority").drop_nulls().last(),
        start=pl.col("first_session").last(),
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
    letters = rows.select("name", symbol="ticker").select(name_keys()[-1])["klass"].str.extract(r":([a-z0-9]+)$")
    return classed.with_columns(priority=pl.coalesce("priority", usual), share_class=letters.str.to_uppercase())


def _with_ending(rows: pl.DataFrame, told: Told, tickers_: pl.DataFrame) -> pl.DataFrame:
    """
    Whether each is still in the market, else since when it is not and what proves it.

    The directory decides; where it never had a ticker, a statement or the SEC's forms do, unless bars go on behind.
    """
    lasts = tickers_.sort("symbol", "from", "to", nulls_last=[False, False, True]).unique(
        "symbol", keep="last", maintain_order=True
    )
    here = pl.col("here").fill_null(value=False)
    rows = rows.join(lasts.select("symbol", told="to"), on="symbol", how="left").join(
        _unlisted(rows, told), on="symbol", how="left"
    )
    former = pl.col("ticker") != pl.col("symbol")
    goes_on = (pl.col("last_session") >= pl.col("told")).fill_null(value=False) & former.not_() | here
    delisted = pl.coalesce("left", pl.when(here.not_()).then("form_date"), pl.when(goes_on.not_()).then("told"))
    proof = pl.coalesce("reason", pl.when(here.not_() & pl.col("left").is_null()).then("form"))
    return rows.with_columns(delisting_date=delisted, delisting_reason=proof, active=delisted.is_null() & former.not_())


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
