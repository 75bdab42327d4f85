"""The LEAN export: what goes out comes in again, and equals what LEAN ships itself."""

from __future__ import annotations

import random
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.errors import BadInput, NotFound
from marketkeep.export.lean import daily_zip, factor_file, map_file, write_lean
from marketkeep.model import ACTIONS, TICKER_HISTORY, Symbol
from marketkeep.sources.files import read, recognise
from proofs.keeps import make_keep
from proofs.lean_files import daily_lines, day, factor_rows

PRICES = ["symbol", "date", "open", "high", "low", "close", "volume"]
DAYS = XNYS.sessions(date(2019, 1, 2), date(2020, 1, 1))
# By session number: an odd ratio, a reverse split, a dividend, a split and a dividend of one day, a special dividend.
STORY = {
    40: [("split", "1046:1000")],
    80: [("split", "1:10")],
    120: [("dividend", "0.3725")],
    160: [("split", "3:2"), ("dividend", "1.1")],
    200: [("special", "12.5")],
}
# Apple's and IBM's next dividends after the end of Alpha Vantage's files, as both companies declared them.
LATER = "symbol,date,kind,amount\nAAPL,2021-02-05,dividend,0.205\nIBM,2021-02-09,dividend,1.63\n"


STEPS = {40: 1.046, 80: 0.1, 160: 1.5}
"""By position of the ex-date what prices before a split are divided by: a split that they do not follow is none."""


def told_bars(symbol: str, seed: int) -> str:
    """Bars that wander, in ten thousandths, without the session before each event; one volume is unknown."""
    chance = random.Random(seed)
    close, lines = 180.0, ["symbol,date,open,high,low,close,volume"]
    for number, session in enumerate(DAYS):
        before = round(close / STEPS.get(number, 1.0), 4)
        close = round(before * (1 + chance.uniform(-0.02, 0.02)), 4)
        high, low = max(before, close) + 0.5, min(before, close) - 0.5
        volume = chance.randrange(10**6)
        if number + 1 not in STORY:
            lines.append(f"{symbol},{session},{before:.4f},{high:.4f},{low:.4f},{close:.4f},{volume}")
    return "\n".join(lines) + "\n"


def told_actions(symbol: str) -> str:
    """The story as a file of actions."""
    rows = [f"{symbol},{DAYS[at]},{kind},{value}" for at, told in STORY.items() for kind, value in told]
    return "\n".join(["symbol,date,kind,value", *rows]) + "\n"


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """Two symbols with every kind of action."""
    folder = tmp_path_factory.mktemp("story")
    made = make_keep(folder / "keep")
    for seed, symbol in enumerate(["BRK.B", "XYZ"]):
        (folder / f"bars-{seed}.csv").write_text(told_bars(symbol, seed))
        (folder / f"actions-{seed}.csv").write_text(told_actions(symbol))
        made.take(folder / f"bars-{seed}.csv", folder / f"actions-{seed}.csv")
    return made.open()


@pytest.fixture(scope="module")
def leans(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """LEAN's closes with Alpha Vantage's dividends and splits, and the two dividends that came later."""
    folder = tmp_path_factory.mktemp("leans")
    (folder / "later.csv").write_text(LATER)
    made = make_keep(folder / "keep", priority=("lean", "csv"))
    made.take(*(corpus / f"alpha_vantage/daily_adjusted_csv/daily_adjusted_{one}.csv.gz" for one in ("AAPL", "IBM")))
    made.take(*(corpus / f"lean/daily/{one}.zip" for one in ("aapl", "ibm")))
    made.take(folder / "later.csv")
    return made.open()


def taken_again(keep: marketkeep.Keep, symbols: list[str], folder: Path) -> marketkeep.Keep:
    """A keep of its own, made from nothing but the exported folder."""
    write_lean(keep, symbols, folder / "lean")
    made = make_keep(folder / "again")
    assert made.take(folder / "lean").passed_over == ()
    return made.open()


def same_factors(ours: pl.DataFrame, again: pl.DataFrame) -> float:
    """The worst relative difference of factors, event by event; the events themselves must be the same."""
    steps = [
        frame.group_by("symbol", "ex_date", maintain_order=True).agg(pl.col("adjustment_factor").product())
        for frame in (ours.sort("symbol", "ex_date"), again.sort("symbol", "ex_date"))
    ]
    assert steps[0].select("symbol", "ex_date").equals(steps[1].select("symbol", "ex_date"))
    return float((steps[0]["adjustment_factor"] / steps[1]["adjustment_factor"] - 1).abs().max())  # type: ignore[arg-type]


def test_round_trip(keep: marketkeep.Keep, tmp_path: Path) -> None:
    """
    What is exported and ingested again has equal bars, the same splits, and factors equal to LEAN's seven places.
    """
    symbols = ["BRK.B", "XYZ"]
    again = taken_again(keep, symbols, tmp_path)
    assert again.bars(symbols).polars().select(PRICES).equals(keep.bars(symbols).polars().select(PRICES))
    splits = [
        one.actions(symbols).filter(pl.col("kind") == "split").select("symbol", "ex_date", "numerator", "denominator")
        for one in (keep, again)
    ]
    assert splits[0].height == 6
    assert splits[0].equals(splits[1])
    applied = keep.actions(symbols).filter(pl.col("adjustment_factor").is_not_null())
    assert applied.height == 12
    assert same_factors(applied, again.actions(symbols)) <= 2e-7


def test_adjusted_prices_survive(keep: marketkeep.Keep, tmp_path: Path) -> None:
    """
    Adjusted closes of the keep made from the export are those of the first, to LEAN's seven places.
    """
    again = taken_again(keep, ["XYZ"], tmp_path)
    ours, theirs = (one.bars("XYZ").polars()["adj_close"] for one in (keep, again))
    assert ((ours / theirs - 1).abs() <= 5e-7).all()


def test_real_round_trip(leans: marketkeep.Keep, tmp_path: Path) -> None:
    """
    Apple and IBM since 1998, exported and ingested again: bars equal exactly, factors to LEAN's seven places.
    """
    symbols = ["AAPL", "IBM"]
    again = taken_again(leans, symbols, tmp_path)
    ours = leans.bars(symbols).polars().select(PRICES)
    assert ours.height > 11_600
    assert again.bars(symbols).polars().select(PRICES).equals(ours)
    worst = same_factors(leans.actions(symbols), again.actions(symbols))
    print(f"{ours.height} bars equal, {leans.actions(symbols).height} actions, worst factor off by {worst:.1e}")
    assert worst <= 1e-7


@pytest.mark.parametrize(("symbol", "rows"), [("AAPL", 41), ("IBM", 87)])
def test_factor_file_is_leans(leans: marketkeep.Keep, corpus: Path, tmp_path: Path, symbol: str, rows: int) -> None:
    """
    Each line since Alpha Vantage's first day, rounded to seven places, is the line that LEAN ships.
    """
    _, written, _ = write_lean(leans, symbol, tmp_path)
    theirs = factor_rows(corpus / f"lean/factor_files/{symbol.lower()}.csv")
    ours = {row.session: row for row in factor_rows(written)}
    # IBM's events before Alpha Vantage's first day are not told here; the first line sums up all that are told.
    told = [row for row in theirs if symbol == "AAPL" or row.session >= date(1999, 11, 1)]
    seven = [
        row.session
        for row in told
        if (row.price, round(row.split, 7), row.close)
        == (ours[row.session].price, round(ours[row.session].split, 7), ours[row.session].close)
    ]
    letters = [row.session for row in told if row.text == ours[row.session].text]
    print(f"{symbol}: {len(told)} lines, {len(seven)} equal to seven places, {len(letters)} to the letter")
    assert len(told) == rows
    assert seven == [row.session for row in told]
    # LEAN wrote Apple's 1/56 and 1/28 with six significant digits.
    assert len(letters) == len(told) - (10 if symbol == "AAPL" else 0)


def test_daily_lines_are_leans(leans: marketkeep.Keep, corpus: Path, tmp_path: Path) -> None:
    """
    The daily bars that came from LEAN go out as the very lines that LEAN ships.
    """
    for symbol in ("aapl", "ibm"):
        written, _, _ = write_lean(leans, symbol, tmp_path)
        assert daily_lines(written) == daily_lines(corpus / f"lean/daily/{symbol}.zip")


def test_same_bars_same_bytes(keep: marketkeep.Keep, tmp_path: Path) -> None:
    """
    Two exports of one keep are the same files, byte for byte.
    """
    first, second = (write_lean(keep, ["XYZ", "BRK.B"], tmp_path / name) for name in ("one", "two"))
    assert [path.relative_to(tmp_path / "one").as_posix() for path in first] == [
        f"equity/usa/{kind}/{name}"
        for ticker in ("brk.b", "xyz")
        for kind, name in (
            ("daily", f"{ticker}.zip"),
            ("factor_files", f"{ticker}.csv"),
            ("map_files", f"{ticker}.csv"),
        )
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    for path in (one for one in first if one.suffix == ".zip"):
        with zipfile.ZipFile(path) as archive:
            assert [one.date_time for one in archive.infolist()] == [(1980, 1, 1, 0, 0, 0)]


def test_what_cannot_be_written_leaves_nothing(keep: marketkeep.Keep, tmp_path: Path) -> None:
    """
    A symbol that is no equity, or that has no bars, is refused before the first file is written.
    """
    with pytest.raises(BadInput, match="BTC-USD"):
        write_lean(keep, ["XYZ", "BTC-USD"], tmp_path)
    with pytest.raises(NotFound, match="NOSUCH"):
        write_lean(keep, ["XYZ", "NOSUCH"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def bars(days: list[date], **columns: list[float | None]) -> pl.DataFrame:
    """Bars of `XYZ` on these days, all prices 10 and volume 100 unless said otherwise."""
    told = {name: columns.get(name, [10.0] * len(days)) for name in ("open", "high", "low", "close")}
    volume = columns.get("volume", [100.0] * len(days))
    return pl.DataFrame({"symbol": ["XYZ"] * len(days), "date": days, **told, "volume": volume})


def test_what_lean_has_no_word_for(tmp_path: Path) -> None:
    """
    A bar without an open is left out, an unknown volume becomes 0, and prices are rounded to ten thousandths.
    """
    days = DAYS[:3]
    body = daily_zip(bars(days, open=[None, 10.00004, 10.00006], volume=[1.0, None, 2.4]))
    (tmp_path / "xyz.zip").write_bytes(body)
    assert daily_lines(tmp_path / "xyz.zip") == [
        f"{days[1]:%Y%m%d} 00:00,100000,100000,100000,100000,0",
        f"{days[2]:%Y%m%d} 00:00,100001,100000,100000,100000,2",
    ]


def test_several_symbols_are_refused() -> None:
    """
    A LEAN file holds one symbol; bars of two are refused.
    """
    with pytest.raises(BadInput, match="2"):
        daily_zip(pl.concat([bars(DAYS[:1]), bars(DAYS[:1]).with_columns(symbol=pl.lit("ABC"))]))


def test_an_action_needs_the_close_before_it() -> None:
    """
    Bars that begin on or after an applied action's ex-date are refused, because its line would have no close.
    """
    row = {
        "symbol": "XYZ",
        "ex_date": DAYS[0],
        "kind": "split",
        "numerator": 2,
        "denominator": 1,
        "adjustment_factor": 0.5,
    }
    actions = pl.DataFrame([row], schema=ACTIONS.schema)
    with pytest.raises(BadInput, match="hand in all bars"):
        factor_file(bars(DAYS[:2]), actions)
    with pytest.raises(BadInput, match="no bars"):
        factor_file(bars([]), ACTIONS.empty())


def test_factor_file_without_actions() -> None:
    """
    A security that nothing happened to has a first line and a last one, both of them 1.
    """
    assert factor_file(bars(DAYS[:2]), ACTIONS.empty()) == "20190102,1,1,1\n20501231,1,1,0"


def test_map_file_tells_renames_and_the_end() -> None:
    """
    Each ticker stands beside its last session; without a delisting the last one runs on to the end of LEAN's time.
    """
    symbol, first = Symbol("META"), date(2012, 5, 18)
    assert map_file(symbol, first) == "20120518,meta\n20501231,meta"
    told = [("FB", "META", "FB", "META", date(2022, 6, 9), "lean")]
    renamed = pl.DataFrame(told, schema=TICKER_HISTORY.schema, orient="row")
    assert map_file(symbol, first, renamed) == "20120518,fb\n20220608,fb\n20501231,meta"
    ended = pl.DataFrame(
        [*told, ("FB", "META", "META", None, date(2023, 1, 3), "lean")], schema=TICKER_HISTORY.schema, orient="row"
    )
    assert map_file(symbol, first, ended) == "20120518,fb\n20220608,fb\n20221230,meta"


def test_map_file_comes_in_again(tmp_path: Path, corpus: Path) -> None:
    """
    LEAN's own map files, written again from what we read from them, are the same but for the exchange.
    """
    for path in sorted((corpus / "lean/map_files").glob("*.csv")):
        with path.open("rb") as stream:
            form = recognise(path.name, stream)
            history = pl.concat(one["ticker_history"] for one in read(path.name, stream, form))
        lines = [line.rpartition(",")[0] for line in path.read_text().split()]
        assert map_file(Symbol(form.symbol or ""), day(lines[0]), history).split() == lines, path.name
