"""Errors: one tree, drawn where it is made, and every branch tells its exit code and its facts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from marketkeep import errors
from marketkeep.errors import MarketkeepError

CLASSES = sorted(
    (one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__),
    key=lambda one: one.__name__,
)


def drawn() -> Iterator[tuple[str, str | None]]:
    """Each name of the docstring's tree and the name it hangs from."""
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"^ {4}([│ ├└─]*)([A-Z]\w+)", line):
            depth = len(match[1])
            above = [one for one in above if one[0] < depth]
            yield match[2], above[-1][1] if above else None
            above.append((depth, match[2]))


def test_tree_is_drawn_as_it_is() -> None:
    """
    Every error stands in the module's docstring under its parent, and nothing else does.
    """
    assert dict(drawn()) == {
        one.__name__: None if one is MarketkeepError else one.__bases__[0].__name__ for one in CLASSES
    }


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.__name__)
def test_every_error_says_what_it_is(one: type[MarketkeepError]) -> None:
    """
    Each has an exit code and a sentence; what a caller could have put right exits with 2, all else with 1.
    """
    assert one.exit_code == (2 if issubclass(one, errors.BadInput) else 1)
    assert (one.__doc__ or "").strip()
    assert issubclass(one, MarketkeepError)


@pytest.mark.parametrize(
    ("error", "told", "facts"),
    [
        (errors.BadSymbol("A B C", "no"), "'A B C' is not a symbol: no", {"text": "A B C", "reason": "no"}),
        (
            errors.BadRange(date(2020, 1, 3), date(2020, 1, 2)),
            "2020-01-03 to 2020-01-02: the start lies after the end",
            {"start": date(2020, 1, 3), "end": date(2020, 1, 2)},
        ),
        (errors.BadFile("a.csv", "odd"), "a.csv: odd", {"name": "a.csv", "line": None, "column": None}),
        (errors.BadFile("a.csv", "odd", line=3, column="Open"), "a.csv, line 3, column 'Open': odd", {"line": 3}),
        (
            errors.CalendarError("XNYS", date(1900, 1, 1), date(1962, 1, 2), date(2030, 1, 1)),
            "1900-01-01 is outside",
            {"calendar": "XNYS", "asked": date(1900, 1, 1)},
        ),
        (errors.FetchFailed("yahoo", "AAPL", ()), "no attempt was made", {"permanent": False, "faults": ()}),
        (errors.FetchFailed("yahoo", "AAPL", ("timeout", "http_500")), "timeout, http_500", {"source": "yahoo"}),
        (errors.PayloadRefused("yahoo", "empty", "no bars"), "yahoo: no bars", {"fault": "empty", "retry": True}),
        (errors.CorruptFile(Path("raw/x"), "cut"), "raw/x is corrupt: cut", {"path": Path("raw/x")}),
        (errors.LeaseHeld(Path("keep"), "process 7"), "keep is being written by process 7", {"holder": "process 7"}),
    ],
)
def test_messages_tell_and_facts_stay(error: MarketkeepError, told: str, facts: dict[str, object]) -> None:
    """
    A message says what was asked and found; the facts are attributes too.
    """
    assert told in str(error)
    assert {name: getattr(error, name) for name in facts} == facts
