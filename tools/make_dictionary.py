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
from marketkeep.checks.actions import ACTION_CHECKS
from marketkeep.checks.coverage import COVERAGE_CHECKS
from marketkeep.checks.fundamentals import FUNDAMENTAL_CHECKS
from marketkeep.checks.membership import MEMBERSHIP_CHECKS
from marketkeep.checks.minute_days import MINUTE_DAY_CHECKS
from marketkeep.checks.reference import REFERENCE_CHECKS
from marketkeep.model import ISSUES, METRICS, PUBLISHED_TABLES, RAW_TABLES, Column, Table
from marketkeep.model.tables import Dtype

TARGET = Path(__file__).parents[1] / "docs" / "data-dictionary.md"
INTRODUCTION = """\
# Data dictionary

Every table of a keep, and every check with what it costs. Made by `make docs` from `marketkeep.model.tables` and
`marketkeep.checks`; do not edit by hand. Words are those of the [glossary](glossary.md).

Ranges are half-open, [start, end). A value that is not known is null, never 0. Prices are as traded unless a column
says otherwise.
"""
SESSIONS = "Minutes of a session laid beside its daily bar. They take nothing from any row's score."
FIGURES = "A symbol's year starts at 100; each check that one of its figures fails takes its weight."
STANDING = "Worked out when somebody asks (`issues`, `qa-check`, `view-issues`); they mark no row and cost no score."
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
    for title, checks in (("daily bars", BAR_CHECKS), ("minute bars", MINUTE_CHECKS), ("sessions", MINUTE_DAY_CHECKS)):
        yield from ("", f"## Checks of {title}", "")
        yield SESSIONS if checks is MINUTE_DAY_CHECKS else SCORING
        yield from ("", "| check | severity | weight | hard | meaning |", "|---|---|---|---|---|")
        for check in checks:
            hard = "yes" if check.hard else ""
            yield f"| `{check.code}` | {check.severity} | {check.weight} | {hard} | {check.doc} |"
    yield from ("", "## Checks of fundamentals", "", FIGURES, "")
    yield from ("| check | severity | weight | meaning |", "|---|---|---|---|")
    for one in FUNDAMENTAL_CHECKS:
        yield f"| `{one.code}` | {one.severity} | {one.weight} | {one.doc} |"


def standing_lines() -> Iterator[str]:
    """The checks that are worked out when somebody asks."""
    yield from ("", "## Checks of what stands", "", STANDING, "", "| check | severity | meaning |", "|---|---|---|")
    for one in (*COVERAGE_CHECKS, *ACTION_CHECKS, *MEMBERSHIP_CHECKS, *REFERENCE_CHECKS):
        yield f"| `{one.code}` | {one.severity} | {one.doc} |"


def metric_lines() -> Iterator[str]:
    """The metrics of fundamentals."""
    yield from (
        "",
        "## Metrics",
        "",
        "What `fundamentals` has of a company, as far as its kind of company tells it.",
        "",
    )
    yield from ("| metric | statement | measure | unit | meaning |", "|---|---|---|---|---|")
    for one in METRICS:
        yield f"| `{one.name}` | {one.statement} | {one.measure} | {one.unit} | {one.doc} |"


def dictionary() -> str:
    """The whole text."""
    lines = [line for table in (*PUBLISHED_TABLES, ISSUES, *RAW_TABLES.values()) for line in table_lines(table)]
    return INTRODUCTION + "\n".join([*lines, *check_lines(), *standing_lines(), *metric_lines(), ""])


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
