"""
A keep over directories with known defects, read around every rename and delisting, and lists of members from files.

`Identity` says of each security that was renamed, delisted, reused or only seemed gone whether the keep has it right.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from seeded_worlds import HOW, LAST, Keep, World

import marketkeep
from gym import Truth, serve
from gym.defects import Defect, Doctored
from gym.defects_listing import BLINK, DROPPED, GHOST, HALVED, LISTING, QUIET, TWIN, UNSEEN, ToldDirectory
from gym.defects_plan import HALTED, OVER, natural
from gym.indices import filler, pool
from gym.nasdaq_trader import NasdaqTrader
from gym.sec_tickers import SecTickers
from gym.truth import REUSED, History
from gym.yahoo import Yahoo
from marketkeep.calendars import XNYS
from marketkeep.errors import AmbiguousSymbol, BadFile, MarketkeepError
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.files import FileOptions
from marketkeep.pipeline.ingest import ingest
from marketkeep.pipeline.securities import add_symbols

SOURCES = ("yahoo", "nasdaq_trader", "sec_tickers")
RENAMED, DELISTED, REUSES = "renamed", "delisted", "ticker reused by another company"
SILENT, BLINKED = "no bars any more, still listed", BLINK.name
CLOSED, MEMBERSHIP = "interval of membership that ends before it begins", "members of a day"
OVERLAPPED = "day on which one interval of two that overlap has ended"
MUST: dict[str, str] = {
    RENAMED: "both tickers answer with all its bars",
    DELISTED: "its day is known, its bars stay and end there",
    REUSES: "each holder has its own bars, and a question that means both is told so",
    SILENT: "no delisting",
    BLINKED: "no delisting",
    CLOSED: "the file is refused",
    OVERLAPPED: "a member still",
    MEMBERSHIP: "as the file says, whatever other lists say",
}
"""What is seeded beside defects that a check tells of, and what must come of it."""

_BARS = ["date", "open", "high", "low", "close", "volume"]
_TAIL = 9

T = TypeVar("T")


@dataclass
class Identity:
    """How many of each were seeded and how many the keep has right; `wrong` are the others."""

    seeded: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, who: str, *, right: bool) -> None:
        """Count one."""
        self.seeded[what] += 1
        self.right[what] += right
        if not right:
            self.wrong.append(f"{what}: {who}")


def directories(root: Path, *, symbols: int, seed: int) -> tuple[World, Identity]:
    """
    Two years of directories, bars of Yahoo, and files of members at the end.

    Directories are read on the evenings around each rename, delisting and reuse; bars before anything happens, when a
    listing ends, and at the end.
    """
    truth = Truth(seed, symbols, 2, LAST)
    began_on: date = truth.sessions.dates[len(truth.sessions.dates) // 5].item()
    planned = _Plan(truth, began_on)
    defects = planned.defects()

    def made(truth: Truth) -> list[Any]:
        lists = [NasdaqTrader(truth), SecTickers(truth)]
        for one in lists:
            one.directory = ToldDirectory(truth, defects)
        return [Yahoo(Doctored(truth, "yahoo", defects, HOW)), *lists]

    with serve(truth=truth, vendors=made, now=_evening(began_on)) as gym:
        keep = Keep(root, gym, SOURCES)
        add_symbols(keep.work, [*planned.followed(), REUSED], start=planned.start)
        began = time.monotonic()
        for day, with_bars in planned.evenings():
            gym.now, keep.began = _evening(day), time.monotonic()
            if day == truth.reused_history[1].security.first:
                _collect(keep, ["listings"])
                add_symbols(keep.work, [REUSED], start=planned.start)
            _collect(keep, ["listings", "daily_bars", "actions"] if with_bars else ["listings"])
        identity = _files(keep, planned, root)
        spent, asked = time.monotonic() - began, gym.count
    world = World(
        "directories",
        root,
        truth,
        planned.start,
        _evening(LAST),
        [*defects, *_halts(truth, planned.start, began_on)],
        dataset="securities",
        requests=asked,
        seconds=spent,
    )
    _judge(world, planned, identity)
    return world, identity


def _collect(keep: Keep, datasets: Sequence[str]) -> None:
    keep.collect(update, SOURCES, datasets=datasets)


def _halts(truth: Truth, start: date, began: date) -> list[Defect]:
    """Sessions that the truth itself lacks of what is followed from `began` on, the reused ticker's holders too."""
    halted = [one for one in natural(truth, "yahoo", start) if one.kind is HALTED]
    found = [one for one in halted if truth.security(one.symbol).first <= began]
    for history in truth.reused_history:
        found += [Defect(HALTED, "yahoo", REUSED, day) for day in history.security.halts if day > start]
    return found


def _evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, tzinfo=UTC)


@dataclass
class _Plan:
    """Who is followed, what is planted, and on which evenings what is read."""

    truth: Truth
    began: date
    start: date = field(init=False)
    calm: list[str] = field(init=False)
    many: int = field(init=False)

    def __post_init__(self) -> None:
        dates = self.truth.sessions.dates.tolist()
        self.start = dates[dates.index(self.began) - 30]
        # Without splits, so that a file of as-traded bars is one of adjusted bars too.
        self.calm = [one for one in pool(self.truth) if all(a.ratio is None for a in self.truth.history(one).actions)]
        self.many = max(2, self.truth.count // 30)

    def chosen(self, turn: int) -> list[str]:
        """Some of the securities that nothing happens to."""
        return self.calm[turn * self.many : (turn + 1) * self.many]

    def defects(self) -> list[Defect]:
        """All that is planted."""
        dates = self.truth.sessions.dates.tolist()
        on = {UNSEEN: self.began, DROPPED: dates[-120], QUIET: dates[-150], TWIN: self.began, BLINK: self.blinking}
        found = [Defect(kind, "lists", one, on[kind]) for at, kind in enumerate(LISTING) for one in self.chosen(at)]
        found += [Defect(OVER, "yahoo", one, dates[-_TAIL]) for one in self.chosen(len(LISTING))]
        found += [Defect(GHOST, "files", one, dates[-60]) for one in self.ghosts]
        return [*found, Defect(HALVED, "files", self.calm[-1], dates[-30])]

    @property
    def blinking(self) -> date:
        """A day on which directories are read, as on the days around it."""
        return next(day for day, _ in list(self.evenings())[1:])

    @property
    def ghosts(self) -> list[str]:
        """Tickers that no truth has."""
        return [filler(number) for number in range(self.many)]

    def followed(self) -> list[str]:
        """Tickers of the first evening, of those that were listed then and whose bars no file brings."""
        directory = ToldDirectory(self.truth, ())
        files = set(self.chosen(LISTING.index(QUIET)))
        mine = [one for one in directory.on(self.began) if one.security.symbol not in {REUSED, *files}]
        return [one.ticker(self.began) for one in mine]

    def evenings(self) -> Iterator[tuple[date, bool]]:
        """The evenings in order, and whether bars are asked for as well."""
        wanted: dict[date, bool] = {self.began: True, LAST: True}
        for day, ends in self._events():
            before, behind = XNYS.previous_session(day), XNYS.next_session(day)
            for one, with_bars in ((before, ends), (day, False), (behind, False), (XNYS.next_session(behind), False)):
                if self.began < one < LAST:
                    wanted[one] = wanted.get(one, False) or with_bars
        second = self.truth.reused_history[1].security.first
        wanted[second] = True
        yield from sorted(wanted.items())

    def _events(self) -> Iterator[tuple[date, bool]]:
        """Days from which on a directory tells something else, and whether a listing has ended the evening before."""
        for symbol in self.truth.symbols:
            one = self.truth.security(symbol)
            if one.renamed_on:
                yield one.renamed_on, False
            if one.delisted:
                yield XNYS.next_session(one.last), True
        first, second = self.truth.reused[REUSED]
        yield XNYS.next_session(first.last), True
        yield second.first, False


def _files(keep: Keep, planned: _Plan, root: Path) -> Identity:
    """Take in bars and members from files, and say whether a file that cannot be right was refused."""
    identity, box = Identity(), root.with_name(f"{root.name}-files")
    box.mkdir()
    for kind, last in ((DROPPED, LAST), (QUIET, planned.truth.sessions.dates[-150].item())):
        for symbol in planned.chosen(LISTING.index(kind)):
            path = box / f"{symbol}.csv"
            bars = planned.truth.bars(symbol).filter(pl.col("date").is_between(planned.start, last))
            bars.select(_BARS).write_csv(path)
            ingest(keep.work, [path], FileOptions(symbol=symbol, basis="as_traded"))
    dates = planned.truth.sessions.dates.tolist()
    some = planned.calm[1:][-20:]
    texts = {
        "own": "symbol,start,end\n"
        + "".join(f"{one},{dates[-200]},\n" for one in some)
        + f"{planned.calm[0]},{dates[-150]},{dates[-90]}\n{planned.calm[0]},{dates[-120]},{dates[-60]}\n",
        "ghosts": "symbol,start,end\n" + "".join(f"{one},{dates[-60]},\n" for one in planned.ghosts),
        "halved": "date,symbol\n"
        + "".join(f"{day},{one}\n" for day, those in ((dates[-90], some), (dates[-30], some[::2])) for one in those),
    }
    for index, text in texts.items():
        (box / f"{index}.csv").write_text(text, encoding="utf-8")
        ingest(keep.work, [box / f"{index}.csv"], FileOptions(index=index))
    path = box / "reversed.csv"
    path.write_text(f"symbol,start,end\n{some[0]},{dates[-60]},{dates[-90]}\n", encoding="utf-8")
    try:
        ingest(keep.work, [path], FileOptions(index="own"))
    except BadFile:
        identity.add(CLOSED, path.name, right=True)
    else:
        identity.add(CLOSED, path.name, right=False)
    reader = marketkeep.open(root)
    for at in (-201, -200, -151, -150, -90, -61, -60, -1):
        true = sorted([*(some if at >= -200 else []), *([planned.calm[0]] if -150 <= at < -60 else [])])
        told = _or_none(lambda at=at: reader.members("own", dates[at]))
        what = OVERLAPPED if -90 <= at < -60 else MEMBERSHIP
        identity.add(what, str(dates[at]), right=(told or []) == true)
    return identity


def _judge(world: World, planned: _Plan, identity: Identity) -> None:
    keep = marketkeep.open(world.root)
    securities = {row["symbol"]: row for row in keep.securities().rows(named=True)}
    followed = set(planned.followed())

    def held(name: str, *days: date) -> pl.DataFrame | None:
        return _or_none(lambda: keep.bars(name, *days).polars().select(_BARS))

    def is_true(told: pl.DataFrame | None, history: History, last: date = LAST) -> bool:
        true = history.frame().filter(pl.col("date").is_between(world.start, last)).select(_BARS)
        return told is not None and told.equals(true)

    for symbol in world.truth.symbols:
        one, history = world.truth.security(symbol), world.truth.history(symbol)
        if one.renamed_on and one.renamed_on > planned.began and one.formerly in followed:
            identity.add(RENAMED, symbol, right=all(is_true(held(name), history) for name in (symbol, one.formerly)))
        if one.delisted and one.last > planned.began and {symbol, one.formerly} & followed:
            row = securities[symbol]
            ended = not row["active"] and row["delisting_date"] == XNYS.next_session(one.last)
            identity.add(DELISTED, symbol, right=ended and is_true(held(symbol), history))
    for what, turn in ((SILENT, len(LISTING)), (BLINKED, LISTING.index(BLINK))):
        for symbol in planned.chosen(turn):
            identity.add(what, symbol, right=bool(securities[symbol]["active"]))
    first, second = world.truth.reused_history
    former = f"{REUSED}~{first.security.last.year}"
    try:
        keep.bars(REUSED).polars()
    except AmbiguousSymbol:
        apart = is_true(held(former), first) and is_true(held(f"{REUSED}~now"), second)
        identity.add(REUSES, REUSED, right=apart)
    else:
        identity.add(REUSES, REUSED, right=False)


def _or_none(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except MarketkeepError:
        return None
