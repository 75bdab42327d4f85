"""
What can be wrong with the exchanges' directory and with lists of members: each kind with the check that must speak.

A `ToldDirectory` is the truth's directory but for what is planted in it; NASDAQ Trader's files and the SEC's list are
made from the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from gym.defects import Defect, Kind
from gym.nasdaq_trader import Directory, Holder
from gym.truth import Truth


def _kind(name: str, code: str, dataset: str = "securities") -> Kind:
    return Kind(name, code, dataset, after=0)


UNSEEN = _kind("followed, in no directory", "unlisted")
DROPPED = _kind("gone from the directory, and its bars go on", "bars_after_delisting")
QUIET = _kind("bars of old, in no directory", "gone_quiet")
TWIN = _kind("one security under two tickers", "security_twice")
BLINK = _kind("gone from the directory for a day", "")
LISTING = (UNSEEN, DROPPED, QUIET, TWIN, BLINK)

GHOST = _kind("member nobody knows", "member_unknown", "index_members")
HALVED = _kind("half of a list of members", "members_jump", "index_members")
MEMBERS = (GHOST, HALVED)


class ToldDirectory(Directory):
    """The directory as it is told: without some securities, always or from a day on or for a day, and some twice."""

    def __init__(self, truth: Truth, defects: Iterable[Defect]) -> None:
        super().__init__(truth)
        self._planted = {one.symbol: one for one in defects if one.kind in LISTING}

    def on(self, day: date) -> Iterator[Holder]:
        """Those told on a day."""
        for holder in super().on(day):
            one = self._planted.get(holder.security.symbol)
            if one is None or not _hidden(one, day):
                yield holder
            if one is not None and one.kind is TWIN:
                yield replace(holder, security=replace(holder.security, symbol=twin_of(one.symbol)))


def twin_of(symbol: str) -> str:
    """The ticker under which a security is told again."""
    return f"{symbol}Z"


def _hidden(one: Defect, day: date) -> bool:
    if one.kind is DROPPED:
        return day >= one.day
    return one.kind in (UNSEEN, QUIET) or (one.kind is BLINK and day == one.day)
