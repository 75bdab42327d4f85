"""
What a query asks of each table, found out by planning it over tables without rows.

DuckDB's own optimizer says which columns a scan needs and which days and symbols its filters leave. Only what is surely
left out by every scan of a table is left out; where the plan says nothing, everything is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from marketkeep.model.tables import Dtype
from marketkeep.query.sql_statement import checked, told

if TYPE_CHECKING:
    import duckdb

_TYPES: dict[Any, str] = {
    pl.String: "VARCHAR",
    pl.Date: "DATE",
    pl.Float64: "DOUBLE",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Boolean: "BOOLEAN",
    pl.List(pl.Date): "DATE[]",
}
_DAY = r"(date|ts)(>=|<=|>|<|=)'(\d{4}-\d\d-\d\d)[^']*'::(?:DATE|TIMESTAMP WITH TIME ZONE|TIMESTAMP_S|TIMESTAMP)"
_DAYS = re.compile(rf"{_DAY}(?: AND {_DAY})*")
_EACH = re.compile(_DAY)
_ONE = re.compile(r"symbol='([^']*)'")
_SOME = re.compile(r"(?:optional: )?symbol IN \(('[^']*'(?:, '[^']*')*)\)")
_NAME = re.compile(r"\w+")
_SHOWS = re.compile(r"\s*(?:describe|desc|show)\b", re.IGNORECASE)
_OPEN = Lock()


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What is asked of one table: columns (None: all), days from `first` to `last` (None: without bound), and symbols
    (None: all).
    """

    columns: frozenset[str] | None = None
    first: date | None = None
    last: date | None = None
    symbols: frozenset[str] | None = None

    @property
    def vain(self) -> bool:
        """Whether no day is asked for."""
        return self.first is not None and self.last is not None and self.first > self.last

    def needs(self, *columns: str) -> bool:
        """Whether any of these columns is asked for."""
        return self.columns is None or any(column in self.columns for column in columns)

    def __or__(self, other: Asked) -> Asked:
        """What either asks."""
        return Asked(
            _both(self.columns, other.columns),
            None if self.first is None or other.first is None else min(self.first, other.first),
            None if self.last is None or other.last is None else max(self.last, other.last),
            _both(self.symbols, other.symbols),
        )


def sketch(
    query: str, parameters: list[object] | dict[str, object] | None, tables: dict[str, dict[str, Dtype]]
) -> dict[str, Asked]:
    """
    By name what a query asks of each of these tables (columns with their types) that it names.

    Raises `BadInput` for a query that does not read, names what there is not, or cannot be parsed.
    """
    connection = _blank(tuple(tables), tuple(tuple(schema.items()) for schema in tables.values())).cursor()
    inner = checked(connection, query)
    if _SHOWS.match(inner):
        # What a table looks like can be seen without its rows.
        with told(tables):
            connection.execute(inner, parameters)
        return {}
    named = {word.lower() for word in re.findall(r"\w+", inner)} & set(tables)
    with told(tables):
        plan = connection.execute(f"explain (format json) {inner}", parameters).fetchall()
    asked: dict[str, Asked] = {}
    for name, one in _scans(orjson.loads(plan[0][1])):
        if name not in tables:
            continue
        asked[name] = asked[name] | one if name in asked else one
    return {name: asked.get(name, Asked()) for name in named | set(asked)}


def declare(tables: dict[str, dict[str, Dtype]]) -> str:
    """The statements that make these tables, without rows."""
    made = []
    for name, schema in tables.items():
        columns = (f'"{column}" {_TYPES.get(dtype, "TIMESTAMP WITH TIME ZONE")}' for column, dtype in schema.items())
        made.append(f"create table {name} ({', '.join(columns)})")
    return ";".join(made)


@cache
def _blank(names: tuple[str, ...], schemas: tuple[tuple[tuple[str, Dtype], ...], ...]) -> duckdb.DuckDBPyConnection:
    """One database for all queries of the process; each takes a cursor of its own."""
    import duckdb  # noqa: PLC0415  only SQL needs it

    with _OPEN:
        made = duckdb.connect(config={"python_enable_replacements": False, "threads": 1})
        made.execute("set TimeZone='UTC'")
        # Without rows statistics would prove every answer empty, and the plan would tell nothing.
        made.execute("set disabled_optimizers='statistics_propagation'")
        made.execute("set enable_external_access=false")
        made.execute(declare({name: dict(schema) for name, schema in zip(names, schemas, strict=True)}))
        made.execute("set lock_configuration=true")
    return made


def _scans(nodes: list[dict[str, Any]]) -> Iterator[tuple[str, Asked]]:
    for node in nodes:
        facts = node.get("extra_info", {})
        if "Table" in facts:
            yield str(facts["Table"]).rpartition(".")[2].strip('"'), _asked(facts)
        yield from _scans(node.get("children", []))


def _asked(facts: dict[str, Any]) -> Asked:
    first: date | None = None
    last: date | None = None
    symbols: frozenset[str] | None = None
    columns = set(_listed(facts.get("Projections")))
    for text in _listed(facts.get("Filters")):
        # A column that only a filter names is not among what the scan hands on.
        columns.update(_NAME.findall(text))
        if one := _ONE.fullmatch(text):
            symbols = frozenset({one[1]})
        elif some := _SOME.fullmatch(text):
            symbols = frozenset(part[1:-1] for part in some[1].split(", "))
        elif _DAYS.fullmatch(text):
            for column, sign, day in _EACH.findall(text):
                low, high = _bounds(column, sign, date.fromisoformat(day))
                first = max(filter(None, (first, low)), default=None)
                last = min(filter(None, (last, high)), default=None)
    return Asked(frozenset(columns), first, last, symbols)


def _bounds(column: str, sign: str, day: date) -> tuple[date | None, date | None]:
    """The sessions that a comparison leaves; an instant of one day (UTC) may be of the session of the day before."""
    spare = timedelta(days=1 if column == "ts" and day > date.min else 0)
    return day - spare if sign in (">", ">=", "=") else None, day if sign in ("<", "<=", "=") else None


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [] if value is None else [str(value)]


def _both(mine: frozenset[str] | None, others: frozenset[str] | None) -> frozenset[str] | None:
    return None if mine is None or others is None else mine | others
