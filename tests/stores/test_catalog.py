"""The catalog: one whole version or the next, never a mixture; damage is named; what is asked of it is answered."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import polars as pl
import pytest

from marketkeep.errors import CorruptFile
from marketkeep.files import folder
from marketkeep.model import ASKED, BATCHES, CATALOG
from marketkeep.stores.lake import Catalog, layout, read_catalog, write_catalog
from marketkeep.stores.lake import catalog as module

AT = datetime(2024, 3, 5, 22, 30, tzinfo=UTC)


def entries(symbol: str, *years: int) -> pl.DataFrame:
    """Entries of one symbol's files."""
    rows = [
        ("daily_bars", symbol, year, 250, date(year, 1, 4), date(year, 12, 30), [date(year, 5, 5)], 99.5, "00")
        for year in years
    ]
    return pl.DataFrame(rows, schema=CATALOG.schema, orient="row")


def write(root: Path, symbol: str, *years: int) -> Catalog:
    """A version whose three tables all tell of one symbol."""
    batch = (f"b-{symbol}", f"raw/{symbol}", "daily_bars", "csv", "run", 1, None, None)
    asked = ("daily_bars", "yahoo", symbol, None, date(2020, 1, 1), date(2020, 2, 1), AT)
    return write_catalog(
        root,
        entries(symbol, *years),
        pl.DataFrame([batch], schema=BATCHES.schema, orient="row"),
        pl.DataFrame([asked], schema=ASKED.schema, orient="row"),
    )


def whole(catalog: Catalog) -> set[str]:
    """The symbols its three tables tell of: one, if it is one version."""
    told = {*catalog.entries["symbol"], *catalog.asked["symbol"]}
    return told | {name.removeprefix("b-") for name in catalog.batches["batch_id"]}


def test_nothing_written_is_empty(tmp_path: Path) -> None:
    """
    A keep without a catalog holds nothing.
    """
    catalog = read_catalog(tmp_path)
    assert (catalog.version, catalog.symbols(), catalog.batch_paths("daily_bars")) == ("", [], [])
    assert catalog.bars("AAPL").is_empty()
    assert catalog.answered("daily_bars", "yahoo", "AAPL") == []
    assert catalog.entries.equals(Catalog.empty().entries)


def test_catalog_is_read_as_written(tmp_path: Path) -> None:
    """
    The tables come back, and the questions asked of them are answered by symbol.
    """
    written = write(tmp_path, "AAPL", 2021, 2020)
    catalog = read_catalog(tmp_path)
    assert catalog.version == written.version != ""
    assert catalog.bars("AAPL")["period"].to_list() == [2020, 2021]
    assert catalog.bars("NA").is_empty()
    assert catalog.symbols() == ["AAPL"]
    assert catalog.batch_paths("daily_bars") == ["raw/AAPL"]
    assert catalog.batch_paths("actions") == []
    assert catalog.answered("daily_bars", "yahoo", "AAPL") == [(None, date(2020, 1, 1), date(2020, 2, 1), AT)]
    assert catalog.answered("daily_bars", "csv", "AAPL") == []
    assert catalog.entries["missing"].to_list() == [[date(2020, 5, 5)], [date(2021, 5, 5)]]


def test_symbols_are_those_with_bars(tmp_path: Path) -> None:
    """
    A symbol of which only actions are published is not among those with bars.
    """
    row = ("actions", "NA", 0, 1, date(2020, 1, 2), date(2020, 1, 2), [], None, "00")
    actions = pl.DataFrame([row], schema=CATALOG.schema, orient="row")
    write_catalog(tmp_path, actions, BATCHES.empty(), ASKED.empty())
    assert read_catalog(tmp_path).symbols() == []


def test_same_content_is_the_same_version(tmp_path: Path) -> None:
    """
    The version names the content: the same tables give it again, others do not, and only current files stay.
    """
    first = write(tmp_path, "AAPL", 2020)
    files = sorted(path.name for path in (tmp_path / "catalog").iterdir())
    assert write(tmp_path, "AAPL", 2020).version == first.version
    assert sorted(path.name for path in (tmp_path / "catalog").iterdir()) == files
    assert write(tmp_path, "AAPL", 2021).version != first.version
    assert len(list((tmp_path / "catalog").iterdir())) == 6


def test_reader_in_between_sees_one_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    At every file that a writer writes, a reader finds the old version whole, and after the pointer the new one.
    """
    write(tmp_path, "OLD", 2020)
    seen: list[set[str]] = []
    real = folder.write_atomic

    def looked_at(path: Path, data: bytes, *, durable: bool = False) -> None:
        seen.append(whole(read_catalog(tmp_path)))
        real(path, data, durable=durable)
        seen.append(whole(read_catalog(tmp_path)))

    monkeypatch.setattr(folder, "write_atomic", looked_at)
    write(tmp_path, "NEW", 2020)
    assert seen == [{"OLD"}] * 7 + [{"NEW"}]
    assert whole(read_catalog(tmp_path)) == {"NEW"}


def test_writer_between_two_reads_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A reader that has read the pointer when a writer replaces the version looks again and finds the next.
    """
    write(tmp_path, "OLD", 2020)
    pointer = (tmp_path / layout.CURRENT).read_bytes()
    write(tmp_path, "NEW", 2020)
    real = Path.read_bytes
    stale = [pointer]

    def read(path: Path) -> bytes:
        return stale.pop() if path.name == "CURRENT" and stale else real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    assert whole(read_catalog(tmp_path)) == {"NEW"}
    assert stale == []


def test_writer_cut_short_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whatever file a writer dies at, readers go on with the old version, and writing again makes the new one.
    """
    write(tmp_path, "OLD", 2020)
    real = folder.write_atomic
    for last in range(4):
        left = [last]

        def dying(path: Path, data: bytes, *, durable: bool = False, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            real(path, data, durable=durable)

        with monkeypatch.context() as patch:
            patch.setattr(folder, "write_atomic", dying)
            with pytest.raises(KeyboardInterrupt):
                write(tmp_path, f"NEW{last}", 2020)
        assert whole(read_catalog(tmp_path)) == {"OLD"}
    write(tmp_path, "NEW", 2020)
    assert whole(read_catalog(tmp_path)) == {"NEW"}


@pytest.mark.parametrize("table", ["entries", "batches", "asked"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_damaged_table_is_named(tmp_path: Path, table: str, damage: str) -> None:
    """
    A table whose bytes are not those of its name, or that is gone, is `CorruptFile` naming it.
    """
    write(tmp_path, "AAPL", 2020)
    [path] = (tmp_path / "catalog").glob(f"{table}-*.parquet")
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data if damage == "flip" else data[:100])
    with pytest.raises(CorruptFile) as caught:
        read_catalog(tmp_path)
    assert caught.value.path == path


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b'{"entries": "x"}', b"\x00\x00"])
def test_damaged_pointer_is_named(tmp_path: Path, content: bytes) -> None:
    """
    A pointer that names no tables is `CorruptFile` too, not an error of the JSON reader.
    """
    write(tmp_path, "AAPL", 2020)
    (tmp_path / layout.CURRENT).write_bytes(content)
    with pytest.raises(CorruptFile) as caught:
        read_catalog(tmp_path)
    assert caught.value.path == tmp_path / layout.CURRENT


def test_pointer_is_small_json(tmp_path: Path) -> None:
    """
    The pointer names one file a table.
    """
    write(tmp_path, "AAPL", 2020)
    names = orjson.loads((tmp_path / layout.CURRENT).read_bytes())
    assert names.pop("form") == module.FORM
    assert set(names) == {"entries", "batches", "asked", "tickers", "panels"}
    assert all((tmp_path / "catalog" / name).is_file() for name in names.values())
