"""
Vendors' adjusted closes against ours: a row for every vendor and symbol of the corpus that tells one.

Where a vendor tells the actions too, ours follow from these; else from what another source of the corpus tells. What is
further apart than 1e-4 must be explained, by another rule of theirs or by actions that they leave out or tell
wrongly: under that explanation the same actions and closes must give their figures to 1e-4 again.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import get_args

import polars as pl
import pytest

import marketkeep
from marketkeep.model import Lineage, Payload, Request
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.sources.yahoo import Yahoo
from proofs.adjusted_cases import CASES, WITHIN, Case, daily_adjusted
from proofs.adjusted_closes import (
    Event,
    Rule,
    furthest,
    rebuilt,
    text,
    told_by_chart,
    told_by_tiingo,
)
from proofs.corpus_yahoo import CHART
from proofs.keeps import Made, make_keep
from proofs.lean_files import factor_rows, own_closes
from proofs.verdicts import files_of

FETCHED = datetime(2026, 9, 1, 22, tzinfo=UTC)


@dataclass(slots=True)
class Measured:
    """How far a vendor's figures are from ours, and from what its own rule makes of the same actions."""

    rows: int
    worst: float
    when: date
    explained: float


def keep_of(case: Case, corpus: Path, root: Path) -> marketkeep.Keep:
    """A keep of the vendor's bars, with its actions or those of the file that tells them."""
    made = make_keep(root, priority=("yahoo", "theirs", "others"))
    if case.actions:
        made.take(corpus / case.actions, source="others", symbol=None)
    if case.read is told_by_chart:
        take_chart(made, case, corpus)
    else:
        symbol = None if case.path.endswith(".zip") else case.symbol
        made.take(corpus / case.path, source="theirs", symbol=symbol)
    return made.open()


def take_chart(made: Made, case: Case, corpus: Path) -> None:
    """Let our source read a recorded chart, and publish what it reads."""
    request = Request("yahoo", "daily_bars", CHART + case.symbol, (), (case.symbol,))
    frames = Yahoo().parse(request, Payload(200, (), (corpus / case.path).read_bytes(), FETCHED))
    for dataset, rows in frames.items():
        days = rows["date" if dataset == "daily_bars" else "ex_date"]
        span = (days.min(), days.max() + timedelta(days=1)) if rows.height else (None, None)
        lineage = Lineage("sha256:00", None, None, CHART, (), *span, FETCHED, rows.height)
        if rows.height:
            made.work.batches.write(dataset, "yahoo", "run", rows.with_columns(payload=pl.lit(0)), [lineage])
    absorb(made.work)


def measure(case: Case, corpus: Path, root: Path) -> Measured:
    """Compare a case."""
    theirs = {day: told for day, told in case.read(corpus / case.path).items() if case.year in (None, day.year)}
    keep = keep_of(case, corpus, root)
    traded = dict(keep.bars(case.symbol).polars().select("date", "close").rows())
    base = keep.bars(case.symbol, adjust="splits" if case.split_adjusted else "none").polars()
    ours = dict(base.select("date", pl.col("adj_close") / pl.col("close")).rows())
    worst, when, rows = furthest(ours, theirs)
    events = [one._replace(amount=dict(case.otherwise).get(one.ex_date, one.amount)) for one in events_of(keep, case)]
    explained, _, _ = furthest(dict(rebuilt(traded, events, case.rule)), theirs)
    return Measured(rows, worst, when, explained)


def events_of(keep: marketkeep.Keep, case: Case) -> list[Event]:
    """The published actions; splits count for nothing where the vendor's closes have them in them already."""
    found: dict[date, Event] = {}
    columns = ("ex_date", "numerator", "denominator", "amount", "adjustment_factor")
    for day, new, old, amount, factor in keep.actions(case.symbol).select(columns).rows():
        if factor is None:
            continue
        one = found.get(day, Event(day, 1.0, 0.0))
        ratio = new / old if new and not case.split_adjusted else 1.0
        found[day] = Event(day, one.ratio * ratio, one.amount + (amount or 0.0))
    return list(found.values())


@pytest.fixture(scope="module")
def measured(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    """Every case, by its name, told as a table."""
    folder = tmp_path_factory.mktemp("adjusted")
    found = {one.name: measure(one, corpus, folder / str(number)) for number, one in enumerate(CASES)}
    print(f"\n{'vendor':20} {'symbol':9} {'file':44} {'rows':>5} {'worst':>8}  verdict")
    for case in CASES:
        one = found[case.name]
        verdict = "reproduced" if one.worst <= WITHIN else f"{case.why}: {one.explained:.0e}"
        name = Path(case.path).name.partition(".")[0][:44]
        print(f"{case.vendor:20} {case.symbol:9} {name:44} {one.rows:5} {one.worst:8.1e}  {verdict}")
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_adjusted_closes_are_ours_or_explained(measured: dict[str, Measured], case: Case) -> None:
    """
    A vendor's adjusted closes are ours to 1e-4, or what its own rule makes of the same actions and closes.
    """
    one = measured[case.name]
    assert one.rows > 1
    assert one.worst <= WITHIN or (case.why and one.explained <= WITHIN), one


# Files with adjusted closes of which no case is made, by what their path begins with.
LEFT_OUT = {
    "alpha_vantage/recorded/pricehist-ibm-partial-adj.json": "seven days without an action",
    "yahoo/historical/historical-": "two or three days without an action, or a table of dividends",
    "yahoo/chart/chart-AAPL-rec2025": "one day",
    "yahoo/chart/openbb-AAPL-1d": "one day",
    "yahoo/chart/pp-response": "Munich Re: no symbol of ours, and its one dividend is a German one",
    "yahoo/chart/pricehist-ibm-long-partial": "ten days of sixty years: the actions between are cut out",
    "yahoo/legacy_csv/": "made-up numbers, or quotes of the moment",
    "yahoo/price_defects/": "the unrepaired ones are in test_truth_defects.py; hours and weeks are not read",
    "tiingo/recorded/": "GOOGL, which paid nothing; weeks of AAPL have a test of their own",
}


def test_no_adjusted_close_is_left_out(corpus: Path) -> None:
    """
    Every file of the corpus that tells adjusted closes is a case above, or is named here with the reason.
    """
    cases = {case.path for case in CASES}
    folders = ("alpha_vantage", "kaggle", "misc_csv", "quandl_wiki", "tiingo", "yahoo")
    telling = [one for folder in folders for one in files_of(corpus, folder) if _tells(one)]
    names = [one.relative_to(corpus).as_posix() for one in telling]
    assert cases <= set(names)
    missed = [
        name
        for name in names
        if name not in cases and not any(map(name.startswith, LEFT_OUT)) and "2020-01-03" not in name
    ]
    assert missed == []


def _tells(path: Path) -> bool:
    """Whether a table's headers, or an answer's names, have an adjusted close."""
    if not path.name.endswith((".csv", ".csv.gz", ".txt.gz", ".zip", ".json")):
        return False
    words = text(path).lower()
    if path.suffix == ".json":
        return any(f'"{word}"' in words for word in ("adjclose", "5. adjusted close"))
    return any(word in words.partition("\n")[0] for word in ("adj close", "adj. close", "adj_close", "adjusted"))


def test_tiingo_reckons_by_the_other_rule(corpus: Path) -> None:
    """
    Tiingo's weeks of AAPL, recorded on 2018-06-10, carry the two payments until then under the rule of the ex-date.
    """
    told = told_by_tiingo(corpus / "tiingo/recorded/ticker_price_pandas_weekly_multiple_tickers-2.json")
    rows = csv.DictReader(io.StringIO(text(corpus / daily_adjusted("AAPL"))))
    until = [row for row in rows if "2018-01-01" < row["timestamp"] < "2018-06-10"]
    closes = {date.fromisoformat(row["timestamp"]): float(row["close"]) for row in until}
    paid = {date.fromisoformat(row["timestamp"]): float(row["dividend_amount"]) for row in until}
    events = [Event(day, 1.0, amount) for day, amount in paid.items() if amount]
    by_rule = {rule: dict(rebuilt(closes, events, rule)) for rule in get_args(Rule)}
    off = {rule: max(abs(told[day] / factors[day] - 1) for day in told) for rule, factors in by_rule.items()}
    print(
        f"Tiingo, AAPL: {len(told)} weeks, off by {off['ex_date']:.1e} under its rule, {off['before']:.1e} under ours"
    )
    assert off["ex_date"] < 1e-9
    assert off["before"] < WITHIN


def test_trap_10_yahoo_had_applied_googles_settlement_twice(corpus: Path) -> None:
    """
    Yahoo's download of 2018 has the shares paid to class C on 2015-04-27 (0.27 %) in its earlier closes twice; LEAN has
    them once, and the split of 2014 as 2:1 where Yahoo has 2002:1000.
    """
    lean = own_closes(corpus / "lean", "GOOG") | {
        day: close for day, close in own_closes(corpus / "lean", "GOOGL").items() if day < date(2014, 4, 3)
    }
    path = corpus / "yahoo/download_csv/yahoofinance-GOOG-20040819-20180120.csv.gz"
    closes = {date.fromisoformat(row["Date"]): float(row["Close"]) for row in csv.DictReader(io.StringIO(text(path)))}

    def step(first: str, last: str) -> float:
        days = [day for day in closes if day in lean and first <= day.isoformat() <= last]
        return median(closes[day] / lean[day] for day in days)

    settled = factor_rows(corpus / "lean/factor_files/goog.csv")[0].both
    assert step("2015-04-27", "2018-01-19") == pytest.approx(1, abs=1e-6)
    assert step("2014-04-03", "2015-04-24") == pytest.approx(settled**2, rel=1e-4)
    assert step("2005-01-03", "2014-03-26") / step("2014-04-03", "2015-04-24") == pytest.approx(1000 / 2002, rel=1e-5)
