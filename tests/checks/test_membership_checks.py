"""What cannot be right about the members of an index."""

from __future__ import annotations

from datetime import date

import polars as pl

from marketkeep.checks.membership import membership_issues
from marketkeep.model import INDEX_MEMBERS, ISSUES, Thresholds

Spell = tuple[str, str | None, str | None]


def members(*spells: Spell, index: str = "sp500") -> pl.DataFrame:
    """Intervals of one index: symbol, from, to."""
    rows = [
        (index, symbol, start and date.fromisoformat(start), end and date.fromisoformat(end), None, None, None)
        for symbol, start, end in spells
    ]
    return pl.DataFrame(rows, schema=INDEX_MEMBERS.schema, orient="row")


def found(table: pl.DataFrame, *known: str) -> list[tuple[str, str | None, int]]:
    """Check, symbol and count of what is found; every symbol is known unless some are named."""
    told = membership_issues(table, pl.Series(known or table["symbol"].unique(), dtype=pl.String), Thresholds())
    assert dict(told.schema) == ISSUES.schema
    return told.select("check", "symbol", "count").rows()


def test_plain_intervals_are_right() -> None:
    """Intervals that follow each other, one-day members and open ends are right."""
    assert found(members(("A", None, "2020-01-02"), ("A", "2021-01-04", None), ("B", "2020-01-02", "2020-01-03"))) == []
    assert found(INDEX_MEMBERS.empty()) == []


def test_overlap_and_reversed() -> None:
    """Two intervals that share a day, and one that ends before it begins, are errors."""
    table = members(("A", None, "2020-01-03"), ("A", "2020-01-02", None), ("B", "2020-01-03", "2020-01-03"))
    assert found(table) == [("members_reversed", "B", 1), ("members_overlap", "A", 1)]
    both = pl.concat([members(("A", None, None)), members(("A", None, None), index="own")])
    assert found(both) == []


def test_overlap_with_an_interval_long_before() -> None:
    """An interval that lasts over two later ones is found at both."""
    table = members(("A", None, None), ("A", "2020-01-02", "2020-02-03"), ("A", "2021-01-04", None))
    assert found(table) == [("members_overlap", "A", 1)] * 2


def test_member_that_nobody_knows() -> None:
    """A member that is neither in a directory nor held nor stated is told once for an index."""
    table = members(("A", None, None), ("ZZZ", "2020-01-02", "2020-03-02"), ("ZZZ", "2021-01-04", None))
    assert found(table, "A") == [("member_unknown", "ZZZ", 2)]


def test_many_members_that_nobody_knows_are_one_line() -> None:
    """Of a keep that began long after an index its former members are told together, with how many and a few names."""
    table = members(*((f"Z{number:02}", "1980-01-02", "1990-01-02") for number in range(30)), ("A", None, None))
    issues = membership_issues(table, pl.Series(["A"]), Thresholds())
    (told,) = issues.filter(check="member_unknown").rows(named=True)
    assert (told["symbol"], told["count"]) == (None, 30)
    assert told["detail"].startswith("30 members of sp500 that this keep knows nothing else of: Z00, Z01, Z02")


def test_trap_55_no_number_of_members_is_expected() -> None:
    """505 members are as right as 500, and an index may grow by less than a tenth in a day."""
    most = [(f"S{n}", None, None) for n in range(500)]
    assert found(members(*most, *((f"N{n}", "2020-03-23", None) for n in range(5)))) == []


def test_more_than_a_tenth_in_a_day_is_worth_a_look() -> None:
    """A day that brings or takes more than a tenth of an index is told; exactly a tenth is not."""
    stay = [(f"S{n}", None, None) for n in range(27)]
    leave = [(f"L{n}", None, "2020-08-31") for n in range(3)]
    come = [(f"C{n}", "2020-08-31", None) for n in range(3)]
    assert found(members(*stay, *leave, *come)) == []
    one_more = ("C3", "2020-08-31", None)
    assert found(members(*stay, *leave, *come, one_more)) == [("members_jump", None, 7)]


def test_beginning_of_an_index_is_no_jump() -> None:
    """An index whose first members are all told for one day begins then."""
    assert found(members(*((f"S{n}", "2020-01-02", None) for n in range(30)))) == []
