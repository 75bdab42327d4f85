"""
What a SQL query is allowed to be, and DuckDB's errors told in one line.

One statement that reads. Nothing is run to find that out: the query is parsed, not executed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from marketkeep.errors import BadInput, StoreError
from marketkeep.query.fields import nearest

if TYPE_CHECKING:
    import duckdb

Parameters = Sequence[object] | Mapping[str, object] | None
_READS = "SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN read"
_LEADING = {
    "select", "with", "from", "values", "table", "describe", "desc", "show", "summarize", "explain", "pivot", "unpivot"
}  # fmt: skip
_COMMENTS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*", re.DOTALL)
_EXPLAIN = re.compile(r"explain\s+(?:analyze\b\s*)?(?:\(\s*(?:analyze|format)[^)]*\)\s*)?", re.IGNORECASE)
_CHOICES = re.compile(r"\n\s*Candidate functions:.*", re.DOTALL)
_WHY = re.compile(r" - file system operations are disabled by configuration| is disabled through configuration")
_AT = re.compile(r"\n+LINE \d+: .*", re.DOTALL)


def checked(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """
    The one statement that a query is, without what follows it; of an EXPLAIN what is explained.

    Raises `BadInput` for none, for several, for one that does not read, and for what cannot be parsed.
    """
    from duckdb import StatementType  # noqa: PLC0415  only SQL needs it

    with told():
        statements = connection.extract_statements(query)
    if not statements:
        raise BadInput("the query is empty; give one SELECT, such as: select * from daily_bars limit 10")
    word = _word(query)
    if len(statements) > 1:
        if word == "pivot":
            raise BadInput("PIVOT needs its values named here: PIVOT ... ON column IN ('a', 'b') USING ...")
        raise BadInput(f"the query has {len(statements)} statements; give one at a time")
    kind = statements[0].type
    if word not in _LEADING or kind not in (StatementType.SELECT, StatementType.EXPLAIN):
        refused = kind.name if word in _LEADING else word.upper() or kind.name
        raise BadInput(f"a keep is read-only: {refused} is refused. {_READS}.")
    text: str = statements[0].query
    if kind == StatementType.EXPLAIN:
        return checked(connection, _EXPLAIN.sub("", text[_start(text) :], count=1))
    return text


def parameters_of(parameters: Parameters) -> list[object] | dict[str, object] | None:
    """The parameters as DuckDB takes them. Raises `BadInput` for a text, which would be taken letter by letter."""
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        return {str(name).removeprefix("$"): value for name, value in parameters.items()}
    if isinstance(parameters, (str, bytes)) or not isinstance(parameters, Sequence):
        raise BadInput(f"parameters={parameters!r}: give a list for ?, such as ['AAPL'], or a mapping for $name")
    return list(parameters)


@contextmanager
def told(tables: Collection[str] = ()) -> Iterator[None]:
    """DuckDB's errors as ours: a `BadInput` where the query is wrong, a `StoreError` where files are."""
    import duckdb  # noqa: PLC0415  only SQL needs it

    try:
        yield
    except duckdb.CatalogException as error:
        raise BadInput(_unknown(error, tables) or f"the query is wrong: {_plain(error)}{_place(error)}") from None
    except (duckdb.PermissionException, duckdb.NotSupportedError) as error:
        raise BadInput(f"the query is refused: {_plain(error)}. It reads the keep's tables and nothing else.") from None
    except (duckdb.ProgrammingError, duckdb.DataError) as error:
        raise BadInput(f"the query is wrong: {_plain(error)}{_place(error)}") from None
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise StoreError(f"the query could not be answered: {_plain(error)}") from error
    except duckdb.Error as error:
        raise BadInput(f"the query cannot be answered: {_plain(error)}") from error


@contextmanager
def opening() -> Iterator[None]:
    """DuckDB's errors where only our own statements are run, over files: a `StoreError`, for these are at fault."""
    import duckdb  # noqa: PLC0415  only SQL needs it

    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"the query could not be answered: {_plain(error)}; see: marketkeep doctor") from error


def _unknown(error: duckdb.Error, tables: Collection[str]) -> str | None:
    """What to say of a table that there is not."""
    found = re.search(r"Table with name \"?(.+?)\"? does not exist", str(error))
    if found is None:
        return None
    name = found[1]
    if "/" in name or re.search(r"\.(csv|json|parquet|db|tsv|gz)$", name):
        return f"the query is refused: {name!r} is a file. It reads the keep's tables and nothing else."
    return f"there is no table {name!r}; {nearest(name, tables)}{_place(error)}"


def _word(query: str) -> str:
    found = re.match(r"\w+", query[_start(query) :])
    return found[0].lower() if found else ""


def _start(query: str) -> int:
    found = _COMMENTS.match(query)
    return found.end() if found else 0


def _plain(error: duckdb.Error) -> str:
    """What DuckDB says, in one line, without its kind of error and without the line of the query."""
    text = _WHY.sub("", _CHOICES.sub("", _AT.sub("", str(error)))).partition(": ")[2] or str(error)
    lines = [line.strip().rstrip("!") for line in text.splitlines() if line.strip()]
    return "; ".join(lines).rstrip(".")


def _place(error: duckdb.Error) -> str:
    """Where in the query it is, as far as DuckDB tells."""
    found = re.search(r"LINE (\d+): (.*)\n( *)\^", str(error))
    if found is None:
        return ""
    number, line, spaces = found.groups()
    column = len(spaces) - len(f"LINE {number}: ")
    rest = line[max(column, 0) :].strip()
    return f" (line {number}, at: {rest[:40]})" if rest else f" (line {number}, at its end)"
