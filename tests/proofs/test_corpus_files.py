"""Every file of the corpus that a user may hand in comes to rows or to a reason."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from proofs.corpus_files import FOLDERS, verdicts
from proofs.verdicts import Verdict, files_of, table

# A part of the path, and of the reason for which such files are refused; everything else is read.
REFUSED = {
    "kaggle/huge_stock_market/tiny/": "the file holds no rows",
    "lean/crypto/coinbase/minute/": "intraday bars: not a daily file",
    "lean/crypto/": "LEAN bars with decimals or other fields (crypto, quotes) are not read",
    "lean/hour/": "intraday bars: not a daily file",
    "lean/minute/": "intraday bars: not a daily file",
    "lean/second/": "intraday bars: not a daily file",
    "lean/market-hours-database": "a web page or JSON, not a text table",
    "minute/backtrader": "8 fields where the header has 7",
    "minute/nt-spy": "the first line is no header",
    "plotly-candlestick": "no date column",
    "tiingo/recorded/list_": "no date and close column",
    "tiingo/recorded/": "a web page or JSON, not a text table",
}


@pytest.fixture(scope="module")
def judged(corpus: Path) -> dict[str, Verdict]:
    """Every verdict by path."""
    found = list(verdicts(corpus))
    print("\n".join(table(found)))
    return {one.path: one for one in found}


def test_every_file_is_read_or_refused_as_expected(judged: dict[str, Verdict], corpus: Path) -> None:
    """
    No file is left out; none is refused without being expected to be, and none that should be is read.
    """
    files = [path.relative_to(corpus).as_posix() for folder in FOLDERS for path in files_of(corpus, folder)]
    assert sorted(judged) == sorted(files)
    for path, one in judged.items():
        expected = next((reason for part, reason in REFUSED.items() if part in path), None)
        assert (one.refused is None) == (expected is None), f"{path}: {one.refused}"
        assert (expected or "") in (one.refused or ""), f"{path}: {one.refused}"


def test_rows_are_counted_as_the_files_hold_them(judged: dict[str, Verdict], corpus: Path) -> None:
    """
    Each line of LEAN's daily files is a bar; a map file has a row for every change of a ticker, none where none was.
    """
    for path in sorted((corpus / "lean/daily").iterdir()):
        with zipfile.ZipFile(path) as archive:
            lines = len(archive.read(archive.namelist()[0]).decode().splitlines())
        assert judged[f"lean/daily/{path.name}"].rows == {"daily_bars": lines}
    for path in sorted((corpus / "lean/map_files").iterdir()):
        tickers = [row[1] for row in csv.reader(io.StringIO(path.read_text())) if row]
        last = path.read_text().strip().rsplit("\n", 1)[-1]
        changes = sum(a != b for a, b in pairwise(tickers)) + (not last.startswith("2050"))
        assert judged[f"lean/map_files/{path.name}"].rows == {"ticker_history": changes}


def test_sums_over_the_folders(judged: dict[str, Verdict]) -> None:
    """
    As many rows come out as ever did: bars by the hundred thousand, actions and renames.
    """
    sums: dict[str, Counter[str]] = {folder: Counter() for folder in FOLDERS}
    for path, one in judged.items():
        sums[path.split("/")[0]].update(one.rows)
    assert sums["kaggle"]["daily_bars"] > 380_000
    assert sums["lean"] == {"daily_bars": 46_123, "actions": 525, "ticker_history": 11}
    assert sums["quandl_wiki"]["actions"] == 29
    assert sums["tiingo"] == sums["minute"] == {}
