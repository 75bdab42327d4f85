"""The directory as it is told: what is planted is there, and nothing else changes."""

from __future__ import annotations

from datetime import date

import pytest

from gym import Truth
from gym.defects import Defect, Kind
from gym.defects_listing import BLINK, DROPPED, LISTING, QUIET, TWIN, UNSEEN, ToldDirectory, twin_of
from gym.indices import pool
from gym.nasdaq_trader import Directory

TRUTH = Truth(symbols=30, years=1, last=date(2024, 6, 28))
SYMBOL = pool(TRUTH)[3]
BEFORE, DAY, AFTER = (TRUTH.sessions.dates[at].item() for at in (-31, -30, -29))
SHOWN: dict[Kind, tuple[bool, bool, bool]] = {
    UNSEEN: (False, False, False),
    QUIET: (False, False, False),
    DROPPED: (True, False, False),
    BLINK: (True, False, True),
    TWIN: (True, True, True),
}


def tickers(directory: Directory, day: date) -> set[str]:
    """Who is listed on a day."""
    return {line.ticker for line in directory.lines(day)}


@pytest.mark.parametrize("kind", LISTING, ids=lambda kind: kind.name)
def test_one_security_is_told_otherwise(kind: Kind) -> None:
    """
    The security is there on the days that its defect leaves it, under a second ticker if need be; all others stay.
    """
    told = ToldDirectory(TRUTH, [Defect(kind, "lists", SYMBOL, DAY)])
    for day, shown in zip((BEFORE, DAY, AFTER), SHOWN[kind], strict=True):
        more = {twin_of(SYMBOL)} if kind is TWIN else set()
        assert tickers(told, day) == (tickers(Directory(TRUTH), day) - {SYMBOL}) | ({SYMBOL} if shown else set()) | more


def test_twins_have_one_issuer() -> None:
    """
    A security told twice has one number, one class and one name.
    """
    told = ToldDirectory(TRUTH, [Defect(TWIN, "lists", SYMBOL, DAY)])
    pair = [one.profile for one in told.on(DAY) if one.security.symbol in (SYMBOL, twin_of(SYMBOL))]
    assert len(pair) == 2
    assert pair[0] == pair[1]
