"""Large answers of minute bars come in pieces: the same rows in the same order, and little of them in memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from marketkeep.calendars import XNYS
from marketkeep.errors import NotFound
from marketkeep.query import minute_panel, minute_pieces
from marketkeep.query.minute_pieces import Piece, cut
from minute_keep import MinuteKeep
from minute_rows import delivered, minute

DAYS = XNYS.sessions(date(2024, 1, 29), date(2024, 3, 8))
SYMBOLS = ("AAPL", "BRK.B", "NA", "SPY")
CLOCKS = ("08:15", "09:30", "09:31", "10:02", "15:59", "16:30")
EX_SPLIT = date(2024, 3, 1)


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> MinuteKeep:
    """Four symbols' minutes over three months, with holes, and of AAPL daily bars, a split and a dividend."""
    made = MinuteKeep(tmp_path_factory.mktemp("minutes") / "keep")
    chance = random.Random(5)
    made.days({day: 40.0 if day < EX_SPLIT else 10.0 for day in DAYS})
    made.split(EX_SPLIT, 4)
    paid = {"symbol": "AAPL", "ex_date": DAYS[4], "kind": "dividend", "amount": 1.0, "text": "1", "basis": "as_traded"}
    made.receive(delivered([paid], "actions"), dataset="actions")
    made.take(
        *(
            minute(day, clock, 40.0 if day < EX_SPLIT else 10.0, symbol=symbol, volume=100.0 + chance.randint(0, 9))
            for symbol in SYMBOLS
            for day in DAYS
            for clock in CLOCKS
            if chance.random() < 0.8 and (symbol != "NA" or day >= date(2024, 2, 20))
        )
    )
    return made


@pytest.fixture(params=[1, 100, 200])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pieces of a month each, of some months or of a symbol or more."""
    rows: int = request.param
    monkeypatch.setattr(minute_pieces, "AT_ONCE", rows)
    return rows


@pytest.mark.parametrize("way", ["published", "panel", "mapped"])
def test_pieces_are_the_answer(keep: MinuteKeep, small: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put together the pieces are the frame, whatever is asked and whichever way it is read."""
    if way == "published":
        monkeypatch.setattr(minute_panel, "_complete", lambda _: False)
    if way == "panel":
        monkeypatch.setattr(minute_panel, "open_mapped", lambda *_: None)
        monkeypatch.setattr(minute_panel, "_FEW_FILES", 0)
        monkeypatch.setattr(minute_panel, "_MAPPED_ROWS", 0)
    opened, chance = keep.open(), random.Random(small)
    for _ in range(12):
        start, end = sorted((chance.choice(DAYS), chance.choice(DAYS)))
        query = opened.minute_bars(
            {"AAPL", *chance.sample(SYMBOLS, chance.randint(0, 3))},
            chance.choice([None, start]),
            chance.choice([None, end]),
            adjust=chance.choice(["none", "splits", "all"]),
            every=chance.choice([None, "1h", "session"]),
            segment=chance.choice([None, "regular", "pre"]),
            fields=chance.choice([None, ["close"]]),
        )
        pieces = list(query.pieces())
        assert pl.concat(pieces).equals(query.polars())
    assert len(list(opened.minute_bars(SYMBOLS).pieces())) > 1
    assert ("Reads the published" in opened.minute_bars(SYMBOLS).explain_plan()) == (way == "published")


@pytest.mark.usefixtures("small")
def test_clocks_and_pieces(keep: MinuteKeep) -> None:
    """What was known and what was recorded by then comes in pieces too."""
    opened = keep.open()
    for clocks in ({"as_of": DAYS[20]}, {"as_of": f"{DAYS[9]}T15:00:00"}, {"recorded_by": keep.now}):
        query = opened.minute_bars(SYMBOLS, adjust="all", **clocks)
        pieces = list(query.pieces())
        assert len(pieces) > 1
        assert pl.concat(pieces).equals(query.polars())


@pytest.mark.usefixtures("small")
def test_files_are_the_answer(keep: MinuteKeep, tmp_path: Path) -> None:
    """Parquet and CSV written in pieces have the rows of the frame; an answer without rows is a file with columns."""
    query = keep.open().minute_bars(SYMBOLS, adjust="all")
    expected = query.polars()
    assert pl.read_parquet(query.parquet(tmp_path / "all.parquet")).equals(expected)
    assert pl.read_csv(query.csv(tmp_path / "all.csv"), schema=expected.schema).equals(expected)
    none = keep.open().minute_bars(SYMBOLS, "2024-05-01")
    assert pl.read_parquet(none.parquet(tmp_path / "none.parquet")).equals(none.polars())


@pytest.mark.usefixtures("small")
def test_what_cannot_be_answered_leaves_no_file(keep: MinuteKeep, tmp_path: Path) -> None:
    """
    A symbol without minutes, and an action without a factor on the first session of a piece, are refused as they are
    where the answer is one frame.
    """
    with pytest.raises(NotFound, match="MSFT: no minute bars"):
        keep.open().minute_bars([*SYMBOLS, "MSFT"]).parquet(tmp_path / "out.parquet")
    bare = MinuteKeep(tmp_path / "bare")
    bare.take(*(minute(day, clock, 40.0) for day in DAYS for clock in CLOCKS))
    bare.split(EX_SPLIT, 4)
    with pytest.raises(NotFound, match=f"the split of {EX_SPLIT} has no factor"):
        bare.open().minute_bars("AAPL", adjust="splits").parquet(tmp_path / "out.parquet")
    after = bare.open().minute_bars("AAPL", EX_SPLIT, adjust="splits")
    assert pl.concat(after.pieces()).equals(after.polars())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare"]


def test_where_it_is_cut(keep: MinuteKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Symbols come together up to the bound; one beyond it alone, some months at a time within what is asked for."""
    catalog = keep.work.lake.catalog()
    first, last = DAYS[1], DAYS[-2]
    assert cut(catalog, ("SPY", "AAPL"), first, last, months=True) == [Piece(("AAPL", "SPY"), first, last)]
    monkeypatch.setattr(minute_pieces, "AT_ONCE", 50)
    found = cut(catalog, ("NA", "NONE", "AAPL"), first, last, months=True)
    assert [(one.symbols, one.first, one.last) for one in found] == [
        (("AAPL",), first, date(2024, 1, 31)),
        (("AAPL",), date(2024, 2, 1), date(2024, 2, 29)),
        (("AAPL",), date(2024, 3, 1), last),
        (("NA",), date(2024, 2, 20), date(2024, 2, 29)),
        (("NA",), date(2024, 3, 1), last),
        (("NONE",), first, last),
    ]
    assert [one.symbols for one in cut(catalog, SYMBOLS, None, None, months=False)] == [(one,) for one in SYMBOLS]


# --- memory ----------------------------------------------------------------------------------------------------------

_WRITE = """
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
import numpy as np
import polars as pl
import marketkeep
from marketkeep.model import ASKED, BATCHES, CATALOG, PANEL_MINUTES, PANELS, TICKERS, Policy
from marketkeep.query import minute_panel, minute_pieces
from marketkeep.stores.lake import Lake, write_catalog
from marketkeep.stores.panel.partition import write_partition

minute_pieces.AT_ONCE, minute_panel._FEW_FILES = 50_000, 0
root, symbols, minutes = Path(sys.argv[1]), 150, 8_000
names = [f"S{at:04d}" for at in range(symbols)]
lake = Lake(root)
lake.create(Policy(priority=("csv",)))
start = datetime(2024, 3, 1, 14, 30, tzinfo=UTC)
stamps = pl.datetime_range(start, start + timedelta(minutes=minutes - 1), "1m", eager=True)
chance = np.random.default_rng(3)

def bars(name):
    price = {key: chance.uniform(10, 20, minutes) for key in ("open", "high", "low", "close", "vwap")}
    told = {"symbol": [name] * minutes, "ts": stamps, "volume": price["open"] * 100, **price}
    frame = pl.DataFrame(told).with_columns(date=pl.col("ts").dt.date(), trade_count=5, segment=pl.lit("regular"),
        feed=pl.lit("sip"), source=pl.lit("csv"), score=100)
    return frame.select(pl.col(key).cast(kind) for key, kind in PANEL_MINUTES.schema.items())

def told(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) // 1024

def fresh():
    open("/proc/self/clear_refs", "w").write("5")
    return told("VmHWM")

write_partition(lake.files, "minute_bars", 202402, (bars(name) for name in names[:15]))
before = fresh()
row = write_partition(lake.files, "minute_bars", 202403, (bars(name) for name in names))
written = told("VmHWM") - before
entries = pl.DataFrame({"symbol": names}).with_columns(dataset=pl.lit("minute_bars"), period=202403, rows=minutes,
    first=row["first"], last=row["last"], hash=pl.lit(""), score=100.0, missing=pl.lit([], pl.List(pl.Date)))
write_catalog(lake.files, CATALOG.conform(entries), BATCHES.empty(), ASKED.empty(), TICKERS.empty(),
    pl.DataFrame([row], schema=PANELS.schema))
if sys.argv[2] == "panel":
    minute_panel._MAPPED_ROWS = 0
    minute_panel.open_mapped = lambda *_: None
keep, out = marketkeep.open(root), root.with_name("out")
keep.minute_bars(names[:3]).parquet(out)
before = fresh()
keep.minute_bars(names).parquet(out)
print(written, (root / row["key"]).stat().st_size // 2**20, told("VmHWM") - before)
assert pl.scan_parquet(out).select(pl.len()).collect().item() == symbols * minutes
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs what Linux tells of memory")
@pytest.mark.parametrize(("way", "most"), [("panel", 220), ("mapped", 120)])
def test_a_month_of_a_market_in_little_memory(tmp_path: Path, way: str, most: int) -> None:
    """
    To write a partition takes less memory than half the bytes of its file. To hand out its bars as Parquet takes some
    pieces of them, beside the pages of the file: as one frame they are 160 MB, and took 530 read from Parquet.
    """
    command = [sys.executable, "-c", _WRITE, str(tmp_path / "keep"), way]
    environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    written, size, handed = (int(one) for one in told.split())
    print(f"{way}: {written} MiB for a file of {size} MiB, {handed} MiB for its bars")
    assert written < size / 2
    assert handed < most
