"""
The table of the corpus: every recorded file, the endpoint it answers, and the rows or the reason that came of it.

`pytest -s tests/proofs/test_corpus_table.py` prints it.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from proofs.verdicts import Verdict, table

PARTS = sorted(path.stem for path in Path(__file__).parent.glob("corpus_*.py"))
# What tells of other files and is none that a vendor served.
NO_DATA = {"MANIFEST.md", "index.jsonl"}


@pytest.fixture(scope="module")
def judged(corpus: Path) -> list[Verdict]:
    """The verdicts of all parts."""
    return [one for part in PARTS for one in import_module(f"proofs.{part}").verdicts(corpus)]


def test_every_file_has_one_verdict(judged: list[Verdict], corpus: Path) -> None:
    """
    Every file of the corpus is judged once, by one part, and nothing is judged that is not there.
    """
    there = {path.relative_to(corpus).as_posix() for path in corpus.rglob("*") if path.is_file()}
    data = {path for path in there if path.rpartition("/")[2] not in NO_DATA}
    told = Counter(one.path for one in judged)
    assert sorted(data - told.keys()) == []
    assert sorted(told.keys() - data) == []
    assert {path: count for path, count in told.items() if count > 1} == {}
    assert len(data) > 700


def test_every_file_is_read_or_refused_with_a_reason(judged: list[Verdict]) -> None:
    """
    A file comes to rows, or to a reason in one line; none to both, none to nothing.

    Only a ticker's map file may be read and tell of nothing: it was never another's.
    """
    for one in judged:
        assert (one.refused is None) == bool(one.rows), one
        if one.refused is not None:
            assert len(one.refused.split()) >= 3, one
            assert "\n" not in one.refused.strip(), one
        else:
            assert sum(one.rows.values()) or "map" in one.endpoint, one


def test_the_table_is_printed(judged: list[Verdict]) -> None:
    """
    The table has a line for every file, and each folder's total says how many were read, refused, and their rows.
    """
    lines = list(table(judged))
    totals = list(_totals(judged))
    print("\n".join(["", *lines, "", *totals]))
    assert len(lines) == len(judged)
    assert all(" -> " in line for line in lines)
    assert len(totals) == len({one.path.partition("/")[0] for one in judged}) + 1


def _totals(judged: list[Verdict]) -> list[str]:
    """One line a folder and one for all: files read, files refused, rows by dataset."""
    folders: dict[str, list[Verdict]] = {}
    for one in judged:
        folders.setdefault(one.path.partition("/")[0], []).append(one)
    return [_total(name, told) for name, told in [*sorted(folders.items()), ("all", judged)]]


def _total(name: str, told: list[Verdict]) -> str:
    rows: Counter[str] = Counter()
    for one in told:
        rows.update(one.rows)
    read = sum(one.refused is None for one in told)
    counted = ", ".join(f"{count:,} {dataset}" for dataset, count in sorted(rows.items()) if count)
    return f"{name}: {len(told)} files, {read} read, {len(told) - read} refused; {counted or 'no rows'}"
