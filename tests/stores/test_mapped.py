"""The maps of the panel: a partition's rows to the last bit, found by symbol, and noticed when they are spoilt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from marketkeep.errors import CorruptFile
from marketkeep.files import Folder
from marketkeep.model import PANEL_TABLES
from marketkeep.stores.panel.mapped import Source, folder, forget, open_mapped, sources
from marketkeep.stores.panel.mapped_build import build
from marketkeep.stores.panel.mapped_files import damaged, make, refresh
from panel_keep import partition

DAY = date(2024, 1, 2)


@pytest.fixture(autouse=True)
def _nothing_open() -> Iterator[None]:
    """
    What one test has open is not what the next one sees.
    """
    forget()
    yield
    forget()


def bars(symbols: int = 300, days: int = 5) -> pl.DataFrame:
    """
    Bars of many symbols: prices and volumes that are unknown, and names of sources of any length.
    """
    random = np.random.default_rng(3)
    rows = symbols * days
    names = [f"S{at:04d}" for at in range(symbols - 1)] + ["ZZZZZZZZZZ.PRDA~2015.2"]
    frame = pl.DataFrame(
        {
            "symbol": np.repeat(names, days),
            "date": [DAY + timedelta(days=at) for at in range(days)] * symbols,
            **{name: random.uniform(1, 9, rows) for name in ("open", "high", "low", "close", "volume")},
            "score": random.integers(0, 101, rows).astype(np.int16),
            "source": random.choice(["csv", "yahoo", "alpha_vantage", "a_source_with_a_long_name"], rows),
        }
    )
    unknown = pl.Series(random.random(rows) < 0.1)
    return frame.with_columns(pl.when(~unknown).then(pl.col("open", "volume")))


def minutes() -> pl.DataFrame:
    """
    Minute bars of two symbols, with counts that are unknown.
    """
    start = datetime(2024, 1, 2, 15, tzinfo=UTC)
    rows = [
        (symbol, start + timedelta(minutes=at), DAY, *[1.0] * 4, 5.0, None, None if at % 3 else at, "regular", "sip")
        for symbol in ("AAA", "BBB")
        for at in range(50)
    ]
    schema = {
        name: kind for name, kind in PANEL_TABLES["minute_bars"].schema.items() if name not in ("source", "score")
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    full = frame.with_columns(source=pl.lit("polygon"), score=pl.lit(100, pl.Int16))
    return full.select(list(PANEL_TABLES["minute_bars"].schema))


@pytest.mark.parametrize(
    ("dataset", "period", "frame"), [("daily_bars", 2024, bars()), ("minute_bars", 202401, minutes())]
)
def test_a_map_has_the_rows_of_its_partition(tmp_path: Path, dataset: str, period: int, frame: pl.DataFrame) -> None:
    """
    Every value is there, unknown ones too, in the types of the table; text is plain text.
    """
    files = Folder(tmp_path)
    source, _ = partition(files, dataset, period, frame)
    mapped = make(files, source)
    assert mapped is not None
    assert mapped.frame.equals(frame.select(list(PANEL_TABLES[dataset].schema)))
    assert mapped.frame.schema == pl.Schema(PANEL_TABLES[dataset].schema)


def test_the_index_tells_where_symbols_lie(tmp_path: Path) -> None:
    """
    The rows of each symbol are those between its start and the next; dates and sessions are as they are in the rows.
    """
    files, frame = Folder(tmp_path), bars()
    mapped = make(files, partition(files, "daily_bars", 2024, frame)[0])
    assert mapped is not None
    assert mapped.symbols == frame["symbol"].unique().sort().to_list()
    assert mapped.starts.tolist() == list(range(0, len(frame) + 1, 5))
    assert mapped.days.tolist() == frame["date"].to_physical().to_list()
    assert mapped.sessions.tolist() == frame["date"].unique().sort().to_physical().to_list()
    assert np.isnan(mapped.values("volume")).sum() == frame["volume"].null_count()


def test_pages_let_go_come_back(tmp_path: Path) -> None:
    """
    A column whose pages were let go of reads as before.
    """
    files, frame = Folder(tmp_path), bars()
    mapped = make(files, partition(files, "daily_bars", 2024, frame)[0])
    assert mapped is not None
    before = mapped.frame
    mapped.release("close")
    mapped.release("source")
    mapped.release_all()
    assert before.equals(frame)


# --- made, kept, removed ---------------------------------------------------------------------------------------------


def test_made_once(tmp_path: Path) -> None:
    """
    A map that is there is opened, not made again, by whoever asks next.
    """
    files = Folder(tmp_path)
    source, _ = partition(files, "daily_bars", 2024, bars())
    assert open_mapped(files.scratch, source) is None
    first = make(files, source)
    (tmp_path / source.key).unlink()
    assert make(files, source) is first
    assert open_mapped(files.scratch, source) is first
    assert [path.name for path in folder(files.scratch).iterdir()] == [source.name]


def test_a_cut_map_is_made_again(tmp_path: Path) -> None:
    """
    A file that ends too early, is empty or is something else counts as none.
    """
    files, frame = Folder(tmp_path), bars()
    source, _ = partition(files, "daily_bars", 2024, frame)
    make(files, source)
    path = folder(files.scratch) / source.name
    whole = path.read_bytes()
    for spoilt in (whole[: len(whole) // 2], b"", b"something else", whole[:-1]):
        forget()
        path.write_bytes(spoilt)
        assert open_mapped(files.scratch, source) is None
        again = make(files, source)
        assert again is not None
        assert again.frame.equals(frame)
    assert path.read_bytes() == whole


def test_damage_is_found_by_the_content(tmp_path: Path) -> None:
    """
    A map whose rows are not those of the catalog is named and removed; sound ones stay.
    """
    files, frame = Folder(tmp_path), bars()
    source, panels = partition(files, "daily_bars", 2024, frame)
    other, more = partition(files, "daily_bars", 2023, frame)
    panels = pl.concat([panels, more])
    mapped = make(files, source)
    make(files, other)
    assert mapped is not None
    assert damaged(files, panels) == []
    path = folder(files.scratch) / source.name
    data = bytearray(path.read_bytes())
    at = data.find(np.float64(mapped.values("close")[77]).tobytes())
    data[at + 3] ^= 1
    path.write_bytes(data)
    forget()
    assert damaged(files, panels) == [source.name]
    assert not path.exists()
    assert (folder(files.scratch) / other.name).exists()
    assert make(files, source) is not None


def test_the_writer_renews_what_is_mapped_here(tmp_path: Path) -> None:
    """
    A partition that changed is mapped anew where it was mapped before, and not where it never was; the old map is
    removed, and stays whole for who has it open.
    """
    files, frame = Folder(tmp_path), bars()
    source, panels = partition(files, "daily_bars", 2024, frame)
    _, unmapped = partition(files, "daily_bars", 2023, frame)
    old = make(files, source)
    assert old is not None
    changed = frame.with_columns(close=pl.col("close") * 2)
    source, panels = partition(files, "daily_bars", 2024, changed)
    refresh(files, pl.concat([panels, unmapped]))
    assert [path.name for path in folder(files.scratch).iterdir()] == [source.name]
    new = open_mapped(files.scratch, source)
    assert new is not None
    assert new.frame.equals(changed)
    assert old.frame.equals(frame)
    refresh(files, panels.clear())
    assert list(folder(files.scratch).iterdir()) == []


def test_a_partition_that_is_not_what_was_told_is_refused(tmp_path: Path) -> None:
    """
    A partition that is lost or was replaced since is never mapped under the old name.
    """
    files, frame = Folder(tmp_path), bars()
    source, _ = partition(files, "daily_bars", 2024, frame)
    partition(files, "daily_bars", 2024, frame.head(5))
    with pytest.raises(CorruptFile, match="its bytes differ from the hash in the catalog"):
        make(files, source)
    (tmp_path / source.key).unlink()
    with pytest.raises(CorruptFile, match="it cannot be read"):
        make(files, source)
    assert not folder(files.scratch).exists() or list(folder(files.scratch).iterdir()) == []


def test_what_is_no_panel_is_refused(tmp_path: Path) -> None:
    """
    Rows that are not sorted by symbol, or without a symbol, leave nothing behind.
    """
    for frame in (bars().reverse(), bars().drop("symbol")):
        frame.write_parquet(tmp_path / "rows.parquet")
        with pytest.raises(CorruptFile, match="the panel"):
            build(pa.py_buffer((tmp_path / "rows.parquet").read_bytes()), tmp_path / "mapped" / "rows.arrow")
        assert list((tmp_path / "mapped").iterdir()) == []


def test_where_nothing_can_be_written_there_is_no_map(tmp_path: Path) -> None:
    """
    A scratch folder that cannot be made gives no map and no error; the writer leaves it alone too.
    """
    files = Folder(tmp_path / "keep")
    source, panels = partition(files, "daily_bars", 2024, bars())
    shutil.rmtree(files.scratch)
    files.scratch.write_text("in the way")
    assert make(files, source) is None
    refresh(files, panels)
    assert damaged(files, panels) == []


def test_sources_follow_their_dates(tmp_path: Path) -> None:
    """
    The partitions of a dataset come by date, whatever their periods are called.
    """
    files, frame = Folder(tmp_path), minutes()
    later = frame.with_columns(pl.col("ts", "date") + timedelta(days=31))
    rows = [partition(files, "minute_bars", *one)[1] for one in ((20240202, later), (202401, frame))]
    assert [one.period for one in sources(pl.concat(rows), "minute_bars")] == [202401, 20240202]
    assert sources(pl.concat(rows), "daily_bars") == []


# --- many readers ----------------------------------------------------------------------------------------------------

_READER = """
import sys
from datetime import date
from pathlib import Path
from marketkeep.errors import CorruptFile
from marketkeep.files import Folder
from marketkeep.stores.panel.mapped import Source, forget
from marketkeep.stores.panel.mapped_files import make
root, told, stop = (Path(one) for one in sys.argv[1:])
seen = set()
while not stop.exists() or len(seen) < 1:
    key, rows, digest = told.read_text().split()
    source = Source("daily_bars", 2024, key, int(rows), date(2024, 1, 2), date(2024, 1, 6), digest)
    try:
        mapped = make(Folder(root), source)
    except CorruptFile:
        continue
    if mapped is None:
        continue
    [scale] = set((mapped.values("close")).tolist())
    assert mapped.frame["close"].unique().to_list() == [scale]
    seen.add(scale)
    forget()
print(len(seen))
"""


def test_readers_go_on_while_a_writer_replaces(tmp_path: Path) -> None:
    """
    Processes that open, make and read maps see one version or the next, never a mixture, and none of them fails.
    """
    files, told, stop = Folder(tmp_path / "keep"), tmp_path / "told", tmp_path / "stop"

    def publish(value: float) -> None:
        source, panels = partition(files, "daily_bars", 2024, bars(50).with_columns(close=pl.lit(value)))
        aside = tmp_path / "aside"
        aside.write_text(f"{source.key} {source.rows} {source.hash}")
        aside.replace(told)
        refresh(files, panels)

    publish(0.0)
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-c", _READER, str(files.root), str(told), str(stop)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(3)]
    try:
        for value in range(1, 40):
            publish(float(value))
    finally:
        stop.touch()
        answers = [reader.communicate(timeout=60)[0] for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0, 0]
    assert all(int(answer) >= 1 for answer in answers)
    assert len(list(folder(files.scratch).glob("*.arrow"))) <= 2


# --- memory ----------------------------------------------------------------------------------------------------------

_BUILD = """
import sys
from pathlib import Path
import pyarrow as pa
from marketkeep.stores.panel.mapped_build import build
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
source = Path(sys.argv[1])
build(pa.py_buffer(source.read_bytes()), source.with_name("warm.arrow"))
open("/proc/self/clear_refs", "w").write("5")
before = peak()
build(pa.memory_map(str(sys.argv[2])).read_buffer(), source.with_name("big.arrow"))
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs what Linux tells of memory")
def test_a_map_is_made_in_little_memory(tmp_path: Path) -> None:
    """
    Making a map needs, beside the pages of the partition it reads, less memory than half of it, whatever its size.
    """
    files = Folder(tmp_path)
    small, _ = partition(files, "daily_bars", 2023, bars(1200, 250))
    source, _ = partition(files, "daily_bars", 2024, bars(6000, 250))
    command = [sys.executable, "-c", _BUILD, str(tmp_path / small.key), str(tmp_path / source.key)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    mapped = (tmp_path / small.key).with_name("big.arrow").stat().st_size
    assert int(told.stdout) - (tmp_path / source.key).stat().st_size < mapped / 2


def test_a_source_is_named_by_its_hash() -> None:
    """
    The name of a map tells the dataset, the period and the bytes it was made from.
    """
    name = Source("daily_bars", 2024, "key", 1, DAY, DAY, "ab" * 32).name
    assert name == f"daily_bars-2024-{'ab' * 20}-1.arrow"
