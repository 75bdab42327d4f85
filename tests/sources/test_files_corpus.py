"""Recorded files of the corpus: each is read, or refused with a reason, and equals what another reader makes of it."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from marketkeep.errors import BadFile
from marketkeep.sources.files import FileForm, Tally, read, recognise

DAILY = (
    "kaggle/**/*.gz",
    "kaggle/**/*.txt",
    "misc_csv/**/*.gz",
    "alpha_vantage/daily_adjusted_csv/*",
    "quandl_wiki/*",
    "yahoo/download_csv/*",
    "yahoo/legacy_csv/*",
    "yahoo/historical/*.csv",
    "yahoo/price_defects/*",
    "lean/daily/*",
    "lean/hour/*",
)
# Those refused, by a part of their path: everything else must be read.
REFUSED = {
    "kaggle/huge_stock_market/tiny/": "the file holds no rows",
    "plotly-candlestick": "no date column",
    "IDay": "intraday bars: not a daily file",
    "-1h-": "intraday bars: not a daily file",
    "-1wk-": "weekly or monthly bars: not a daily file",
    "_1Y_M": "weekly or monthly bars: not a daily file",
    "fxQuoteRequest": "no date and close column",
    "simpleQuoteRequest": "no date and close column",
    "multiQuoteRequest": "no date and close column",
    "lean/hour/": "intraday bars: not a daily file",
}
PRICES = ("open", "high", "low", "close", "volume")


def _read(path: Path) -> tuple[FileForm, pl.DataFrame, Tally]:
    """A file read under its own name's symbol, or under `TEST` where the name tells none."""
    name, tally = path.name, Tally()
    with path.open("rb") as file:
        try:
            form = recognise(name, file)
        except BadFile as error:
            if not error.reason.startswith("no symbol"):
                raise
            form = recognise(name, file, symbol="TEST")
        frames = list(read(name, file, form, tally=tally))
    return form, pl.concat(one["daily_bars"] for one in frames), tally


def _paths(corpus: Path) -> list[Path]:
    return sorted({path for pattern in DAILY for path in corpus.glob(pattern) if path.is_file()})


def _outcome(path: Path) -> tuple[str, str]:
    """What became of a file, in a line, and the reason if it was refused."""
    try:
        form, bars, tally = _read(path)
    except BadFile as error:
        return f"refused: {error.reason[:60]}", error.reason
    kept = tally.actions if form.name == "actions_csv" else bars.height
    assert kept == tally.rows - tally.empty - tally.repeated, path.name
    return f"{form.name:11} {form.basis:14} {tally.rows:6} rows {tally.actions:3} actions {tally.empty} empty", ""


def test_every_file_is_read_or_refused(corpus: Path) -> None:
    """
    No recorded daily file is refused without being expected to be, and none that should be refused is read.
    """
    table = []
    for path in _paths(corpus):
        where = str(path.relative_to(corpus))
        expected = next((reason for part, reason in REFUSED.items() if part in where), "")
        outcome, refused = _outcome(path)
        assert bool(refused) == bool(expected), f"{where}: {outcome}"
        assert refused.startswith(expected), f"{where}: {outcome}"
        table.append(f"{where:75} {outcome}")
    print("\n".join(table))
    assert len(table) > 170


def _plain(path: Path) -> bytes:
    body = path.read_bytes()
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return archive.read(archive.namelist()[0])
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def _same(ours: list[Any], theirs: list[Any], where: str) -> None:
    assert len(ours) == len(theirs), where
    for mine, other in zip(ours, theirs, strict=True):
        unknown = other is None or other != other  # noqa: PLR0124  # NaN is what pandas has for unknown
        assert (mine is None) if unknown else mine == other, where


def test_equal_to_pandas(corpus: Path) -> None:
    """
    More than a hundred recorded files hold, row for row and to the last digit, what pandas reads from them.
    """
    compared, rows = set(), 0
    for path in _paths(corpus):
        try:
            form, bars, _ = _read(path)
        except BadFile:
            continue
        if form.name != "ohlcv_csv":
            continue
        theirs = pd.read_csv(io.BytesIO(_plain(path)), float_precision="round_trip", keep_default_na=True)
        theirs.columns = pd.Index([str(header).strip() for header in theirs.columns])
        wanted = [theirs.columns[form.positions[one]] for one in PRICES[:4] if one in form.positions]
        theirs = theirs.dropna(subset=wanted, how="all")
        days = theirs.iloc[:, form.positions["date"]].astype(str).str.replace("-", "").str[:8]
        assert bars["date"].dt.strftime("%Y%m%d").to_list() == days.to_list()
        for column in (*PRICES, "adj_close"):
            if column in form.positions:
                told = theirs.iloc[:, form.positions[column]].tolist()
                _same(bars[column].to_list(), told, f"{path.name} {column}")
            else:
                assert bars[column].null_count() == bars.height
        compared |= set(bars["symbol"].unique()) if form.symbol_from != "option" else {path.name}
        rows += bars.height
    assert len(compared) > 100
    assert rows > 400_000


def test_lean_equal_to_exact_decimals(corpus: Path) -> None:
    """
    LEAN's ten thousandths become the float nearest to the price, as Python divides them.
    """
    for path in sorted(corpus.glob("lean/daily/*.zip")):
        _, bars, _ = _read(path)
        rows = list(csv.reader(io.StringIO(_plain(path).decode())))
        assert bars["date"].to_list() == [date(int(r[0][:4]), int(r[0][4:6]), int(r[0][6:8])) for r in rows]
        for place, column in enumerate(PRICES, 1):
            scale = 1 if column == "volume" else 10_000
            assert bars[column].to_list() == [int(row[place]) / scale for row in rows], f"{path.name} {column}"
