"""Real renames: LEAN's map files and bars, each of which lies under the ticker of its day, answered under all names."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from marketkeep.errors import AmbiguousSymbol
from proofs.keeps import Made, make_keep

Bars = dict[date, float]
SWAP, WASTE = date(2014, 4, 3), date(2009, 8, 5)


@pytest.fixture(scope="module")
def made(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A keep with all daily bars, factor files and map files of LEAN."""
    made = make_keep(tmp_path_factory.mktemp("renames") / "keep")
    made.take(*(corpus / "lean" / name for name in ("daily", "factor_files", "map_files")))
    return made


@pytest.fixture(scope="module")
def keep(made: Made) -> marketkeep.Keep:
    """The keep as a reader sees it."""
    return made.open()


def _file(corpus: Path, name: str, first: date = date.min, last: date = date.max) -> Bars:
    """Closes of a file by date, as they are written there."""
    with zipfile.ZipFile(corpus / "lean" / "daily" / f"{name}.zip") as archive:
        lines = archive.read(f"{name}.csv").decode().split("\n")
    told = (line.split(",") for line in lines if line.strip())
    days = ((datetime.strptime(one[0][:8], "%Y%m%d").date(), int(one[4]) / 10_000) for one in told)  # noqa: DTZ007
    return {day: close for day, close in days if first <= day <= last}


def _held(keep: marketkeep.Keep, name: str, first: date | None = None, last: date | None = None) -> Bars:
    return dict(keep.bars(name, first, last).polars().select("date", "close").iter_rows())


def _before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def test_trap_33_both_classes_of_google_answer_under_every_name(keep: marketkeep.Keep, corpus: Path) -> None:
    """Class A is one security before and behind the swap, class C begins with it: GOOG means each in its days."""
    a = {**_file(corpus, "goog", last=_before(SWAP)), **_file(corpus, "googl", SWAP)}
    c = _file(corpus, "goog", SWAP)
    assert _held(keep, "GOOGL") == _held(keep, "GOOG", last=_before(SWAP)) | _held(keep, "GOOGL", SWAP) == a
    assert _held(keep, "GOOG", SWAP) == _held(keep, "GOOG~now") == _held(keep, "GOOCV") == c
    with pytest.raises(AmbiguousSymbol, match="GOOG means GOOGL"):
        _held(keep, "GOOG")


def test_trap_30_waste_management_is_not_washington_mutual(keep: marketkeep.Keep, corpus: Path) -> None:
    """WM was a bank's ticker until 2008; Waste Management came to it from WMI, and its history is WMI's."""
    waste = {**_file(corpus, "wmi"), **_file(corpus, "wm", WASTE)}
    assert _held(keep, "WMI") == _held(keep, "WM~now") == waste
    bank = _file(corpus, "wm", last=_before(WASTE))
    assert max(bank) < date(2009, 1, 1)
    assert _held(keep, "WM~2009") == _held(keep, "WM", last=date(2008, 12, 31)) == bank


def test_ticker_left_and_taken_again_is_one_security(keep: marketkeep.Keep, corpus: Path) -> None:
    """QQQ was QQQQ for six years: both names answer with what there is of either."""
    assert _held(keep, "QQQQ") == _held(keep, "QQQ") == _file(corpus, "qqq")


def test_every_name_of_every_map_file_is_known(made: Made, corpus: Path) -> None:
    """Each ticker of a map file, on its last session, is a tenancy of the security that the file is of."""
    tickers = made.work.lake.tickers()
    checked = 0
    for path in sorted((corpus / "lean/map_files").glob("*.csv")):
        lines = [line.split(",") for line in path.read_text().split()]
        found = set()
        for day, ticker, *_ in lines[1:]:
            on = datetime.strptime(day, "%Y%m%d").date()  # noqa: DTZ007  # a date has no zone
            held = tickers.filter(
                (pl.col("ticker") == ticker.upper())
                & (pl.col("from").is_null() | (pl.col("from") <= on))
                & (pl.col("to").is_null() | (pl.col("to") > on))
            )
            found |= set(held["symbol"]) or {ticker.upper()}
            checked += 1
        assert found == {path.stem.upper()}, path.name
    assert checked >= 20
