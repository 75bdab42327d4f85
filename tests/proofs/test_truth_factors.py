"""
Our factors against LEAN's factor file of every symbol of the corpus, and against a second opinion on what is in them.

Where another source tells the actions (Alpha Vantage of AAPL, IBM, SPY), `test_lean_factors.py` compares. Here all ten
files go round: their steps become actions, these become factors over the security's own closes, and the products must
be the file's again. Stooq's adjusted closes then say which of these actions they know.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import polars as pl
import pytest

import marketkeep
from marketkeep.calendars import XNYS
from proofs.keeps import Made, make_keep
from proofs.lean_files import FactorRow, factor_rows, in_force, own_closes

SYMBOLS = ("AAPL", "EEM", "GOOG", "GOOGL", "IBM", "IWM", "QQQ", "SPY", "TFCFA", "WM")
ENDLESS = date(2050, 12, 31)


@dataclass(frozen=True)
class Expected:
    """
    What a round trip must come to: how many actions, and how far products may be from the file's until and after a
    day, with the reason where that is more than one part in a million.
    """

    actions: int
    after: float = 1e-6
    until: date | None = None
    before: float = 1e-6
    why: str = ""


EXPECTED = {
    "AAPL": Expected(39, until=date(2005, 2, 25), before=3e-6, why="LEAN wrote 1/56 with six significant digits"),
    "EEM": Expected(
        *(37, 1.5e-6, date(2008, 7, 23), 3e-6),
        "LEAN wrote 1/3 as 0.333333 and 1/9 as 0.11111099, and one step of 2019 is off by 0.9e-6",
    ),
    "GOOG": Expected(1),
    "GOOGL": Expected(1),
    "IBM": Expected(94),
    "IWM": Expected(87, until=date(2005, 6, 8), before=1.1e-6, why="87 roundings to seven decimals"),
    "QQQ": Expected(67),
    "SPY": Expected(94),
    "TFCFA": Expected(29),
    "WM": Expected(76),
}


def closes_of(lean: Path, symbol: str, rows: list[FactorRow]) -> dict[date, float]:
    """
    The security's closes; where no zip holds an event's eve or ex-date, those that the factor file itself quotes.

    The zip of QQQQ (2004-12-01 to 2011-03-22) is not in the corpus, nor any of TFCFA.
    """
    found = own_closes(lean, symbol)
    for row in rows:
        if row.session < ENDLESS and row.session not in found and row.close != 1:
            found[row.session] = row.close
            found.setdefault(XNYS.next_session(row.session), row.close)
    return dict(sorted(found.items()))


def take_closes(made: Made, folder: Path, symbol: str, closes: dict[date, float]) -> None:
    """Hand closes in as a file of as-traded bars."""
    path = folder / f"{symbol}.csv"
    lines = [f"{symbol},{day},{close},{close},{close},{close},1000" for day, close in closes.items()]
    path.write_text("\n".join(["Symbol,Date,Open,High,Low,Close,Volume", *lines, ""]))
    made.take(path, basis="as_traded")


@pytest.fixture(scope="module")
def files(corpus: Path) -> dict[str, list[FactorRow]]:
    """Every factor file of the corpus."""
    found = {path.stem.upper(): factor_rows(path) for path in sorted((corpus / "lean/factor_files").glob("*.csv"))}
    assert tuple(found) == SYMBOLS
    return found


@pytest.fixture(scope="module")
def keep(corpus: Path, files: dict[str, list[FactorRow]], tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """Every factor file, and the closes of its security."""
    folder = tmp_path_factory.mktemp("round")
    made = make_keep(folder / "keep")
    for symbol, rows in files.items():
        take_closes(made, folder, symbol, closes_of(corpus / "lean", symbol, rows))
        made.take(corpus / f"lean/factor_files/{symbol.lower()}.csv")
    return made.open()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_factor_file_goes_round(keep: marketkeep.Keep, files: dict[str, list[FactorRow]], symbol: str) -> None:
    """
    Steps become actions, actions become factors: over all sessions the products are the file's, to 1e-6 or explained.
    """
    expected, rows = EXPECTED[symbol], files[symbol]
    bars = keep.bars(symbol).polars().select("date", "close", "adj_close").rows()
    actions = keep.actions(symbol)
    assert actions.height == expected.actions
    assert actions["adjustment_factor"].null_count() == 0
    base = in_force(rows, bars[-1][0]).both
    worst = {True: 0.0, False: 0.0}
    for day, close, adjusted in bars:
        old = expected.until is not None and day <= expected.until
        worst[old] = max(worst[old], abs(adjusted / close / (in_force(rows, day).both / base) - 1))
    print(
        f"{symbol:6} {actions.height:3} actions {len(bars):5} sessions {bars[0][0]} to {bars[-1][0]}: "
        f"worst {worst[False]:.1e}"
        + (f", to {expected.until} {worst[True]:.1e}: {expected.why}" if expected.until else "")
    )
    assert worst[False] <= expected.after
    assert worst[True] <= expected.before


def test_trap_33_a_spin_off_told_as_cash_keeps_its_step(
    keep: marketkeep.Keep, files: dict[str, list[FactorRow]]
) -> None:
    """
    LEAN tells News Corp's spin-off of 2013-07-01 as one step of 11.7 %: no split, and its factor is the step's.
    """
    (told,) = keep.actions("TFCFA").filter(pl.col("ex_date") == date(2013, 7, 1)).rows(named=True)
    before, after = (in_force(files["TFCFA"], day).both for day in (date(2013, 6, 28), date(2013, 7, 1)))
    assert told["kind"] != "split"
    assert told["adjustment_factor"] == pytest.approx(before / after, rel=1e-6)
    assert 0.11 < 1 - told["adjustment_factor"] < 0.12


# --- a second opinion ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opinion:
    """
    What Stooq's adjusted closes say of a symbol's actions: cash is told from `since` on (None: of every one looked at),
    but for those in `missing`; splits are always told but for those in `missing`. `confirmed` of ours are.
    """

    folder: str
    confirmed: int
    untold: int = 0
    since: date | None = None
    missing: tuple[date, ...] = ()
    why: str = ""


_LATE = "Stooq had applied no dividend before that day"
OPINIONS = {
    "AAPL": Opinion("Stocks", 23),
    "EEM": Opinion("ETFs", 14, 10, date(2011, 6, 22), (date(2012, 12, 18),), f"{_LATE}, and missed one of 2012"),
    "GOOG": Opinion("Stocks", 0, 1, None, (date(2015, 4, 27),), "class C's settlement is not told"),
    "GOOGL": Opinion("Stocks", 1),
    "IBM": Opinion("Stocks", 26, 17, date(2011, 5, 6), (), _LATE),
    "IWM": Opinion("ETFs", 26, 6, date(2011, 3, 24), (), _LATE),
    "QQQ": Opinion("ETFs", 27),
    "SPY": Opinion("ETFs", 26, 15, date(2011, 3, 18), (), _LATE),
}


@dataclass(slots=True)
class Seen:
    """Ex-dates with our factor and Stooq's step: of actions that it tells, and of those that it does not."""

    told: dict[date, tuple[float, float]] = field(default_factory=dict)
    untold: dict[date, tuple[float, float]] = field(default_factory=dict)


def stooq_steps(corpus: Path, keep: marketkeep.Keep, symbol: str, folder: str) -> Seen:
    """
    By ex-date our factor and the step of Stooq's adjusted closes over our as-traded ones, the week before against the
    week from it on. Two feeds tell closes that differ: an action smaller than twice their scatter cannot be seen and is
    left out, as are those whose weeks are not held on both sides.
    """
    with gzip.open(corpus / f"kaggle/huge_stock_market/{folder}/{symbol.lower()}.us.txt.gz", "rt") as file:
        theirs = {date.fromisoformat(row["Date"]): float(row["Close"]) for row in csv.DictReader(file)}
    ours = own_closes(corpus / "lean", symbol)
    days = sorted(set(theirs) & set(ours))
    ratios = [theirs[day] / ours[day] for day in days]
    found = Seen()
    for ex_date, factor in steps_of(keep, symbol):
        at = next((number for number, day in enumerate(days) if day >= ex_date), len(days))
        if not 5 <= at <= len(days) - 5 or days[at + 4] - days[at - 5] > timedelta(days=21):
            continue
        before, after = ratios[at - 5 : at], ratios[at : at + 5]
        scatter = max(max(one) / min(one) - 1 for one in (before, after))
        step = median(before) / median(after)
        if 1 - factor > 2 * scatter:
            (found.told if abs(step - factor) < abs(step - 1) else found.untold)[ex_date] = (factor, step)
    return found


def steps_of(keep: marketkeep.Keep, symbol: str) -> list[tuple[date, float]]:
    """Our factor of each ex-date, what falls on one day multiplied."""
    found: dict[date, float] = {}
    for ex_date, factor in keep.actions(symbol).select("ex_date", "adjustment_factor").rows():
        found[ex_date] = found.get(ex_date, 1.0) * factor
    return sorted(found.items())


@pytest.mark.parametrize("symbol", OPINIONS)
def test_stooqs_opinion_on_leans_actions(keep: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    Each action of LEAN's that is large enough to be seen is in Stooq's adjusted closes, or named as missing there.
    """
    opinion = OPINIONS[symbol]
    seen = stooq_steps(corpus, keep, symbol, opinion.folder)
    apart = max((abs(step / factor - 1) for factor, step in seen.told.values()), default=0.0)
    late = sorted(day for day in seen.untold if opinion.since is None or day >= opinion.since)
    cash = sorted(day for day, (factor, _) in seen.told.items() if factor > 0.6)
    print(
        f"{symbol:5} seen {len(seen.told) + len(seen.untold):3}: confirmed {len(seen.told):3} (cash from "
        f"{cash[0] if cash else '-'} on, off by {apart:.1e} at most), not told {len(seen.untold):3} {opinion.why}"
    )
    assert (len(seen.told), len(seen.untold)) == (opinion.confirmed, opinion.untold)
    assert tuple(late) == opinion.missing
    assert opinion.since is None or cash[0] == opinion.since
    assert apart <= 3e-3
