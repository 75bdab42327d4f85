"""
What docs/quality-engine.md tells of checks on real bars: counts of findings by vendor, and fifty of them with what they
were found to be.

    PYTHONPATH=tests python -m proofs.real_bars_page CORPUS
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import marketkeep
from proofs.finding_verdicts import LOOKED, tally
from proofs.real_bars import SHELVES, counts, keeps

COMMAND = "PYTHONPATH=tests python -m proofs.real_bars_page CORPUS"
PAGE = Path(__file__).parents[2] / "docs" / "quality-engine.md"
BEGIN, END = "<!-- made by proofs.real_bars_page: begin -->\n", "<!-- made by proofs.real_bars_page: end -->\n"
_ABOUT = {
    "stooq": "49 US shares and funds since 1962, adjusted by what the file does not tell (Kaggle)",
    "kaggle5y": "ten shares 2013 to 2018, made up behind the first days (Kaggle)",
    "lean": "ten funds and shares 1998 to 2021 as traded, with factor and map files",
    "alphavantage": "five 1999 to 2020 as traded, with actions",
    "yahoo-csv": "five downloads since 1995, split-adjusted, without actions",
    "wiki": "Quandl WIKI: seven shares, some years each, with actions",
    "two-years": "eighteen, 2024 to 2026",
    "misc": "two days of a thousand shares, Apple 2015 to 2017, Google to 2013",
    "together": "lean, alphavantage, wiki and yahoo-csv in one keep",
}
_MEANT = {"fault": "fault of the data", "event": "happened in the market", "false": "false alarm"}
_CLASSES = {
    "adj_close_differs": "Nearly all tell of payments that a file has in its adjusted close and in no column. One is a "
    "vendor's other rule on a payment of a tenth of the price.",
    "flat_bar": "Thin trading of the years before 1990 and of prices rounded before they were adjusted; one in a "
    "liquid share is a copied close. Rightly no more than information.",
    "not_a_session": "Holidays in a made-up file; copies of the day before; and 1985-09-27, when a hurricane closed "
    "New York and NASDAQ's dealers went on: the calendar is New York's, and their bars are refused.",
    "open_gap": "Openings of bad days, and one open that is twice the market.",
    "open_outside": "Both are faults of Yahoo's.",
    "price_spike": "Google's broken trades of 2008-09-30, a bank run, and prices of a few thousandths.",
    "range_absurd": "All are stray prints that made a low.",
    "return_outlier": "The worst and best days of the market (2008-10-13 alone in ten shares), results and outlooks. A "
    "fifth of Stooq's are from before 1980, when its adjusted prices know a few levels only.",
    "source_disagreement": "Lows and highs of different tapes for the most part, closes of 16:00 and 16:15, and "
    "prices before the open in a daily high.",
    "split_missed": "One real split that no file tells; twice the rounding of prices of a cent doubles them.",
    "volume_outlier": "Volume in thousands, cut volume, results, and trading when issued.",
    "volume_zero": "A day that lacks volume for most of a file, and volume beyond what 32 bits can count.",
}

_PROVED = """
### Factors and adjusted closes

What these print in full: `pytest -s tests/proofs/test_truth_factors.py tests/proofs/test_lean_factors.py
tests/proofs/test_truth_adjusted.py tests/proofs/test_truth_defects.py tests/proofs/test_truth_renames.py`

- *LEAN's factor files*, all ten: steps to actions to factors and back, equal to 1e-6 over 43,000 sessions, but for AAPL
  before 2005 and EEM (2.4e-6), whose factors LEAN wrote with six digits. From Alpha Vantage's actions, AAPL and IBM are
  LEAN's to 1e-6 as well; SPY's steps differ by LEAN's amounts, rounded to a tenth of a cent and to cents.
- *Stooq's adjusted closes* confirm 143 of the 192 steps that can be seen in them. All but two of the others are
  dividends before spring 2011, which Stooq does not have.
- *Vendors' adjusted closes*: Yahoo's are ours to 2e-5 or better, in charts, downloads, and in 19 of 20 repaired
  exports; in the last, Yahoo counts a dividend twice. Alpha Vantage, Quandl WIKI, Tiingo and the sample reckon
  1 / (1 + D / close of the ex-date) where we, LEAN and Yahoo reckon 1 - D / close before: up to 2e-3 apart, and equal
  to 3e-6 under their rule.
- *Yahoo's own faults*: of 20 recorded defects the checks or the jury see 18; the other two are told alike by the
  dividend and the adjusted close. Its Google of 2018 has the settlement of 2015 applied twice.
- *Renames*: what was GOOG until 2014-04-02 answers as GOOGL, WMI and UW as WM, QQQQ as QQQ, FOXA and NWSA as TFCFA,
  SPWRA as SPWR; GOOG without dates is refused, and both who had it are named."""


def page(found: Mapping[str, marketkeep.Keep]) -> str:
    """What stands in the page between its marks."""
    return "\n".join([*_head(), *_counted(found), *_classes(found), *_looked(), _PROVED]) + "\n"


def _head() -> Iterator[str]:
    yield "## Findings on real bars"
    yield ""
    yield (
        "The checks on the daily bars of the test corpus: real files of eight vendors, faults and all. Made by "
        f"`{COMMAND}`; `tests/proofs/test_truth_findings.py` holds that it is what the checks find."
    )


def _counted(found: Mapping[str, marketkeep.Keep]) -> Iterator[str]:
    yield ""
    yield "| vendor | what | symbols | bars |"
    yield "|---|---|---|---|"
    for name, keep in found.items():
        yield f"| {name} | {_ABOUT[name]} | {len(keep.symbols())} | {keep.coverage()['rows'].sum():,} |"
    table = counts({name: keep.findings() for name, keep in found.items()})
    yield ""
    yield f"| check | {' | '.join(found)} |"
    yield "|---" * (len(found) + 1) + "|"
    for check, *numbers in table.select("check", *found).rows():
        yield f"| {check} | {' | '.join(f'{number:,}' if number else '' for number in numbers)} |"


def _classes(found: Mapping[str, marketkeep.Keep]) -> Iterator[str]:
    told = {check for keep in found.values() for check in keep.findings()["check"].unique()}
    yield ""
    yield "### What each class is"
    yield ""
    for check in sorted(told):
        yield f"- **{check}**: {_CLASSES.get(check, 'Not looked at.')}"


def _looked() -> Iterator[str]:
    number = tally()
    yield ""
    yield "### Fifty of them, looked at"
    yield ""
    yield (
        f"Drawn at random, each check and vendor in turn, and looked at with the bars around them: {number['fault']} "
        f"are faults of the data, {number['event']} happened in the market, {number['false']} are alarms at nothing."
    )
    yield ""
    yield "| check | vendor | symbol | day | what it is | |"
    yield "|---|---|---|---|---|---|"
    for one in LOOKED:
        yield f"| {one.check} | {one.source} | {one.symbol} | {one.day} | {_MEANT[one.verdict]} | {one.words} |"


def main() -> None:
    """Write the page's part anew, from the corpus that is named."""
    with tempfile.TemporaryDirectory() as folder:
        made = page(keeps(Path(sys.argv[1]), Path(folder)))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + made + END + rest.partition(END)[2], encoding="utf-8")


def published() -> str:
    """What the page says now."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    assert len(_ABOUT) == len(SHELVES) + 1
    main()
