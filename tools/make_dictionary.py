"""
Write docs/data-dictionary.md from the tables and checks (`make docs`), or tell whether it is current (`--check`).

It states nothing of its own: a wrong sentence in the dictionary is corrected where the table is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from marketkeep.checks import BAR_CHECKS, MINUTE_CHECKS
from marketkeep.model import PUBLISHED_TABLES, RAW_TABLES, Column, Table
from marketkeep.model.tables import Dtype

TARGET = Path(__file__).parents[1] / "docs" / "data-dictionary.md"
INTRODUCTION = """\
# Data dictionary

Every table of a keep, and every check with what it costs. Made by `make docs` from `marketkeep.model.tables` and
`marketkeep.checks`; do not edit by hand. Words are those of the [glossary](glossary.md).

Ranges are half-open, [start, end). A value that is not known is null, never 0. Prices are as traded unless a column
says otherwise.
"""
SCORING = "A row starts at 100; each soft check it fails takes its weight. One that fails a hard check is never gold."


def dtype_name(dtype: Dtype) -> str:
    """The type in the words of a reader who does not use polars."""
    if isinstance(dtype, pl.List):
        return f"list of {dtype_name(dtype.inner)}"
    if isinstance(dtype, pl.Struct):
        return "{" + ", ".join(f"{one.name}: {dtype_name(one.dtype)}" for one in dtype.fields) + "}"
    if isinstance(dtype, pl.Datetime):
        return f"timestamp ({dtype.time_unit}, {dtype.time_zone or 'no zone'})".replace("(us", "(µs")
    return {"String": "text"}.get(str(dtype), str(dtype).lower())


def column_row(column: Column, key: tuple[str, ...]) -> str:
    """One column as a row of its table."""
    null = "yes" if column.nullable else ""
    part_of_key = "yes" if column.name in key else ""
    cells = (f"`{column.name}`", dtype_name(column.dtype), column.unit, part_of_key, null, column.doc)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table_lines(table: Table) -> Iterator[str]:
    """One table as a section."""
    yield from ("", f"## {table.name}", "", table.doc, "")
    yield "| column | type | unit | key | null | meaning |"
    yield "|---|---|---|---|---|---|"
    yield from (column_row(column, table.key) for column in table.columns)


def check_lines() -> Iterator[str]:
    """The checks and what a hit takes from the score."""
    for title, checks in (("daily bars", BAR_CHECKS), ("minute bars", MINUTE_CHECKS)):
        yield from ("", f"## Checks of {title}", "")
        yield SCORING
        yield from ("", "| check | severity | weight | hard | meaning |", "|---|---|---|---|---|")
        for check in checks:
            hard = "yes" if check.hard else ""
            yield f"| `{check.code}` | {check.severity} | {check.weight} | {hard} | {check.doc} |"


def dictionary() -> str:
    """The whole text."""
    lines = [line for table in (*PUBLISHED_TABLES, *RAW_TABLES.values()) for line in table_lines(table)]
    return INTRODUCTION + "\n".join([*lines, *check_lines(), ""])


def main() -> int:
    """Write the file, or with `--check` compare it and say what to do."""
    made = dictionary()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(made, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == made:
        return 0
    print("docs/data-dictionary.md is not what the tables say; run `make docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
