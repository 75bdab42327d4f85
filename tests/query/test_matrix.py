"""One field of many symbols as a dense table, and what a whole market costs in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import marketkeep
from marketkeep.errors import BadInput, NotFound
from marketkeep.query.matrix import Matrix
from panel_keep import MARKET, SESSIONS, bare_keep, market_keep

LINUX = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs what Linux tells of memory")


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """
    The small market.
    """
    return market_keep(tmp_path_factory.mktemp("matrix") / "keep").open()


def test_sessions_by_symbols(keep: marketkeep.Keep) -> None:
    """
    A row a session on which any of the symbols has a bar, a column a symbol, the value of each bar in its place.
    """
    found = keep.matrix("close", "all").matrix()
    assert found.symbols == sorted(MARKET)
    assert found.sessions.tolist() == SESSIONS
    assert found.values.shape == (len(SESSIONS), len(MARKET))
    for (symbol, day), [close] in (
        keep.bars(universe="all", fields="close").polars().rows_by_key(["symbol", "date"]).items()
    ):
        assert found.values[SESSIONS.index(day), found.symbols.index(symbol)] == close[-1]


def test_named_symbols_keep_their_order(keep: marketkeep.Keep) -> None:
    """
    The columns of named symbols are in the order they were named, one without a bar in the range too; sessions on which
    none of them has a bar are left out.
    """
    found = keep.matrix("close", ["LATE", "AAA", "GONE"], end=SESSIONS[5]).matrix()
    assert found.symbols == ["LATE", "AAA", "GONE"]
    assert np.isnan(found.values[:, 0]).all()
    thin = keep.matrix("close", ["THIN"]).matrix()
    assert thin.sessions.tolist() == keep.bars("THIN").polars()["date"].to_list()


def test_an_index_is_empty_outside_membership(keep: marketkeep.Keep) -> None:
    """
    Of an index a column is NaN where its symbol was no member, and members without any bar are left out.
    """
    found = keep.matrix("close", "sp500").matrix()
    bars = keep.bars(universe="sp500", fields="close").polars()
    assert found.symbols == bars["symbol"].unique().sort().to_list()
    assert int((~np.isnan(found.values)).sum()) == len(bars)


def test_forms_agree(keep: marketkeep.Keep) -> None:
    """
    numpy, polars, pandas, Arrow and the terminal of bars with one field tell the same values.
    """
    query = keep.matrix("volume", "all", "2024-01-01", adjust="splits")
    values, wide, frame = query.numpy(), query.polars(), query.pandas()
    assert np.array_equal(frame.to_numpy(), values, equal_nan=True)
    assert wide.columns == ["date", *frame.columns]
    assert wide["date"].to_list() == [day.date() for day in frame.index]
    assert np.array_equal(wide.drop("date").fill_null(float("nan")).to_numpy(), values, equal_nan=True)
    assert wide["THIN"].null_count() == np.isnan(values[:, wide.columns.index("THIN") - 1]).sum()
    assert query.arrow().num_rows == len(values)
    bars = keep.bars(universe="all", start="2024-01-01", adjust="splits", fields="volume")
    assert np.array_equal(bars.numpy(), values, equal_nan=True)
    assert "panel" in query.explain_plan() or "published" in query.explain_plan()


def test_several_fields_are_a_structured_array(keep: marketkeep.Keep) -> None:
    """
    numpy() of bars with more than one field is a record a row.
    """
    found = keep.bars("AAA", fields=("close", "volume")).numpy()
    assert found.dtype.names == ("symbol", "date", "close", "volume")
    assert len(found) == len(keep.bars("AAA").polars())


@pytest.mark.parametrize(
    ("field", "told"), [("closing", "did you mean close"), ("symbol", "no number"), ("source", "no number")]
)
def test_only_numbers_make_a_matrix(keep: marketkeep.Keep, field: str, told: str) -> None:
    """
    A field there is not is told with the nearest, one that is no number as such.
    """
    with pytest.raises(BadInput, match=told):
        keep.matrix(field)


def test_nothing_is_said(keep: marketkeep.Keep) -> None:
    """
    A symbol without bars, and a range without sessions, are told apart.
    """
    with pytest.raises(NotFound, match="NEVER: no bars held"):
        keep.matrix("close", ["NEVER"]).numpy()
    with pytest.raises(NotFound, match="no bar of any symbol"):
        keep.matrix("close", "all", "2030-01-01").numpy()
    assert keep.matrix("close", ["AAA"], "2030-01-01").numpy().shape == (0, 1)


def test_polars_of_a_matrix_without_sessions() -> None:
    """
    A matrix of nothing is a frame with its columns and no row.
    """
    empty = Matrix(np.empty((0, 1)), np.array([], "datetime64[D]"), ["AAA"])
    assert empty.polars().schema == {"date": pl.Date, "AAA": pl.Float64}
    assert empty.pandas().shape == (0, 1)


# --- memory ----------------------------------------------------------------------------------------------------------

_WHOLE = """
import sys
import marketkeep
keep = marketkeep.open(sys.argv[1])
def told(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) * 1024
keep.matrix("close", "all", "2010-01-01", "2010-01-31").numpy()
keep.bars(universe="all", start="2010-01-01", end="2010-01-31").parquet(sys.argv[3])
open("/proc/self/clear_refs", "w").write("5")
before = told("VmRSS")
if sys.argv[2] == "matrix":
    size = keep.matrix("close", "all").numpy().nbytes
elif sys.argv[2] == "rows":
    size = 28 * len(keep.bars(universe="all", fields="close").polars())
else:
    size = 78 * 1200 * 240 * 10
    getattr(keep.bars(universe="all"), sys.argv[2])(sys.argv[3])
print(told("VmHWM") - before, size)
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A market of 1,200 symbols and 2,400 sessions, mapped.
    """
    root = tmp_path_factory.mktemp("market") / "keep"
    bare_keep(root, 1200, range(2010, 2020), 240)
    marketkeep.open(root).matrix("close", "all").numpy()
    return root


@LINUX
@pytest.mark.parametrize(("what", "share"), [("matrix", 1.3), ("rows", 1.3), ("parquet", 1), ("csv", 1)])
def test_a_whole_market_in_bounded_memory(market: Path, tmp_path: Path, what: str, share: float) -> None:
    """
    Reading all closes needs at most 1.3 times the size of the answer, and some megabytes for the work itself; a file
    of everything is written in pieces, and needs less than its rows take, the work and the libraries included.
    """
    told = subprocess.run(
        [sys.executable, "-c", _WHOLE, str(market), what, str(tmp_path / "out")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "POLARS_MAX_THREADS": "2"},
    )
    peak, size = (int(one) for one in told.stdout.split())
    assert peak < share * size + 16 * 1024 * 1024


def test_a_file_of_everything_is_everything(market: Path, tmp_path: Path) -> None:
    """
    Parquet and CSV of a universe, written in pieces, have the rows of the frame in its order.
    """
    query = marketkeep.open(market).bars(universe="all", start="2018-01-01", end="2018-02-01")
    expected = query.polars()
    assert pl.read_parquet(query.parquet(tmp_path / "all.parquet")).equals(expected)
    assert pl.read_csv(query.csv(tmp_path / "all.csv"), schema=expected.schema).equals(expected)
    assert expected["date"].max() == date(2018, 2, 1)
