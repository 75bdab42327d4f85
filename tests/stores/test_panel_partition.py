"""The files of the panel: the same rows give the same bytes, and what is not as the catalog says is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.errors import CorruptFile
from marketkeep.files import Folder
from marketkeep.model import FACTORS, PANEL_BARS, PANEL_FUNDAMENTALS, PANEL_MINUTES, PANELS
from marketkeep.stores.panel import partition as module
from marketkeep.stores.panel.content import content_of
from marketkeep.stores.panel.merging import merged
from marketkeep.stores.panel.partition import Partition, write_partition


def some_bars(symbols: int = 7, days: int = 5) -> pl.DataFrame:
    """Made-up daily bars with unknown values and changing sources."""
    rows = [
        {
            "symbol": f"S{number}",
            "date": date(2024, 1, 2) + timedelta(days=day),
            "open": None if day == 2 else 10.1 * number + day,
            "high": 30.0 + day,
            "low": 0.1 * day,
            "close": 10.0 + number / 3,
            "volume": None if number == 3 else 1000.0 * day,
            "score": 100 - day,
            "source": ("a", "b")[(number + day) % 2],
        }
        for number in range(symbols)
        for day in range(days)
    ]
    return pl.DataFrame(rows, schema=PANEL_BARS.schema)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups that end after some rows."""
    monkeypatch.setattr(module, "GROUP_ROWS", 8)


@pytest.mark.usefixtures("small_groups")
def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A partition gives back the rows it was given, whole, by column and by symbol, and says what they are."""
    bars = some_bars()
    row = write_partition(Folder(tmp_path), "daily_bars", 2024, [bars])
    assert row is not None
    assert PANELS.conform(pl.DataFrame([row], schema=PANELS.schema)).height == 1
    assert (row["rows"], row["symbols"], row["first"], row["last"]) == (35, 7, date(2024, 1, 2), date(2024, 1, 6))
    found = Partition.open(Folder(tmp_path), row)
    assert found.read().equals(bars)
    assert found.read(["close", "symbol"], ["S2", "S5", "none"]).equals(
        bars.filter(pl.col("symbol").is_in(["S2", "S5"])).select("close", "symbol")
    )
    assert found.read(symbols=[]).equals(PANEL_BARS.conform(bars.clear()).select(bars.columns))
    assert pl.concat(found.frames(without={"S0", "S6"})).equals(bars.filter(~pl.col("symbol").is_in(["S0", "S6"])))


@pytest.mark.usefixtures("small_groups")
def test_a_symbol_lies_in_one_row_group(tmp_path: Path) -> None:
    """Row groups end with a symbol, so that their statistics tell who is in them."""
    write_partition(Folder(tmp_path), "daily_bars", 2024, [some_bars()])
    told = pq.ParquetFile(tmp_path / "panel/daily_bars/year=2024/bars.parquet").metadata
    spans = [told.row_group(number).column(0).statistics for number in range(told.num_row_groups)]
    assert [(one.min, one.max) for one in spans] == [("S0", "S1"), ("S2", "S3"), ("S4", "S5"), ("S6", "S6")]


@given(cuts=st.lists(st.integers(1, 12), min_size=1, max_size=12), rows=st.integers(1, 40))
@settings(deadline=None, max_examples=40)
def test_however_rows_are_cut(tmp_path_factory: pytest.TempPathFactory, cuts: list[int], rows: int) -> None:
    """The same rows give the same bytes and the same digest, in whatever pieces they come."""
    bars, at = some_bars(), 0
    pieces: list[pl.DataFrame] = []
    while at < bars.height:
        pieces.append(bars.slice(at, cuts[len(pieces) % len(cuts)]))
        at += pieces[-1].height
    files = Folder(tmp_path_factory.mktemp("cut"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GROUP_ROWS", rows)
        whole = write_partition(files, "daily_bars", 2024, [bars])
        assert write_partition(files, "daily_bars", 2024, iter(pieces)) == whole
    assert whole is not None
    assert content_of("daily_bars", pieces) == whole["content"] == Partition.open(files, whole).content()


def test_the_digest_is_of_rows_and_not_of_files() -> None:
    """Text plain or as categories and any order of columns give one digest; another value, null or order another."""
    bars = some_bars()
    told = content_of("daily_bars", [bars])
    assert content_of("daily_bars", [bars.cast({"symbol": pl.Categorical, "source": pl.Categorical})]) == told
    assert content_of("daily_bars", [bars.select(sorted(bars.columns))]) == told
    others = [
        bars.with_columns(volume=pl.col("volume").fill_null(0)),
        bars.with_columns(close=pl.when(pl.int_range(pl.len()) == 9).then(pl.col("close") + 1e-12).otherwise("close")),
        bars.with_columns(source=pl.col("source").replace({"a": "b", "b": "a"})),
        bars.reverse(),
        bars.head(34),
        bars.with_columns(open=pl.col("high"), high=pl.col("open")),
    ]
    assert len({told, *(content_of("daily_bars", [other]) for other in others)}) == len(others) + 1


def test_minutes_and_factors_have_files_of_their_own(tmp_path: Path) -> None:
    """A month that is over, a session of one that goes on and the factors are written by the same code."""
    files = Folder(tmp_path)
    stamps = [datetime(2024, 3, 5, 14, 30 + minute, tzinfo=UTC) for minute in range(3)]
    minutes = pl.DataFrame(
        {"symbol": ["S"] * 3, "ts": stamps, "segment": ["regular"] * 3, "feed": ["sip"] * 3, "source": ["a"] * 3}
    ).with_columns(
        date=pl.lit(date(2024, 3, 5)),
        **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.lit(1.5)),
        vwap=pl.lit(None, dtype=pl.Float64),
        trade_count=pl.lit(None, dtype=pl.Int64),
        score=pl.lit(100, dtype=pl.Int16),
    )
    minutes = minutes.select(list(PANEL_MINUTES.schema)).cast(pl.Schema(PANEL_MINUTES.schema))
    factors = pl.DataFrame([("S", date(2024, 3, 5), 0.5, 1.0)], schema=FACTORS.schema, orient="row")
    for dataset, period, frame, key in (
        ("minute_bars", 202403, minutes, "panel/minute_bars/month=2024-03/bars.parquet"),
        ("minute_bars", 20240305, minutes, "panel/minute_bars/month=2024-03/2024-03-05.parquet"),
        ("factors", 0, factors, "panel/factors/factors.parquet"),
    ):
        row = write_partition(files, dataset, period, [frame])
        assert row is not None
        assert row["key"] == key
        assert (row["first"], row["last"]) == (date(2024, 3, 5), date(2024, 3, 5))
        assert Partition.open(files, row).read().equals(frame)


def some_figures(symbols: int) -> pl.DataFrame:
    """Made-up figures: of the first symbol none is derived, of the others some are."""
    rows = [
        {
            "symbol": f"S{number}",
            "cik": number,
            "metric": metric,
            "period_end": date(2024, 3, 31),
            "period": "instant",
            "value": None if at == 1 else 1.5 * number,
            "unit": "USD",
            "filed": date(2024, 5, 1),
            "available_at": datetime(2024, 5, 1 + at, 13, 30, tzinfo=UTC),
            "accession": f"{number}-{at}",
            "form": "10-Q",
            "concept": metric,
            "derived": "assets - equity" if number and at == 2 else None,
        }
        for number in range(symbols)
        for metric in ("assets", "equity")
        for at in range(3)
    ]
    return pl.DataFrame(rows, schema=PANEL_FUNDAMENTALS.schema)


@pytest.mark.usefixtures("small_groups")
def test_figures_are_read_as_far_as_they_are_wanted(tmp_path: Path) -> None:
    """Unknown text stays unknown, and of all conditions put on rows each holds for what is read."""
    figures = some_figures(5)
    row = write_partition(Folder(tmp_path), "fundamentals", 2024, [figures])
    assert row is not None
    assert row["key"] == "panel/fundamentals/year=2024/figures.parquet"
    found = Partition.open(Folder(tmp_path), row)
    assert found.read().equals(figures)
    assert found.where().equals(figures)
    assert found.content() == row["content"]
    wanted = [
        pl.col("symbol").is_in(["S1", "S4", "none"]),
        pl.col("metric") == "equity",
        pl.col("available_at") < datetime(2024, 5, 3, 13, 30, tzinfo=UTC),
    ]
    assert found.where(*wanted).equals(figures.filter(*wanted))
    assert found.where(*wanted).height == 4
    assert found.where(pl.col("symbol") == "none").schema == pl.Schema(PANEL_FUNDAMENTALS.schema)


def test_other_tools_read_it(tmp_path: Path) -> None:
    """DuckDB reads the years as one table with plain text in it."""
    bars = some_bars()
    for year in (2023, 2024):
        moved = bars.with_columns(pl.col("date").dt.offset_by(f"{year - 2024}y"))
        write_partition(Folder(tmp_path), "daily_bars", year, [moved])
    told = duckdb.read_parquet(str(tmp_path / "panel/daily_bars/*/*.parquet"), hive_partitioning=True)
    found = told.aggregate("year, count(*), min(symbol), typeof(any_value(symbol))").order("year").fetchall()
    assert found == [(2023, 35, "S0", "VARCHAR"), (2024, 35, "S0", "VARCHAR")]


def test_nothing_is_no_file(tmp_path: Path) -> None:
    """Without rows there is no file, and one that was there goes."""
    files = Folder(tmp_path)
    write_partition(files, "daily_bars", 2024, [some_bars()])
    assert write_partition(files, "daily_bars", 2024, [some_bars().clear()]) is None
    assert files.keys("panel/") == []


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("order", [["S1", "S0"], ["S0", "S1", "S0"]])
def test_unsorted_rows_are_refused(tmp_path: Path, order: list[str]) -> None:
    """Symbols that are not in order are a mistake of the caller, not a file."""
    bars = some_bars(2, 9)
    frames = [bars.filter(pl.col("symbol") == symbol) for symbol in order]
    with pytest.raises(ValueError, match="sorted"):
        write_partition(Folder(tmp_path), "daily_bars", 2024, frames)


def test_a_lost_or_altered_file_is_refused(tmp_path: Path) -> None:
    """What is not the file that the catalog tells of is named and never read."""
    files = Folder(tmp_path)
    row = write_partition(files, "daily_bars", 2024, [some_bars()])
    assert row is not None
    data = bytearray(files.read(row["key"]))
    data[100] ^= 1
    files.write(row["key"], bytes(data))
    with pytest.raises(CorruptFile, match="differ from the hash"):
        Partition.open(files, row)
    files.remove([row["key"]])
    with pytest.raises(CorruptFile, match="cannot be read") as caught:
        Partition.open(files, row)
    assert caught.value.key == row["key"]


@given(
    st.dictionaries(st.sampled_from([f"S{number}" for number in range(7)]), st.integers(0, 3), max_size=7),
    st.integers(1, 20),
)
@settings(deadline=None, max_examples=60)
def test_streams_are_merged_by_symbol(places: dict[str, int], cut: int) -> None:
    """Rows of several sorted streams come out as one, whoever has which symbol and however the streams are cut."""
    bars = some_bars().filter(pl.col("symbol").is_in(list(places)))
    streams = []
    for number in range(4):
        mine = bars.filter(pl.col("symbol").replace_strict(places, default=None, return_dtype=pl.Int64) == number)
        streams.append([mine.slice(at, cut) for at in range(0, mine.height, cut)])
    assert pl.concat([bars.clear(), *merged(streams)]).equals(bars)
