"""Raw batches: append-only files named by their own hash, rows that know their lineage, and damage that is named."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketkeep.errors import CorruptFile
from marketkeep.model import RAW_TABLES, Batch, Lineage
from marketkeep.raw import BatchStore

AT = datetime(2024, 3, 5, 22, 30, 0, 123456, tzinfo=UTC)
MONDAY, TUESDAY = date(2024, 3, 4), date(2024, 3, 5)


def lineage(symbol: str = "AAPL", *, minutes: int = 0, rows: int = 1, refused: str | None = None) -> Lineage:
    """What one payload leaves behind."""
    return Lineage(
        f"sha256:{symbol}{minutes}",
        "landing/yahoo/pack.warc.gz",
        17,
        f"https://api.example.com/{symbol}?a=1",
        (symbol,),
        date(2024, 3, 1),
        date(2024, 3, 6),
        AT + timedelta(minutes=minutes),
        rows,
        ("http_503", "timeout"),
        refused,
    )


def rows(*told: tuple[str, date, float, int]) -> pl.DataFrame:
    """Raw bars of symbol, date, close and payload."""
    frame = pl.DataFrame(told, schema=["symbol", "date", "close", "payload"], orient="row")
    blank = {name: pl.lit(None) for name in ("open", "high", "low", "volume", "adj_close", "basis_date")}
    return RAW_TABLES["daily_bars"].conform(frame.with_columns(**blank, basis=pl.lit("as_traded")))


def write(store: BatchStore, *told: tuple[str, date, float, int], run: str = "run-1", minutes: int = 0) -> Batch:
    """Keep a batch of bars, one payload a symbol in order of appearance."""
    symbols = list(dict.fromkeys(symbol for symbol, *_ in told)) or ["AAPL"]
    made = store.write(
        "daily_bars",
        "yahoo",
        run,
        rows(*told),
        [lineage(symbol, minutes=minutes + i) for i, symbol in enumerate(symbols)],
    )
    assert made is not None
    return made


@pytest.fixture
def store(tmp_path: Path) -> BatchStore:
    """An empty store, in a folder whose name means something to globs and addresses."""
    return BatchStore(tmp_path / "keep [a] *?{b} %20 é")


def folder_of(store: BatchStore) -> Path:
    """Where a store's keep lies."""
    return Path(store.files.place)


def again(store: BatchStore) -> BatchStore:
    """The same store in another process: nothing remembered."""
    return BatchStore(folder_of(store))


def test_batch_is_named_by_time_and_hash(store: BatchStore) -> None:
    """
    The id is the time of the first payload and the hash of the file's bytes; the path tells dataset, source and day.
    """
    made = write(store, ("AAPL", TUESDAY, 2.0, 0), ("AAPL", MONDAY, 1.0, 0))
    digest = hashlib.sha256((folder_of(store) / made.path).read_bytes()).hexdigest()[:32]
    assert made.batch_id == f"20240305T223000123456-{digest}"
    assert made.path == f"raw/daily_bars/yahoo/2024-03-05/{made.batch_id}.parquet"
    assert (made.rows, made.first, made.last, made.run_id) == (2, MONDAY, TUESDAY, "run-1")
    assert again(store).load(made.path) == made


def test_same_content_twice_is_one_file(store: BatchStore) -> None:
    """
    Writing the same rows of the same payloads again, in any order of rows, finds the file already there.
    """
    first = write(store, ("AAPL", MONDAY, 1.0, 0), ("AAPL", TUESDAY, 2.0, 0))
    stamp = (folder_of(store) / first.path).stat().st_mtime_ns
    second = write(store, ("AAPL", TUESDAY, 2.0, 0), ("AAPL", MONDAY, 1.0, 0))
    assert second == first
    assert store.paths() == [first.path]
    assert (folder_of(store) / first.path).stat().st_mtime_ns == stamp


def test_other_content_is_another_file(store: BatchStore) -> None:
    """
    A changed value, payload or run is a new batch beside the old one, whose bytes stay.
    """
    first = write(store, ("AAPL", MONDAY, 1.0, 0))
    before = (folder_of(store) / first.path).read_bytes()
    others = [
        write(store, ("AAPL", MONDAY, 1.1, 0)),
        write(store, ("AAPL", MONDAY, 1.0, 0), run="run-2"),
        write(store, ("AAPL", MONDAY, 1.0, 0), minutes=1),
    ]
    assert len({first.path, *(one.path for one in others)}) == 4
    assert (folder_of(store) / first.path).read_bytes() == before
    assert store.paths()[-1] == others[-1].path


def test_there_is_no_way_to_change_or_remove(store: BatchStore) -> None:
    """
    The store writes new batches and reads; it has no other verbs.
    """
    public = {name for name in dir(store) if not name.startswith("_")}
    assert public == {"files", "seen", "write", "paths", "load", "load_all", "lineage", "run_of", "rows", "scan"}


def test_answers_without_rows_are_remembered(store: BatchStore) -> None:
    """
    A batch may hold no row and still tell what was asked and refused; nothing at all is no batch.
    """
    empty = RAW_TABLES["daily_bars"].empty()
    assert store.write("daily_bars", "yahoo", "run-1", empty, []) is None
    assert store.paths() == []
    made = store.write("daily_bars", "yahoo", "run-1", empty, [lineage(rows=0, refused="not_found")])
    assert made is not None
    assert (made.rows, made.first, made.last) == (0, None, None)
    [told] = again(store).load(made.path).lineage
    assert told == lineage(rows=0, refused="not_found")
    assert store.rows("daily_bars", [made.path]).is_empty()


def test_lineage_comes_back_whole(store: BatchStore) -> None:
    """
    Everything a row must remember is read back as it was, nothing that came from nowhere included.
    """
    told = [lineage("AAPL"), lineage("MSFT", minutes=3), Lineage(None, None, None, "u", (), None, None, AT)]
    made = store.write("daily_bars", "yahoo", "run-1", rows(("AAPL", MONDAY, 1.0, 0)), told)
    assert made is not None
    assert list(again(store).lineage(made.path)) == told
    assert again(store).run_of(made.path) == "run-1"


def test_rows_join_their_lineage(store: BatchStore) -> None:
    """
    Each row stands beside its own payload's source, time, digest and batch, across several batches.
    """
    one = write(store, ("AAPL", MONDAY, 1.0, 0), ("MSFT", MONDAY, 5.0, 1))
    two = write(store, ("AAPL", MONDAY, 1.5, 0), minutes=60)
    found = again(store).rows("daily_bars", [two.path, one.path])
    assert found.select("symbol", "close", "source", "fetched_at", "digest", "batch_id").rows() == [
        ("AAPL", 1.0, "yahoo", AT, "sha256:AAPL0", one.batch_id),
        ("AAPL", 1.5, "yahoo", AT + timedelta(minutes=60), "sha256:AAPL60", two.batch_id),
        ("MSFT", 5.0, "yahoo", AT + timedelta(minutes=1), "sha256:MSFT1", one.batch_id),
    ]
    assert set(RAW_TABLES["daily_bars"].schema) <= set(found.columns)


def test_rows_by_symbol_and_date(store: BatchStore) -> None:
    """
    Symbols and a range of dates, both ends included, narrow what is read.
    """
    path = write(store, ("AAPL", MONDAY, 1.0, 0), ("AAPL", TUESDAY, 2.0, 0), ("NA", MONDAY, 5.0, 1)).path
    assert store.rows("daily_bars", [path], symbols=["NA"])["close"].to_list() == [5.0]
    assert store.rows("daily_bars", [path], symbols=[])["close"].to_list() == []
    assert store.rows("daily_bars", [path], first=TUESDAY)["close"].to_list() == [2.0]
    assert store.rows("daily_bars", [path], last=MONDAY)["close"].to_list() == [1.0, 5.0]
    assert store.rows("daily_bars", [path], first=MONDAY, last=MONDAY, symbols=["AAPL"])["close"].to_list() == [1.0]


def test_recorded_by_hides_what_came_later(store: BatchStore) -> None:
    """
    Only payloads received by the instant are read, within one batch and across batches; the instant itself counts.
    """
    one = write(store, ("AAPL", MONDAY, 1.0, 0), ("MSFT", MONDAY, 5.0, 1))
    two = write(store, ("AAPL", MONDAY, 1.5, 0), minutes=60)
    paths = [one.path, two.path]

    def closes(moment: datetime) -> list[float]:
        return store.rows("daily_bars", paths, recorded_by=moment)["close"].to_list()

    assert closes(AT - timedelta(microseconds=1)) == []
    assert closes(AT) == [1.0]
    assert closes(AT + timedelta(minutes=1)) == [1.0, 5.0]
    assert closes(AT + timedelta(minutes=60)) == [1.0, 1.5, 5.0]


def test_no_batches_no_rows(store: BatchStore) -> None:
    """
    Without batches there is an empty frame with all columns.
    """
    found = store.rows("daily_bars", [])
    assert found.is_empty()
    assert {*RAW_TABLES["daily_bars"].schema, "source", "fetched_at", "digest", "batch_id"} == set(found.columns)
    assert store.paths() == []


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("place", ["first", "middle", "footer", "last", "cut", "empty", "gone"])
def test_flipped_byte_is_named_and_others_still_read(store: BatchStore, place: str) -> None:
    """
    A file whose bytes are not those of its name is `CorruptFile` naming it, whatever is asked of it; others read on.
    """
    bad = write(store, *((f"A{n}", MONDAY, 1.0, n) for n in range(40)))
    good = write(store, ("MSFT", MONDAY, 5.0, 0), minutes=60)
    path = folder_of(store) / bad.path
    size = path.stat().st_size
    if place == "gone":
        path.unlink()
    elif place in ("cut", "empty"):
        path.write_bytes(path.read_bytes()[: size // 2 if place == "cut" else 0])
    else:
        flip(path, {"first": 0, "middle": size // 3, "footer": size - 60, "last": size - 1}[place])
    fresh = again(store)
    for ask in (
        lambda: fresh.load(bad.path),
        lambda: fresh.rows("daily_bars", [good.path, bad.path]),
        lambda: fresh.rows("daily_bars", [bad.path], symbols=["ZZZ"]),
    ):
        with pytest.raises(CorruptFile) as caught:
            ask()
        assert caught.value.path == path
        assert str(path) in str(caught.value)
    assert fresh.load(good.path) == good
    assert fresh.rows("daily_bars", [good.path])["close"].to_list() == [5.0]


@pytest.mark.parametrize("size", [0, 3, 100])
def test_header_of_a_cut_file_is_corrupt_too(store: BatchStore, size: int) -> None:
    """
    Asking a cut file only for its lineage or run is `CorruptFile` too, not an error of the Parquet reader.
    """
    bad = write(store, ("AAPL", MONDAY, 1.0, 0))
    path = folder_of(store) / bad.path
    path.write_bytes(path.read_bytes()[:size])
    for ask in (again(store).lineage, again(store).run_of):
        with pytest.raises(CorruptFile):
            ask(bad.path)


def test_half_written_files_are_not_batches(store: BatchStore) -> None:
    """
    What a crash left aside is never taken for a batch.
    """
    made = write(store, ("AAPL", MONDAY, 1.0, 0))
    (folder_of(store) / made.path).with_name(".half.parquet.77.tmp").write_bytes(b"PAR1")
    assert store.paths() == [made.path]
