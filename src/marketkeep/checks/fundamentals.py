"""
The checks of fundamentals: what a company's figures lack, where they do not add up, and where scale or sign look wrong.

They look at published rows of a symbol together, for a figure is judged by those beside it. Nothing is repaired, and no
check here keeps a figure from being published: filings are what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketkeep.checks.rules import Severity
from marketkeep.model import FINDINGS, METRICS, Thresholds

DATASET = "fundamentals"


@dataclass(frozen=True, slots=True)
class FundamentalCheck:
    """One check of figures: a hit takes `weight` from the score of 100 of the symbol's year."""

    code: str
    severity: Severity
    weight: int
    doc: str


FUNDAMENTAL_CHECKS: tuple[FundamentalCheck, ...] = (
    FundamentalCheck("metric_missing", "warning", 10, "A yearly report lacks a figure that its kind of company has."),
    FundamentalCheck(
        "balance_differs",
        "warning",
        20,
        "Assets differ by more than 1 % from liabilities and equity, minority interest and temporary equity with them.",
    ),
    FundamentalCheck("filed_late", "info", 0, "A periodic report was filed more than 90 days after its period's end."),
    FundamentalCheck("scale_jump", "warning", 40, "A figure jumps by a factor near a thousand or a million."),
    FundamentalCheck("sign_wrong", "warning", 40, "A figure is negative that cannot be."),
)

_ANNUAL = ("10-K", "10-KT", "20-F", "40-F", "10-K405")
_REPORTS = (*_ANNUAL, "10-Q", "10-QT")
_STEADY = (
    "revenue",
    "cost_of_revenue",
    "assets",
    "current_assets",
    "liabilities",
    "liabilities_and_equity",
    "shares_basic",
    "shares_diluted",
    "shares_outstanding",
)
"""Figures that do not jump a thousandfold and back."""

_EXACT, _NEAR, _ABOUT = 0.01, 0.03, 0.12
"""How near an exponent of 1000 must be to a whole one: between versions, at a newest figure, between neighbours."""

_BALANCE = ("assets", "liabilities", "equity", "equity_with_minority", "minority_interest", "temporary_equity")
_MAY_BE_NEGATIVE = {"revenue": ("bank", "insurer", "reit")}
_FIGURE = ["symbol", "metric", "period", "period_end"]
_FOUND = ("symbol", "source", "batch_id", "first", "last", "count", "detected_at", "detail")


def fundamental_findings(rows: pl.DataFrame, kinds: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """
    What is wrong with these figures, as `FINDINGS` rows: all that stand, for all symbols of `rows`.

    `rows` are `FUNDAMENTALS` rows with batch_id, fetched_at (UTC) and source beside them; `kinds` has cik, kind.
    """
    if rows.is_empty():
        return FINDINGS.empty()
    ordered = rows.sort(*_FIGURE, "available_at", "accession").with_columns(_main=_main())
    found = {
        "metric_missing": _missing(ordered, kinds),
        "balance_differs": _unbalanced(ordered, thresholds.balance_share),
        "filed_late": _late(ordered, thresholds.late_days),
        "scale_jump": _jumps(ordered, thresholds.scale_times),
        "sign_wrong": _negative(ordered, kinds),
    }
    frames = [
        found[check.code].select(
            *_FOUND, check=pl.lit(check.code), severity=pl.lit(check.severity), dataset=pl.lit(DATASET)
        )
        for check in FUNDAMENTAL_CHECKS
    ]
    whole = pl.concat(frames).with_columns(repeated=pl.lit(0, dtype=pl.Int64))
    return FINDINGS.conform(whole).sort(*FINDINGS.key, "detail")


def _main() -> pl.Expr:
    """The end of the period that a filing reports on: the latest of its rows, covers not among them."""
    end = pl.when(pl.col("metric") != "shares_outstanding").then("period_end")
    return end.max().over("symbol", "accession")


def _finding(rows: pl.DataFrame, by: list[str], detail: pl.Expr) -> pl.DataFrame:
    """One finding for each group of rows, with `detail` worked out over them."""
    return rows.group_by("symbol", "source", *by, maintain_order=True).agg(
        first=pl.col("period_end").min(),
        last=pl.col("period_end").max(),
        count=pl.len().cast(pl.Int64),
        batch_id=pl.col("batch_id").max(),
        detected_at=pl.col("fetched_at").max(),
        detail=detail,
    )


def _missing(rows: pl.DataFrame, kinds: pl.DataFrame) -> pl.DataFrame:
    required = pl.DataFrame(
        [(kind, metric.name) for metric in METRICS for kind in metric.required_of],
        schema={"kind": pl.String, "needed": pl.String},
        orient="row",
    )
    yearly = rows.filter(
        (pl.col("period") == "FY") & pl.col("form").is_in(_ANNUAL) & (pl.col("period_end") == pl.col("_main"))
    )
    reports = yearly.unique(["symbol", "period_end"], keep="first", maintain_order=True).join(kinds, on="cik")
    told = rows.filter(pl.col("value").is_not_null() & pl.col("period").is_in(["FY", "instant"]))
    told = told.select("symbol", "period_end", needed="metric").unique()
    lacking = reports.join(required, on="kind").join(told, on=["symbol", "period_end", "needed"], how="anti")
    detail = pl.format(
        "The report for the year to {} has no {}.", pl.col("period_end").first(), pl.col("needed").sort().str.join(", ")
    )
    return _finding(lacking.sort("symbol", "period_end", "needed"), ["period_end"], detail)


def _unbalanced(rows: pl.DataFrame, share: float) -> pl.DataFrame:
    """
    Balances as first told, and those that one filing told anew as a whole: figures restated apart are on two bases.

    Liabilities that were made from assets cannot contradict them.
    """
    told = rows.filter((pl.col("period") == "instant") & pl.col("metric").is_in(_BALANCE))
    told = told.filter((pl.col("metric") != "liabilities") | pl.col("derived").is_null())
    first = told.unique(_FIGURE, keep="first", maintain_order=True).with_columns(_version=pl.lit(""))
    anew = told.with_columns(_version="accession")
    place = ["symbol", "period_end", "_version"]
    both = pl.concat([first, anew])
    wide = both.pivot("metric", on_columns=_BALANCE, index=place, values="value", aggregate_function="first")
    other, temporary = pl.col("minority_interest").fill_null(0.0), pl.col("temporary_equity").fill_null(0.0)
    total = pl.col("liabilities") + pl.coalesce("equity_with_minority", pl.col("equity") + other) + temporary
    off = wide.with_columns(_total=total).filter(
        (pl.col("assets") - pl.col("_total")).abs() > share * pl.col("assets").abs()
    )
    assets = both.filter(pl.col("metric") == "assets").join(off.select(*place, "_total"), on=place)
    once = assets.sort(*place).unique(["symbol", "period_end"], keep="first", maintain_order=True)
    detail = pl.format(
        "On {} assets are {}, liabilities and equity come to {}.",
        pl.col("period_end").first(),
        pl.col("value").first(),
        pl.col("_total").first(),
    )
    return _finding(once, ["period_end"], detail)


def _late(rows: pl.DataFrame, days: int) -> pl.DataFrame:
    own = rows.filter((pl.col("period_end") == pl.col("_main")) & pl.col("form").is_in(_REPORTS))
    waited = (pl.col("filed") - pl.col("period_end")).dt.total_days()
    late = own.filter((waited > days) & (pl.col("metric") != "shares_outstanding")).with_columns(_waited=waited)
    detail = pl.format(
        "{} {} was filed on {}, {} days after {}.",
        pl.col("form").first(),
        pl.col("accession").first(),
        pl.col("filed").first(),
        pl.col("_waited").first(),
        pl.col("period_end").first(),
    )
    return _finding(late, ["accession"], detail)


def _jumps(rows: pl.DataFrame, least: float) -> pl.DataFrame:
    """
    Versions of one figure that differ by a power of a thousand, and figures that leave their neighbours' scale and come
    back, or have not had the time to. A company that grows a thousandfold does not come back.
    """
    steady = rows.filter(pl.col("metric").is_in(_STEADY) & (pl.col("value") > 0))
    value = pl.col("value")
    before = value.shift(1).over(_FIGURE)
    anew = steady.with_columns(_before=before).filter(_thousandfold(value / before, least, _EXACT))
    series = ["symbol", "metric", "_kind"]
    kind = pl.when(pl.col("period").str.starts_with("Q")).then(pl.lit("Q")).otherwise("period")
    first = steady.unique(_FIGURE, keep="first", maintain_order=True).with_columns(_kind=kind)
    first = first.sort(*series, "period_end")
    back, ahead = value.shift(1).over(series), value.shift(-1).over(series)
    returns = _thousandfold(value / ahead, least, _ABOUT) & ((value > back) == (value > ahead))
    newest = ahead.is_null() & _thousandfold(value / back, least, _NEAR)
    alone = first.with_columns(_before=back).filter((_thousandfold(value / back, least, _ABOUT) & returns) | newest)
    whole = pl.concat([anew.select(*rows.columns, "_before"), alone.select(*rows.columns, "_before")])
    whole = whole.unique([*_FIGURE, "accession"], keep="first", maintain_order=True).sort(
        "symbol", "accession", "metric"
    )
    detail = pl.format(
        "{} tells {} of {} as {}, told before or beside it was {}.",
        pl.col("accession").first(),
        pl.col("metric").first(),
        pl.col("period_end").first(),
        pl.col("value").first(),
        pl.col("_before").first(),
    )
    return _finding(whole, ["accession"], detail)


def _thousandfold(ratio: pl.Expr, least: float, within: float) -> pl.Expr:
    """Whether a ratio is a power of a thousand, either way; `within` bounds the difference of the exponents."""
    size = pl.max_horizontal(ratio, 1.0 / ratio)
    thousands = size.log(1000.0)
    near = (thousands - thousands.round()).abs() < within
    return ((size > least) & near).fill_null(value=False)


def _negative(rows: pl.DataFrame, kinds: pl.DataFrame) -> pl.DataFrame:
    unsigned = [metric.name for metric in METRICS if not metric.signed]
    found = rows.filter(pl.col("metric").is_in(unsigned) & (pl.col("value") < 0)).join(kinds, on="cik", how="left")
    for name, allowed in _MAY_BE_NEGATIVE.items():
        found = found.filter((pl.col("metric") != name) | ~pl.col("kind").is_in(allowed).fill_null(value=False))
    detail = pl.format(
        "{} of {} is {} in {}.",
        pl.col("metric").first(),
        pl.col("period_end").first(),
        pl.col("value").first(),
        pl.col("accession").first(),
    )
    return _finding(found.sort("symbol", "period_end", "metric", "period", "accession"), ["period_end"], detail)
