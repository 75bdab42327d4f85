"""
The renames of LEAN's map files on LEAN's own bars: what a security had under one ticker is answered under the other.

The zips are named by the ticker of the day: `goog` holds the class that is GOOGL now until 2014-04-02, and class C from
then on; `wm` holds Washington Mutual until 2008 and Waste Management from 2009-08-05 on, `wmi` the latter until then.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.errors import AmbiguousSymbol
from proofs.keeps import make_keep
from proofs.lean_files import daily_lines, day, factor_rows, own_closes

SWITCHED = date(2014, 4, 3)
RENAMED = date(2009, 8, 5)
NEVER = ("AAPL", "EEM", "IBM", "IWM", "SPY")


@pytest.fixture(scope="module")
def keep(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """All zips and all map files, and of the two securities that no zip is of, bars by hand under their last ticker."""
    folder = tmp_path_factory.mktemp("renames")
    made = make_keep(folder / "keep")
    made.take(corpus / "lean/daily", corpus / "lean/map_files")
    told = [(row.session, row.close) for row in factor_rows(corpus / "lean/factor_files/tfcfa.csv")[1:-1]]
    lines = [f"TFCFA,{when},{close}" for one, close in told for when in (one, XNYS.next_session(one))]
    lines += [f"SPWR,2010-06-0{when},11.5" for when in range(1, 5)] + ["SPWR,2012-06-01,5.2"]
    path = folder / "told.csv"
    path.write_text("\n".join(["Symbol,Date,Close", *lines, ""]))
    made.take(path, basis="as_traded")
    return made.open()


def closes(keep: marketkeep.Keep, ticker: str, start: object = None, end: object = None) -> dict[date, float]:
    """What is answered under a ticker."""
    return dict(keep.bars(ticker, start, end).polars().select("date", "close").rows())  # type: ignore[arg-type]


def zipped(corpus: Path, name: str) -> dict[date, float]:
    """The closes of a zip."""
    lines = filter(None, daily_lines(corpus / f"lean/daily/{name}.zip"))
    return {day(line): int(line.split(",")[4]) / 10_000 for line in lines}


def test_google_until_the_switch_is_googl(keep: marketkeep.Keep, corpus: Path) -> None:
    """
    GOOG of 2004 to 2014-04-02 is what is GOOGL now, under both names; its zip alone has those bars.
    """
    told = {when: close for when, close in zipped(corpus, "goog").items() if when < SWITCHED}
    assert len(told) == 2422
    assert closes(keep, "GOOGL", end="2014-04-02") == closes(keep, "GOOG", end="2014-04-02") == told
    assert closes(keep, "GOOGL", SWITCHED) == zipped(corpus, "googl")


def test_goog_from_the_switch_on_is_class_c(keep: marketkeep.Keep, corpus: Path) -> None:
    """
    From 2014-04-03 on GOOG is another security, GOOCV in its first days; both of its names answer.
    """
    told = {when: close for when, close in zipped(corpus, "goog").items() if when >= SWITCHED}
    assert closes(keep, "GOOG", SWITCHED) == closes(keep, "GOOCV") == told


def test_trap_30_goog_without_dates_is_ambiguous(keep: marketkeep.Keep) -> None:
    """
    GOOG means two securities: without dates it is not guessed, and both are named with the days that settle it.
    """
    with pytest.raises(AmbiguousSymbol, match=r"GOOGL.*2014-04-02.*GOOG.*2014-04-03"):
        keep.bars("GOOG").polars()


def test_waste_management_under_each_of_its_tickers(keep: marketkeep.Keep, corpus: Path) -> None:
    """
    UW until 1998-07-16, WMI until 2009-08-04, WM since: one security, answered under each, and not the bank's bars.
    """
    told = own_closes(corpus / "lean", "WM")
    assert closes(keep, "WMI") == closes(keep, "UW") == told
    assert closes(keep, "WM", RENAMED) == {when: close for when, close in told.items() if when >= RENAMED}
    assert closes(keep, "WMI", "2005-01-03", "2005-01-07")[date(2005, 1, 3)] == zipped(corpus, "wmi")[date(2005, 1, 3)]


def test_trap_30_washington_mutual_is_not_waste_management(keep: marketkeep.Keep, corpus: Path) -> None:
    """
    What LEAN has under WM until 2008 is the bank's: Waste Management was WMI then, so none of it becomes a version of
    its bars.
    """
    mine = keep.findings().filter(pl.col("symbol") == "WM")
    assert mine.filter(pl.col("check").is_in(["revised", "price_absurd"])).is_empty()
    assert zipped(corpus, "wm")[date(2005, 1, 3)] not in set(closes(keep, "WMI", "2005-01-03", "2005-01-03").values())


@pytest.mark.parametrize(
    ("now", "others", "count"),
    [("QQQ", ("QQQQ",), 3964), ("TFCFA", ("FOXA", "NWSA"), 58), ("SPWR", ("SPWRA",), 5)],
)
def test_both_names_answer_alike(keep: marketkeep.Keep, now: str, others: tuple[str, ...], count: int) -> None:
    """
    Old tickers that nobody else has had answer with all that the security has under any of its names.
    """
    whole = keep.bars(now).polars()
    assert whole.height == count
    assert all(keep.bars(other).polars().equals(whole) for other in others)
    assert keep.bars([now, *others]).polars().equals(whole)


@pytest.mark.parametrize("symbol", NEVER)
def test_who_was_never_renamed_is_itself(keep: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    A map file of one ticker tells of no rename: the bars are those of its zip.
    """
    assert closes(keep, symbol) == zipped(corpus, symbol.lower())
    assert keep.ticker_history().filter(pl.col("symbol") == symbol).is_empty()


def test_actions_follow_the_security(keep: marketkeep.Keep, corpus: Path, tmp_path: Path) -> None:
    """
    GOOGL's split of 2014-04-03 and its earlier bars come together, though these are told under GOOG.
    """
    made = make_keep(tmp_path / "keep")
    made.take(corpus / "lean/daily", corpus / "lean/map_files", corpus / "lean/factor_files/googl.csv")
    bars = made.open().bars("GOOGL", "2014-04-02", "2014-04-03").polars()
    assert bars.select("close", "adj_close").rows() == [(1135.1, 567.55), (571.5, 571.5)]
