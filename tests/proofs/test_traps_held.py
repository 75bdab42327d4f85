"""Every numbered trap of market data is held by a test that names it, and what the report says is seeded is seeded."""

from __future__ import annotations

from seeded_checks import KINDS, NOT_SEEDED, unseeded
from seeded_listing import MUST
from seeded_traps import SEEDS, TITLES, named_by_tests, trap_rows
from seeded_worlds import WIRES

RARE = {"special dividend", "capital gain beside a dividend"}


def test_every_trap_has_a_test() -> None:
    """
    No trap is left to a report alone: a test names each, from 1 to 66.
    """
    assert len(TITLES) == 66
    assert [trap for trap in range(1, len(TITLES) + 1) if not named_by_tests().get(trap)] == []


def test_no_test_names_a_trap_that_is_none() -> None:
    """
    A number beyond the list would be a slip.
    """
    assert set(named_by_tests()) <= set(range(1, len(TITLES) + 1))


def test_seeds_are_kinds_that_are_planted() -> None:
    """
    What the table says is seeded is a kind of defect, of rare cash, of what the wire does, or of identity.
    """
    kinds = {one.name for one in KINDS}
    assert {name for names in SEEDS.values() for name in names} - kinds - RARE - set(MUST) - set(WIRES) == set()


def test_rows_are_told_in_order() -> None:
    """
    One row a trap, with a test for each.
    """
    rows = list(trap_rows())
    assert [int(row[0]) for row in rows] == list(range(1, 67))
    assert all(row[3].startswith("`test_") for row in rows)


def test_every_check_is_seeded_or_told_why_not() -> None:
    """
    A new check is seeded in the gym, or the report says why it cannot be.
    """
    assert set(unseeded()) == set(NOT_SEEDED)
