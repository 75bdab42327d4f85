"""
SQL over a keep's tables, answered by DuckDB in memory: one statement that reads, its parameters bound.

Each answer has a connection of its own, which holds the tables that the query names and may read their files and
nothing else: no other file, no network, no setting.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import polars as pl

from marketkeep.errors import BadInput, StoreError
from marketkeep.query.clocks import Clocks
from marketkeep.query.sql_sketch import Asked, declare, sketch
from marketkeep.query.sql_statement import Parameters, opening, parameters_of, told
from marketkeep.query.sql_tables import TABLES, Read, Supply, supply
from marketkeep.query.terminals import Terminals
from marketkeep.stores.lake import Catalog, Lake

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from marketkeep.raw import BatchStore

_ROWS_AT_ONCE = 1 << 20
_ATTEMPTS = 3
Settings = dict[str, str | bool | int | float | list[str]]
_VIEWS: Settings = {"arrow_output_version": "1.4", "produce_arrow_string_view": True}
"""Text as polars holds it, so that it is taken over without a copy. Not every reader of Arrow knows this form."""


@dataclass(frozen=True)
class SqlQuery(Terminals):
    """
    A query of SQL; terminal methods run it, each anew.

    The answer has the columns of the SELECT; two of the same name are told apart as name, name_1. DECIMAL comes as
    Float64, and HUGEINT, which a sum of whole numbers is, as Int64 where it fits; instants are in UTC. Rows without an
    ORDER BY are in no order. Terminal methods raise `BadInput` for what is only seen when it runs, such as a text that
    is no number, and `StoreError` where a file cannot be read.
    """

    query: str
    parameters: Parameters
    clocks: Clocks
    _lake: Lake
    _batches_of: Callable[[], BatchStore]
    _asked: dict[str, Asked] = field(init=False)

    def __post_init__(self) -> None:
        asked = sketch(self.query, parameters_of(self.parameters), TABLES)
        object.__setattr__(self, "_asked", asked)

    def polars(self) -> pl.DataFrame:
        """The answer as a polars frame."""
        with self._ran(_VIEWS) as result, told(TABLES):
            return pl.DataFrame(_plain(result.to_arrow_table()))

    def arrow(self) -> pa.Table:
        """The answer as an Arrow table."""
        with self._ran() as result, told(TABLES):
            return _plain(result.to_arrow_table())

    def _batches(self) -> Iterator[pl.DataFrame]:
        """The answer as it comes, so many rows at a time."""
        import pyarrow as pa  # noqa: PLC0415  only who streams needs it

        with self._ran(_VIEWS) as result, told(TABLES):
            reader = result.to_arrow_reader(_ROWS_AT_ONCE)
            yield pl.DataFrame(_plain(reader.schema.empty_table()))
            for batch in reader:
                yield pl.DataFrame(_plain(pa.Table.from_batches([batch])))

    @contextmanager
    def _ran(self, settings: Settings | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        spill = Path(tempfile.gettempdir()) / f"marketkeep-sql-{uuid4().hex}"
        with _opened(spill, settings or {}) as connection:
            supplied = self._supply()
            with opening():
                supplied.into(connection)
            with told(TABLES):
                connection.execute(self.query, parameters_of(self.parameters))
            yield connection

    def _supply(self) -> Supply:
        """What it needs; asked again when a writer replaced it meanwhile."""
        catalog = self._lake.catalog()
        for _ in range(_ATTEMPTS):
            try:
                return supply(self._lake, catalog, self._asked, self._then(catalog))
            except (FileNotFoundError, StoreError):
                before, catalog = catalog, self._lake.catalog()
                if catalog.version == before.version:
                    raise
        return supply(self._lake, catalog, self._asked, self._then(catalog))

    def _then(self, catalog: Catalog) -> Read | None:
        """What reads the tables by clocks; None for now."""
        if self.clocks == Clocks():
            return None
        from marketkeep.query.sql_then import Then  # noqa: PLC0415  most questions are about now

        return Then(self._lake, self._batches_of(), catalog, self.clocks).frame


@contextmanager
def _opened(spill: Path, more: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with the keep's tables, none with rows; what does not fit is put aside in `spill`."""
    import duckdb  # noqa: PLC0415  only SQL needs it

    settings: Settings = {
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": str(spill),
        **more,
    }
    connection = duckdb.connect(config=settings)
    try:
        connection.execute("set TimeZone='UTC'")
        connection.execute(declare(TABLES))
        yield connection
    finally:
        connection.close()
        with suppress(OSError):
            spill.rmdir()


def _plain(table: pa.Table) -> pa.Table:
    """
    A table whose names are all different and whose numbers are ordinary ones.

    Raises `BadInput` for a column of a kind that not every frame and file can hold.
    """
    import pyarrow as pa  # noqa: PLC0415  only who has an answer needs it

    names: list[str] = []
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        known, number = name, 0
        while known in names:
            number += 1
            known = f"{name}_{number}"
        names.append(known)
        if pa.types.is_decimal(column.type):
            columns.append(_number(column))
        elif any(odd(column.type) for odd in (pa.types.is_binary, pa.types.is_binary_view, pa.types.is_interval)):
            kind = str(column.type).removesuffix("_view")
            raise BadInput(f"column {name!r} is of type {kind}; make it text, as in ({name})::varchar")
        else:
            columns.append(column)
    return pa.table(columns, names=names)


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415  as above

    if column.type.scale == 0:
        with suppress(pa.ArrowInvalid):
            return column.cast(pa.int64())
    return column.cast(pa.float64())
