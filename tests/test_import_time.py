"""What is loaded when: the package alone loads no library, and each use only what it needs. Structure, not seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import marketkeep
from small_keep import SmallKeep, sessions

LIBRARIES = {
    "duckdb",
    "exchange_calendars",
    "filelock",
    "httpx",
    "lxml",
    "numpy",
    "obstore",
    "orjson",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "pyspark",
    "rich",
    "stamina",
    "structlog",
    "typer",
    "warcio",
    "yfinance",
}
"""What is installed and takes time."""
ROOMS = {"calendars", "checks", "gold", "http", "pipeline", "sources", "cli", "operate", "export"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keep with a dividend."""
    small = SmallKeep(tmp_path_factory.mktemp("loaded") / "keep")
    small.bars(*((day, 10.0 + n, 0.25 if n == 3 else 0.0) for n, day in enumerate(sessions("2024-01-02", 6))))
    return small.root


def loaded(code: str) -> tuple[set[str], set[str]]:
    """The libraries and rooms of ours that a fresh interpreter holds after running `code`."""
    tell = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", tell], check=True, capture_output=True, text=True)
    names = done.stdout.splitlines()[-1].split()
    ours = {name.split(".")[1] for name in names if name.startswith("marketkeep.")}
    return LIBRARIES & set(names), ours


def test_importing_the_package_loads_nothing() -> None:
    """
    `import marketkeep` loads no library and no room, so that it costs next to nothing.
    """
    assert loaded("import marketkeep") == (set(), set())
    assert loaded("import marketkeep; marketkeep.BadInput") == (set(), {"errors"})


def test_opening_and_reading_a_symbol_loads_little(root: Path) -> None:
    """
    Opening a keep and reading a first symbol loads frames and what reads files, and nothing that collects or judges.
    """
    libraries, rooms = loaded(f"import marketkeep; marketkeep.open({str(root)!r}).bars('AAPL').polars()")
    assert libraries <= {"numpy", "orjson", "polars", "pyarrow"}
    assert rooms & ROOMS == set()


def test_adjusting_loads_no_more_than_it_needs(root: Path) -> None:
    """
    Adjusted prices need no check and no source.
    """
    libraries, rooms = loaded(f"import marketkeep; marketkeep.open({str(root)!r}).bars('AAPL', adjust='all').polars()")
    assert libraries <= {"numpy", "orjson", "polars", "pyarrow"}
    assert rooms & (ROOMS - {"gold", "calendars"}) == set()


def test_sql_loads_duckdb_and_no_pandas(root: Path) -> None:
    """
    A query of SQL loads DuckDB, and neither pandas nor what judges.
    """
    query = "select max(close) from daily_bars"
    code = f"import marketkeep; marketkeep.open({str(root)!r}).sql({query!r}).polars()"
    libraries, rooms = loaded(code)
    assert libraries <= {"duckdb", "numpy", "orjson", "polars", "pyarrow"}
    assert rooms & (ROOMS - {"gold"}) == set()


@pytest.mark.parametrize("words", [["query", "AAPL"], ["sql", "select 1"]])
def test_a_command_that_reads_loads_nothing_that_works(root: Path, words: list[str]) -> None:
    """
    The command line of a question does not load what collects, judges or publishes.
    """
    code = (
        "from marketkeep.cli import main\n"
        f"try:\n    main({[*words, '--data', str(root)]!r})\nexcept SystemExit as end:\n    assert not end.code"
    )
    libraries, rooms = loaded(code)
    assert libraries & {"httpx", "lxml", "obstore", "pandas", "stamina", "structlog", "warcio", "yfinance"} == set()
    assert rooms & (ROOMS - {"cli", "gold"}) == set()


def test_names_are_there_all_the_same() -> None:
    """
    What is imported late is listed like everything else, is the same object each time, and a name there is not is told.
    """
    assert set(marketkeep.__all__) | {"__version__"} <= set(dir(marketkeep))
    assert marketkeep.Keep is marketkeep.Keep
    assert marketkeep.__version__.count(".") >= 1
    with pytest.raises(AttributeError, match="module 'marketkeep' has no attribute 'Kepe'"):
        _ = marketkeep.Kepe  # type: ignore[attr-defined]
