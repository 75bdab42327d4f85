"""Files of real daily bars in several forms, ingested: what a query answers is what the files say, row for row."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marketkeep.calendars import XNYS
from proofs.file_rows import FORMS, Bar, Form, file_bars
from proofs.keeps import Made, make_keep

VALUES = ["open", "high", "low", "close", "volume"]
SESSIONS = frozenset(XNYS.sessions(XNYS.first, XNYS.last))
# Passed over in its folder, because its bars are a minute's.
MINUTES = "SP500_NOV2019_IDay.csv.gz"
# Every row that the recorded files hold on days on which New York did not trade, and no other, is refused.
REFUSED = {"Stooq, adjusted": 4, "five years, one file": 450}
SPLITS = {date(2014, 6, 9): 7.0, date(2020, 8, 31): 4.0}


def refusal(day: date, bar: Bar) -> str:
    """Why a row must not become gold, empty where it may; written again here, from the data dictionary's words."""
    *prices, volume = bar
    close, known = prices[3], [price for price in prices if price is not None]
    high, low = prices[1], prices[2]
    if day not in SESSIONS:
        return "not_a_session"
    if close is None:
        return "price_missing"
    if any(price <= 0 for price in known):
        return "price_not_positive"
    if high is not None and low is not None and high < low * (1 - 1e-6):
        return "high_below_low"
    return "volume_negative" if volume is not None and volume < 0 else ""


def told_by(form: Form, corpus: Path) -> tuple[dict[str, dict[date, Bar]], Counter[str], int, int]:
    """What the files of a form tell by symbol and day; refused rows by symbol and check; files; rows."""
    told: dict[str, dict[date, Bar]] = {}
    refused: Counter[str] = Counter()
    files = [one for path in form.paths for one in sorted((corpus / path).iterdir()) if one.name != MINUTES]
    rows = 0
    for path in files:
        for symbol, day, bar in file_bars(form, path):
            rows += 1
            if why := refusal(day, bar):
                refused[f"{symbol} {why}"] += 1
            else:
                days = told.setdefault(symbol, {})
                assert day not in days, f"{path.name} tells {symbol} {day} again"
                days[day] = bar
    return told, refused, len(files), rows


def test_query_equals_the_files(corpus: Path, tmp_path: Path) -> None:
    """
    Each row of each file is answered with the file's own values, unless a check refuses it, and none is made up.
    """
    symbols: set[str] = set()
    table = [f"{'form':30} {'files':>5} {'symbols':>7} {'rows':>7} {'equal':>7} {'refused by check'}"]
    for number, form in enumerate(FORMS):
        made = make_keep(tmp_path / str(number))
        taken = made.take(*(corpus / path for path in form.paths))
        told, refused, files, rows = told_by(form, corpus)
        assert [path.name for path, _ in taken.passed_over] == ([MINUTES] if form.name == "Yahoo download" else [])
        assert len(taken.taken) == files
        equal = equal_rows(made, told)
        assert equal == sum(map(len, told.values()))
        assert findings(made) == refused
        assert equal + refused.total() == rows
        assert refused.total() == REFUSED.get(form.name, 0)
        assert {one.split()[1] for one in refused} <= {"not_a_session"}
        shown = f"not_a_session {refused.total()}" if refused else "-"
        table.append(f"{form.name:30} {files:5} {len(told):7} {rows:7} {equal:7} {shown}")
        symbols |= set(told)
    print("\n".join(table), f"\n{len(symbols)} symbols in all")
    assert len(symbols) >= 50


def equal_rows(made: Made, told: dict[str, dict[date, Bar]]) -> int:
    """How many rows are answered as told; an answer that differs, is missing or was not told stops the test."""
    keep = made.open()
    assert keep.symbols() == sorted(told)
    for symbol, days in told.items():
        answer = keep.bars(symbol).polars().select("date", *VALUES)
        assert answer.rows() == [(day, *days[day]) for day in sorted(days)], symbol
    return sum(map(len, told.values()))


def findings(made: Made) -> Counter[str]:
    """What the keep's own findings say was refused, by symbol and check."""
    errors = made.open().findings().filter(pl.col("severity") == "error")
    told: Counter[str] = Counter()
    for symbol, check, count in errors.select("symbol", "check", "count").rows():
        told[f"{symbol} {check}"] += count
    return told


def yfinance_rows(path: Path) -> dict[date, Bar]:
    """A yfinance export's bars on New York's sessions."""
    with gzip.open(path, "rt") as file:
        rows = [
            (
                date.fromisoformat(next(iter(row.values()))[:10]),
                tuple(float(row[name]) for name in ("Open", "High", "Low", "Close", "Volume")),
            )
            for row in csv.DictReader(file)
        ]
    return {day: bar for day, bar in rows if day in SESSIONS}


def split_adjusted(made: Made, symbol: str) -> list[tuple[object, ...]]:
    """Date, prices and volume brought to today's shares."""
    return made.open().bars(symbol, adjust="splits").polars().select("date", *VALUES).rows()


def test_recorded_yfinance_export_with_a_split(corpus: Path, tmp_path: Path) -> None:
    """
    A recorded yfinance export over a 5:1 split comes back as delivered when asked for adjusted for splits.
    """
    path = corpus / "yahoo/price_defects/4063-T-1d-bad-div-fixed.csv.gz"
    told = yfinance_rows(path)
    made = make_keep(tmp_path / "keep")
    made.take(path, symbol="SHECY")
    answer = split_adjusted(made, "SHECY")
    assert [row[0] for row in answer] == sorted(told)
    for day, *values in answer:
        assert values == pytest.approx(told[day], rel=1e-7), str(day)  # type: ignore[index]
    traded = {row[0]: row[1] for row in made.open().bars("SHECY").polars().select("date", "close").rows()}
    before, after = date(2023, 3, 29), date(2023, 3, 30)
    assert traded[before] == pytest.approx(5 * told[before][3], rel=1e-7)  # type: ignore[operator]
    assert traded[after] == told[after][3]
    print(f"recorded yfinance export: {len(answer)} rows equal as delivered, 5:1 split on {after}")


def as_yfinance(bars: pl.DataFrame) -> str:
    """As-traded bars as yfinance exports them: split-adjusted, and in single precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"])
    for day, *prices, volume in bars.select("date", *VALUES).rows():
        ratio = np.prod([split for ex_date, split in SPLITS.items() if ex_date > day])
        single = [repr(float(np.float32(price / ratio))) for price in prices]
        split = SPLITS.get(day, 0.0)
        writer.writerow([f"{day} 00:00:00-05:00", *single, single[3], int(volume * ratio), 0.0, split])
    return out.getvalue()


def test_yfinance_export_is_undone_to_the_cent(corpus: Path, tmp_path: Path) -> None:
    """
    Apple's as-traded bars over 7:1 and 4:1, put into yfinance's form, come back as traded to the last digit.
    """
    lean = make_keep(tmp_path / "lean")
    lean.take(corpus / "lean/daily/aapl.zip")
    # LEAN's Apple holds a few lows far from the market until 2012, of no use as a truth here.
    bars = lean.open().bars("AAPL", "2012-01-03").polars()
    path = tmp_path / "AAPL.csv"
    path.write_text(as_yfinance(bars))
    made = make_keep(tmp_path / "keep")
    made.take(path)
    answer = made.open().bars("AAPL").polars()
    assert answer.select("date", "volume").equals(bars.select("date", "volume"))
    exact = {name: int((answer[name] == bars[name]).sum()) for name in VALUES[:4]}
    worst = max(float((answer[name] / bars[name] - 1).abs().max()) for name in VALUES[:4])  # type: ignore[arg-type]
    print(f"yfinance's form of Apple: {bars.height} rows, exact {exact}, worst {worst:.1e}")
    delivered = {row[0]: row[1:] for row in csv_rows(path)}
    for day, *values in split_adjusted(made, "AAPL"):
        assert values == pytest.approx(delivered[day], rel=1e-7), str(day)  # type: ignore[index]
    assert exact == dict.fromkeys(VALUES[:4], bars.height)


def csv_rows(path: Path) -> list[tuple[date, float, float, float, float, float]]:
    """Date, prices and volume of a yfinance export, as delivered."""
    with path.open() as file:
        names = ("Open", "High", "Low", "Close", "Volume")
        return [
            (date.fromisoformat(row["Date"][:10]), *map(float, (row[name] for name in names)))
            for row in csv.DictReader(file)
        ]  # type: ignore[misc]
