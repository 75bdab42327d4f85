"""
From raw facts to what filings told of metrics: one row per company, metric, period and filing.

A period is known by its days alone; what the filing calls itself (`fy`, `fp`) is not looked at. Proxy statements are
left out, because they tell other scales. A filing tells a metric by one concept: the first of the family that it has
for its latest period.
"""

from __future__ import annotations

import polars as pl

from marketkeep.gold.fundamentals.available import with_available
from marketkeep.gold.fundamentals.families import WHOLES, family_frame, relevant

FACT = ("cik", "taxonomy", "concept", "unit", "start", "end", "accession")
"""What a fact is known by: told again in a later payload, it is the same fact."""

PERIODIC = ("10-K", "10-Q", "20-F", "40-F", "6-K", "10-KT", "10-QT", "10-K405", "10-KSB", "10-QSB")
"""Forms that report on a period, also with /A behind them: they outrank all others."""

LENGTHS: dict[str, tuple[int, int, int]] = {
    "Q": (70, 91, 125),
    "H": (160, 182, 200),
    "T": (240, 273, 290),
    "Y": (340, 365, 380),
}
"""
Days of a quarter, of two and three quarters to date and of a year: least, usual and most.

A quarter of 12 weeks has 84 days, one of 17 has 119: years of 52 or 53 weeks are cut so.
"""

PERIODIC_TIER, FORMULA_TIER, OTHER_TIER = 0, 1, 2
"""How good a row is: told by a periodic form, put together from such, or told by another form."""

_PART = 0.01
_PROXY = "^(DEF|PRE|PX|DFAN|DEFA|PREC)"
_CURRENCY, _SHARE_PRICE = "^[A-Za-z]{3}$", "^[A-Za-z]{3}/shares$"
_PLACE = ["cik", "metric", "class", "end", "accession"]


def newest_facts(raw: pl.DataFrame) -> pl.DataFrame:
    """
    The facts of raw rows (with their lineage) that any metric needs, each as it was told last, in the order of `FACT`.
    """
    chosen = raw.filter(relevant())
    order = [*FACT, "fetched_at", "batch_id", "payload", "frame", "value"]
    return chosen.sort(order).unique(FACT, keep="last", maintain_order=True)


def newest_filings(raw: pl.DataFrame) -> pl.DataFrame:
    """Of raw filings (with their lineage) the newest statement of each whose acceptance is known."""
    known = raw.filter(pl.col("accepted_at").is_not_null())
    order = ["cik", "accession", "fetched_at", "batch_id", "payload", "accepted_at"]
    return known.sort(order).unique(["cik", "accession"], keep="last", maintain_order=True)


def newest_companies(raw: pl.DataFrame) -> pl.DataFrame:
    """Of raw companies (with their lineage) the newest statement of each."""
    order = ["cik", "fetched_at", "batch_id", "payload"]
    return raw.sort(order).unique("cik", keep="last", maintain_order=True)


def named_facts(facts: pl.DataFrame, kinds: pl.DataFrame) -> pl.DataFrame:
    """
    The facts (`newest_facts`' output) that may tell a metric: a row for each metric whose family has the concept.

    `kinds` has cik, kind. Beside the columns of facts: kind, metric, rank, measure and class (Q, H, T, Y; I for
    instants); `concept` has its taxonomy before it unless that is us-gaap.
    """
    form = pl.col("form").fill_null("")
    usable = facts.with_columns(form=form).filter(~form.str.contains(_PROXY))
    named = usable.join(kinds, on="cik").join(family_frame(), on=["kind", "taxonomy", "concept"])
    # A count of shares stands for the day it was counted: only a report's own is one.
    named = named.filter((pl.col("measure") != "cover") | _periodic())
    plain = pl.col("taxonomy") == "us-gaap"
    concept = pl.when(plain).then("concept").otherwise(pl.format("{}:{}", "taxonomy", "concept"))
    return _classed(_in_currency(named.with_columns(concept=concept)))


def told_metrics(named: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """
    What each filing told of each metric, out of `named_facts`; `accepted` has cik, accession, accepted_at.

    Columns: cik, metric, measure, unit, concept, class, start, end, value, accession, form, filed, available_at, tier,
    rank (of the concept in its family), derived (null), batch_id, fetched_at, source.
    """
    dated = _at_period_ends(_one_concept(named))
    filings = dated.select("cik", "accession", "filed").unique(["cik", "accession"], maintain_order=True)
    when = with_available(filings, accepted).select("cik", "accession", "available_at")
    return dated.join(when, on=["cik", "accession"]).select(
        *("cik", "metric", "measure", "unit", "concept", "class", "start", "end", "value", "accession"),
        *("form", "filed", "available_at"),
        pl.when(_periodic()).then(PERIODIC_TIER).otherwise(OTHER_TIER).cast(pl.Int8).alias("tier"),
        "rank",
        pl.lit(None, dtype=pl.String).alias("derived"),
        *("batch_id", "fetched_at", "source"),
    )


def _periodic() -> pl.Expr:
    return pl.col("form").str.strip_suffix("/A").is_in(PERIODIC)


def _in_currency(named: pl.DataFrame) -> pl.DataFrame:
    """Facts in shares, or in the currency that the company reports most of its figures in."""
    unit = pl.when(pl.col("unit").str.contains(_CURRENCY)).then(pl.col("unit").str.to_uppercase()).otherwise("unit")
    named = named.with_columns(unit=unit)
    counts = (
        named.filter((pl.col("unit_kind") == "money") & pl.col("unit").str.contains(_CURRENCY))
        .group_by("cik", "unit")
        .len()
        .sort("cik", -pl.col("len").cast(pl.Int64), pl.col("unit") != "USD", "unit")
        .unique("cik", keep="first", maintain_order=True)
        .select("cik", currency="unit")
    )
    kind, currency = pl.col("unit_kind"), pl.col("currency").fill_null("USD")
    wanted = (
        pl.when(kind == "money")
        .then(currency)
        .when(kind == "per_share")
        .then(currency + "/shares")
        .otherwise(pl.lit("shares"))
    )
    return named.join(counts, on="cik", how="left").filter(pl.col("unit") == wanted)


def _classed(named: pl.DataFrame) -> pl.DataFrame:
    """The class of each period by its days; a period of another length is no period of ours."""
    days = (pl.col("end") - pl.col("start")).dt.total_days() + 1
    by_days = pl.coalesce(
        pl.when(days.is_between(least, most)).then(pl.lit(name)) for name, (least, _, most) in LENGTHS.items()
    )
    off = pl.coalesce(
        pl.when(days.is_between(least, most)).then((days - usual).abs()) for least, usual, most in LENGTHS.values()
    )
    instant = pl.col("measure").is_in(["instant", "cover"])
    found = pl.when(instant & pl.col("start").is_null()).then(pl.lit("I")).when(~instant).then(by_days)
    return named.with_columns(found.alias("class"), _off=off.fill_null(0)).filter(pl.col("class").is_not_null())


def _one_concept(classed: pl.DataFrame) -> pl.DataFrame:
    """Of each filing and metric the rows of one concept, one a period: the length nearest to the usual one."""
    of = ["cik", "metric", "accession"]
    latest = classed.filter(pl.col("end") == pl.col("end").max().over(of))
    best = _wholes(latest).group_by(of).agg(rank=pl.col("rank").min())
    chosen = classed.join(best, on=[*of, "rank"])
    return chosen.sort(*_PLACE, "_off", "start").unique(_PLACE, keep="first", maintain_order=True)


def _wholes(latest: pl.DataFrame) -> pl.DataFrame:
    """Without elements that tell a part only, because another one of the same filing and period tells more."""
    named = pl.any_horizontal(
        (pl.col("metric") == metric) & pl.col("concept").is_in(names) for metric, names in WHOLES.items()
    )
    open_ = named & (pl.col("kind") == "ordinary")
    largest = pl.when(open_).then("value").max().over("cik", "metric", "accession", "class", "unit")
    return latest.filter(~open_ | (largest - pl.col("value") <= _PART * largest.abs()))


def _at_period_ends(chosen: pl.DataFrame) -> pl.DataFrame:
    """
    Without instants that lie neither at a period's end nor on the day before one, such as balances at the adoption of a
    rule; covers have any day.
    """
    spans = chosen.filter(pl.col("class") != "I")
    before = spans.select("cik", end=pl.col("start") - pl.duration(days=1))
    ends = pl.concat([spans.select("cik", "end"), before]).unique()
    balance = pl.col("measure") == "instant"
    return pl.concat([chosen.filter(~balance), chosen.filter(balance).join(ends, on=["cik", "end"], how="semi")])
