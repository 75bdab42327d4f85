"""
Wikipedia's pages of indices, with the markup of its tables: headings over two rows, dates that span rows, footnotes,
styles and sort keys inside cells, and tables that are about something else.

Traps on purpose: an announced change is in the table before it takes effect, and for every second one the list of
members has it already; the Dow's page has no table of changes; additions of old members are told in the list only.
"""

from __future__ import annotations

from datetime import date
from html import escape
from itertools import groupby

from gym.indices import Change, Indices, Membership
from gym.sessions import new_york_date
from gym.truth import Truth
from gym.wire import Ask, Reply

TITLES = {
    "/wiki/List_of_S&P_500_companies": "sp500",
    "/wiki/List_of_S%26P_500_companies": "sp500",
    "/wiki/Nasdaq-100": "nasdaq100",
    "/wiki/Dow_Jones_Industrial_Average": "dow_jones",
}
_HTML = "text/html; charset=UTF-8"
_NOTE = '<sup id="cite&#95;ref-7" class="reference"><a href="#n"><span>&#91;</span>7<span>&#93;</span></a></sup>'


class Wikipedia:
    """Answers for en.wikipedia.org."""

    name = "wikipedia"
    hosts = frozenset({"en.wikipedia.org"})
    variants = frozenset({"empty", "wrong_symbol", "not_found"})

    def __init__(self, truth: Truth) -> None:
        self.indices = Indices(truth)

    def key_of(self, ask: Ask) -> str | None:
        """The index of a page."""
        return TITLES.get(ask.path)

    def answer(self, ask: Ask) -> Reply | None:
        """A page as it is on the day of the gym."""
        index = TITLES.get(ask.path)
        if index is None:
            return None
        if ask.variant == "not_found":
            return Reply(
                404, b"<!DOCTYPE html><html><body><p>Wikipedia does not have an article</p></body></html>", _HTML
            )
        if ask.variant == "wrong_symbol":
            index = "dow_jones" if index != "dow_jones" else "nasdaq100"
        today = new_york_date(ask.now)
        tables = "" if ask.variant == "empty" else self._tables(index, today)
        head = f"<!DOCTYPE html>\n<html><head><title>{index}</title></head>"
        return Reply(200, f"{head}<body>{_OTHER}{tables}{_NAVIGATION}</body></html>".encode(), _HTML)

    def listed(self, index: str, today: date) -> list[Membership]:
        """Who is in the list: members of today, but every second change to come is in it since it was announced."""
        known = {one.symbol: one for one in self.indices.members(index, today)}
        for at, change in enumerate(self._to_come(index, today)):
            if at % 2 == 0 and change.added and change.added.until is None:
                known[change.added.symbol] = change.added
            if at % 2 == 0 and change.removed:
                known.pop(change.removed.symbol, None)
        return sorted(known.values(), key=lambda one: one.name)

    def _to_come(self, index: str, today: date) -> list[Change]:
        if index == "dow_jones":
            return []
        return [change for change in self.indices.changes(index, today) if change.effective > today]

    def _tables(self, index: str, today: date) -> str:
        listed, changes = self.listed(index, today), self.indices.changes(index, today)
        if index == "dow_jones":
            return _components(listed)
        if index == "nasdaq100":
            return _short(listed) + _spanned(changes)
        return _constituents(listed) + _changes(changes)


_OTHER = (
    '<table class="infobox"><tbody><tr><th colspan="2">An index</th></tr><tr><th>Founded</th><td>1957</td></tr></tbody>'
    "</table>"
)
_NAVIGATION = '<table class="navbox"><tbody><tr><th>Companies</th><td><ul><li>3M</li></ul></td></tr></tbody></table>'
_TICKERS = "<tr>\n<th>Ticker</th>\n<th>Security</th>\n<th>Ticker</th>\n<th>Security\n</th></tr>"


def _constituents(listed: list[Membership]) -> str:
    rows = "".join(
        f'<tr>\n<td><a rel="nofollow" href="https://www.nyse.com/quote/XNYS:{one.symbol}">{one.symbol}</a>\n</td>\n'
        f'<td><a href="/wiki/X">{escape(one.name)}</a></td>\n<td>Industrials</td>\n<td>Tools &amp; Machines</td>\n'
        f"<td>Saint Paul, Minnesota</td>\n<td>{one.since or ''}{_NOTE if at % 50 == 0 else ''}</td>\n"
        f"<td>{1000 + at:010d}</td>\n<td>1902 (1887)\n</td></tr>"
        for at, one in enumerate(listed)
    )
    heads = "".join(
        f"<th>{name}</th>\n"
        for name in ("Security", "GICS Sector", "GICS Sub-Industry", "Headquarters Location", "Date added", "CIK")
    )
    return (
        '<table class="wikitable sortable" id="constituents">\n<tbody><tr>\n<th><a href="/wiki/T">Symbol</a>\n</th>\n'
        f"{heads}<th>Founded\n</th></tr>{rows}</tbody></table>"
    )


def _changes(changes: list[Change]) -> str:
    rows = "".join(
        f"<tr>\n<td>{_long(one.effective)}\n</td>{_side(one.added)}{_side(one.removed)}<td>Size.{_NOTE}\n</td></tr>"
        for one in changes
    )
    return (
        '<table class="wikitable sortable" id="changes">\n<tbody><tr>\n<th data-sort-type="date" rowspan="2">Effective'
        ' Date\n</th>\n<th colspan="2">Added\n</th>\n<th colspan="2">Removed\n</th>\n<th rowspan="2">Reason\n</th></tr>'
        f"\n{_TICKERS}{rows}</tbody></table>"
    )


def _short(listed: list[Membership]) -> str:
    rows = "".join(
        f'<tr><td>{one.symbol}</td><td><style data-mw="x">.a{{b:c}}</style>{escape(one.name)}</td>'
        "<td>Tech<br />nology</td></tr>"
        for one in listed
    )
    return (
        '<table class="wikitable" id="constituents"><thead><tr><th>Ticker</th><th>Company</th>'
        f'<th><a href="/wiki/ICB">ICB</a> Industry{_NOTE}</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _spanned(changes: list[Change]) -> str:
    """The changes of a day under one date."""
    rows = ""
    for day, group in groupby(changes, key=lambda one: one.effective):
        same = list(group)
        for at, one in enumerate(same):
            head = f'<td rowspan="{len(same)}">{_key(day)}{_long(day)}</td>' if at == 0 else ""
            rows += f"<tr>{head}{_side(one.added)}{_side(one.removed)}<td>Annual.</td></tr>"
    return (
        '<table class="wikitable"><tbody><tr><th rowspan="2">Date</th><th colspan="2">Added</th>'
        '<th colspan="2">Removed</th><th rowspan="2">Reason</th></tr>'
        f"{_TICKERS}{rows}</tbody></table>"
    )


def _components(listed: list[Membership]) -> str:
    rows = "".join(
        f'<tr><th scope="row"><a href="/wiki/X">{escape(one.name)}</a></th><td>NYSE</td><td>{one.symbol}</td>'
        f"<td>Conglomerate</td><td>{_key(one.since)}{one.since or ''}</td><td>3.1%</td></tr>"
        for one in listed
    )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Company", "Exchange", "Symbol", "Industry", "Date added", "Index weighting")
    )
    caption = "<caption>DJIA component companies</caption>"
    return f'<table class="wikitable sortable">{caption}<tbody><tr>{heads}</tr>{rows}</tbody></table>'


def _side(one: Membership | None) -> str:
    return (
        "<td></td><td></td>" if one is None else f'<td>{one.symbol}\n</td><td><a href="/w">{escape(one.name)}</a></td>'
    )


def _key(day: date | None) -> str:
    return f'<span data-sort-value="x" style="display: none">{day}</span>'


def _long(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"
