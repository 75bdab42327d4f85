"""
What a keep is asked of everything but bars and figures: who there is, members, yields, what is held, what is wrong and
why a number is what it is.
"""

# What a kind of question needs is imported when one is asked: reading one symbol must not wait for all the others.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl

from marketkeep.errors import BadInput
from marketkeep.query.clocks import Clocks, Day, Moment, read_day, read_moment, read_range
from marketkeep.query.opened import Opened, spelled

if TYPE_CHECKING:
    from marketkeep.query.proof import Explanation
    from marketkeep.query.quality import Quality


class References(Opened):
    """
    The questions about a keep's reference tables, its quality and its proofs.

    Every reader takes two clocks. `as_of`, a day, shows only what the market knew by its end; `recorded_by`, an instant
    (UTC; a date means the end of that day), only what this keep had received by then. Both default to now.
    """

    def symbols(self, *, as_of: Day | None = None, recorded_by: Moment | None = None) -> list[str]:
        """Symbols with at least one bar, sorted."""
        from marketkeep.query.coverage import symbols

        clocks = Clocks.read(as_of, recorded_by)
        return symbols(self._state(clocks), clocks.as_of)

    def securities(
        self, *, followed: bool | None = None, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """
        What the keep knows of each symbol: name, class, whether it is followed and still listed, sessions held.

        `followed` keeps those that are followed (True) or are not (False). `as_of` leaves out who was listed later, and
        what was delisted later is active. See the data dictionary.
        """
        from marketkeep.query.coverage import securities

        clocks = Clocks.read(as_of, recorded_by)
        known = securities(self._state(clocks), clocks.as_of)
        return known if followed is None else known.filter(pl.col("followed") == followed)

    def ticker_history(self, *, as_of: Day | None = None, recorded_by: Moment | None = None) -> pl.DataFrame:
        """Renames and delistings that sources told: symbol, old and new ticker, first session of the new state."""
        from marketkeep.query import market_time

        clocks = Clocks.read(as_of, recorded_by)
        return market_time.history_on(self._state(clocks).ticker_history(), clocks.as_of)

    def members(
        self, index: str, on: Day | None = None, *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> list[str]:
        """
        Symbols that were members of an index on a session, sorted: sp500, nasdaq100, dow_jones, russell_1000, your own.

        A member is told under the ticker it has now. Without `on`, the members as of the last day that a source told of
        any. Raises `NotFound` for an index of which the keep knows nothing.
        """
        from marketkeep.query.members import members

        clocks = Clocks.read(as_of, recorded_by)
        return members(self._state(clocks), index, read_day(on, "on"), clocks.as_of)

    def index_members(
        self, index: str | None = None, *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """When each symbol was a member, as intervals [from, to) with their sources; see the data dictionary."""
        from marketkeep.query.members import member_intervals

        clocks = Clocks.read(as_of, recorded_by)
        return member_intervals(self._state(clocks), index, clocks.as_of)

    def treasury_yields(
        self,
        start: Day | None = None,
        end: Day | None = None,
        *,
        tenor: str | None = None,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> pl.DataFrame:
        """
        The daily par yield curve from `start` through `end`: date, tenor, yield (percent a year), source.

        `tenor` keeps one point, such as 10Y; `tenor="3M"`, the 13-week bill, is the risk-free rate. Raises `NotFound`
        for a tenor that is not held, `BadInput` or `BadRange` for dates.
        """
        from marketkeep.query.yields import yields

        first, last = read_range(start, end)
        clocks = Clocks.read(as_of, recorded_by)
        return yields(self._state(clocks).yields(), first, clocks.until(last), tenor)

    def coverage(
        self, dataset: str = "daily_bars", *, as_of: Day | None = None, recorded_by: Moment | None = None
    ) -> pl.DataFrame:
        """
        Per symbol: rows, first and last session, missing sessions within them, and mean score.

        `dataset` is daily_bars or minute_bars; of the latter, nothing is missing between months that lie apart.
        Raises `BadInput` for another.
        """
        from marketkeep.query.coverage import coverage

        if dataset not in ("daily_bars", "minute_bars"):
            raise BadInput(f"dataset={dataset!r} has no coverage; use 'daily_bars' or 'minute_bars'")
        clocks = Clocks.read(as_of, recorded_by)
        return coverage(self._state(clocks), dataset, clocks.as_of)

    def findings(
        self,
        symbols: str | Iterable[str] | None = None,
        *,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> pl.DataFrame:
        """
        Everything checks and the collector have found, of these symbols or of all, oldest first, and what became of it;
        see the data dictionary.

        `as_of` leaves out what concerns later days. With `recorded_by`, what was cured later is open.
        """
        from marketkeep.query import market_time

        clocks = Clocks.read(as_of, recorded_by)
        found = market_time.findings_on(self._state(clocks).findings(), clocks.as_of)
        return self._only(found, symbols, clocks)

    def issues(
        self,
        symbols: str | Iterable[str] | None = None,
        *,
        info: bool = False,
        now: Moment | None = None,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> pl.DataFrame:
        """
        What is wrong with what is published of these symbols, or of all: findings that are open, days in a row as one
        line, and what is worked out when asked: missing sessions, holes in the market, actions in dispute, members and
        securities that cannot be right.

        Worst first; see `issues` in the data dictionary. `info` tells mere information too. Given `now` (an instant,
        UTC; a date means its end) symbols that have had no bar for some sessions are among them.
        """
        from marketkeep.query.issues import issues

        clocks = Clocks.read(as_of, recorded_by)
        found = issues(self._state(clocks), self._lake.policy(), clocks, now=read_moment(now, "now"), info=info)
        return self._only(found, symbols, clocks)

    def quality(
        self,
        symbols: str | Iterable[str] | None = None,
        since: Day | None = None,
        *,
        dataset: str | None = None,
        now: Moment | None = None,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> Quality:
        """
        Rows, mean score, and per check what is open and what was cured: of all, or of these symbols, of one dataset,
        of days from `since` on. `now` as for `issues`. See `Quality`.
        """
        from marketkeep.query.quality import Scope, quality

        clocks = Clocks.read(as_of, recorded_by)
        first = read_day(since, "since")
        wanted = None if symbols is None else self._meant(spelled(symbols), first, None, clocks)
        scope = Scope(wanted, dataset, first)
        return quality(self._state(clocks), self._lake.policy(), clocks, scope, read_moment(now, "now"))

    def explain(
        self,
        symbol: str,
        day: Day,
        field: str = "close",
        *,
        as_of: Day | None = None,
        recorded_by: Moment | None = None,
    ) -> Explanation:
        """
        The proof of one cell: candidates, winner, deductions, factors; see `Explanation`.

        `field` is one of a daily bar, or `action` for the corporate actions of that ex-date. Raises `NotFound` when no
        source has said anything of that day, and `BadInput`.
        """
        from marketkeep.query.explain import explain
        from marketkeep.query.proof import Cell

        when = read_day(day, "date")
        if when is None:
            raise BadInput("explain needs a date, such as 2024-01-02")
        clocks = Clocks.read(as_of, recorded_by)
        [name] = self._meant(spelled(symbol), when, when, clocks)
        return explain(self._lake, self._batches, Cell(name, when, field), clocks)

    def _only(self, found: pl.DataFrame, symbols: str | Iterable[str] | None, clocks: Clocks) -> pl.DataFrame:
        if symbols is None:
            return found
        return found.filter(pl.col("symbol").is_in(self._meant(spelled(symbols), None, None, clocks)))
