"""
Keeps over a gym with known defects: each collected by the whole pipeline from vendors behind real sockets.

One source brings volume: many symbols over many years, and the tail of a session under way. Many sources are there to
disagree. Minutes are a world of their own. What was planted is handed out with the keep, to be compared with what the
checks say.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gym import FaultPlan, Gym, Truth, serve
from gym.alpaca import Alpaca
from gym.companies import Companies
from gym.defects import Defect, Doctored, Enriched, Spoil
from gym.defects_actions import CASH, CASH_ABOVE, PHANTOM_APPLIED, SPLITS
from gym.defects_bars import KINDS as BARS
from gym.defects_facts import plan_facts, spoilt
from gym.defects_minutes import FEW_EVERYWHERE
from gym.defects_minutes import KINDS as MINUTES
from gym.defects_plan import (
    MANY_SOURCES,
    ONE_SOURCE,
    VENDORS,
    Slots,
    natural,
    partial,
    plan_bars,
    plan_ends,
    plan_everywhere,
    plan_holes,
    plan_jury,
    plan_minutes,
    plan_rare_cash,
    plan_spun,
    plan_steps,
    plan_told,
    plan_twice,
    plan_untold,
)
from gym.polygon import Polygon
from gym.sec import Sec
from gym.sec_tickers import SecTickers
from gym.wild import Wild
from gym.yahoo import Yahoo
from marketkeep.config import Settings, SourceSettings
from marketkeep.model import Policy
from marketkeep.pipeline.collecting.means import open_means
from marketkeep.pipeline.collecting.update import backfill, update
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake

LAST = date(2024, 12, 30)
CONTACT = "Gym Tester tester@example.org"
HOW: dict[str, Spoil] = {kind.name: spoil for kind, spoil in (BARS | SPLITS | CASH | MINUTES).items()}
# These keeps know no directory, so they know of no rename either.
MADE = {"yahoo": Yahoo, "polygon": functools.partial(Polygon, by_day=False), "alpaca": Alpaca}
WIRES = (
    *("http_429", "http_500", "hang", "cut", "truncated", "malformed", "empty", "wrong_symbol"),
    *("duplicates", "revision"),
)
"""Faults of the wire, one for a symbol; the next request gets over each."""

ENDED_BEFORE = 8
"""Sessions that a symbol lacks at its end where no vendor tells it any more."""


@dataclass(frozen=True)
class World:
    """
    A collected keep, its truth and what was planted: `defects` in what vendors tell, `faults` of the wire by symbol.

    `dataset` is the one that its rows are counted in, `start` its first day, `now` the instant (UTC) of its last run.
    """

    name: str
    root: Path
    truth: Truth
    start: date
    now: datetime
    defects: Sequence[Defect]
    faults: dict[str, str] = field(default_factory=dict)
    dataset: str = "daily_bars"
    requests: int = 0
    seconds: float = 0.0

    @property
    def has_bars(self) -> bool:
        """Whether daily bars were collected."""
        return self.dataset.endswith("_bars")

    @property
    def vendors(self) -> list[str]:
        """Whose views there are."""
        return sorted({one.vendor for one in self.defects})


@dataclass
class Keep:
    """A keep at `root` over a gym; its clock runs from the gym's instant."""

    root: Path
    gym: Gym
    vendors: Sequence[str]
    work: Workspace = field(init=False)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        Lake(self.root).create(Policy())
        self.work = open_workspace(self.root, clock=self.clock)

    def clock(self) -> datetime:
        """The gym's instant and the time since (UTC)."""
        return self.gym.now + timedelta(seconds=time.monotonic() - self.began)

    def collect(self, act: Callable[..., object], names: Sequence[str], **options: object) -> None:
        """One run of `act` with these sources."""
        told = {
            name: SourceSettings(key=f"gym-key-{name}", secret=f"gym-secret-{name}", calls=1000, seconds=1.0)
            for name in self.vendors
        }
        settings = Settings(data=self.root, gateway=self.gym.url, contact=CONTACT, timeout_seconds=5.0, sources=told)
        with open_means(self.root, settings, self.clock, tuple(names)) as means:
            act(self.work, means, **options)


def one_source(root: Path, *, symbols: int, years: int, seed: int) -> World:
    """
    Yahoo alone: daily bars and actions, collected first while a session is under way and again when it is over.

    Three fifths of the symbols have defects in their bars, the others splits that nobody tells or that were none, cash
    above the close, no bars at the end, or faults on the wire.
    """
    truth = Truth(seed, symbols, years, LAST)
    holes = [truth.sessions.dates[len(truth.sessions.dates) * part // 4].item() for part in (1, 2, 3)]
    slots = Slots(truth, seed, frozenset(holes))
    defects = plan_steps(slots, "yahoo", symbols // 20)
    rest = list(slots.free)
    damaged, sound = rest[: len(rest) * 3 // 5], rest[len(rest) * 3 // 5 :]
    defects += plan_bars(slots, damaged, ONE_SOURCE, ["yahoo"])
    defects += plan_holes(truth, seed, "yahoo", holes, 0.35)
    listed = [one for one in sound if not truth.security(one).delisted]
    split = [one for one in listed if any(action.ratio is not None for action in truth.history(one).actions)]
    plain = [one for one in listed if one not in split]
    untold, clean_split = split[::2], split[1::2]
    many = max(3, len(plain) // 5)
    phantom, above, ended, hit = plain[:many], plain[many : 2 * many], plain[2 * many : 3 * many], plain[3 * many :]
    defects += plan_untold(truth, "yahoo", untold)
    defects += plan_told(slots, PHANTOM_APPLIED, "yahoo", phantom) + plan_told(slots, CASH_ABOVE, "yahoo", above)
    over = plan_ends(truth, "yahoo", ended[:8], ENDED_BEFORE)
    defects += over + natural(truth, "yahoo", truth.first) + partial(truth, "yahoo", {one.symbol for one in over})
    faults = {symbol: WIRES[turn % len(WIRES)] for turn, symbol in enumerate([*hit, *clean_split][: 3 * len(WIRES)])}
    with _collecting(truth, ["yahoo"], defects, faults) as (gym, morning):
        keep = Keep(root, gym, ["yahoo"])
        add_symbols(keep.work, truth.symbols, start=truth.first)
        began = time.monotonic()
        keep.collect(update, ["yahoo"], datasets=["daily_bars", "actions"])
        gym.now, gym.phase = morning, 1
        keep.began = time.monotonic()
        keep.collect(update, ["yahoo"], datasets=["daily_bars", "actions"])
        spent, asked = time.monotonic() - began, gym.count
    return World("one source", root, truth, truth.first, morning, defects, faults, requests=asked, seconds=spent)


def many_sources(root: Path, *, symbols: int, years: int, seed: int) -> World:
    """Yahoo, Polygon and Alpaca over one truth, each asked for its own word; one of them is wrong at a time."""
    truth = Truth(seed, symbols, years, LAST)
    slots = Slots(truth, seed)
    defects = plan_jury(truth, slots)
    rest = [symbol for symbol in slots.free if len(slots.free[symbol]) > 1]
    few = max(2, len(rest) // 10)
    spun, told_as_splits = plan_spun(slots, rest[2 * few : 3 * few])
    truth = Enriched(truth, plan_rare_cash(slots, rest[:few]), spun)
    defects += told_as_splits + plan_twice(slots, rest[few : 2 * few])
    defects += plan_bars(slots, rest[3 * few : len(rest) * 3 // 4], MANY_SOURCES, VENDORS)
    # Polygon is asked for two years at most.
    start = truth.first + timedelta(days=10)
    defects += natural(truth, VENDORS[0], start)
    with _collecting(truth, VENDORS, defects, {}) as (gym, morning):
        gym.now = morning
        keep = Keep(root, gym, VENDORS)
        add_symbols(keep.work, truth.symbols, start=start)
        began = time.monotonic()
        for name in VENDORS:
            keep.collect(backfill, [name], start=start, end=LAST, second_opinion=True)
        spent, asked = time.monotonic() - began, gym.count
    return World("many sources", root, truth, start, morning, defects, requests=asked, seconds=spent)


def minute_bars(root: Path, *, symbols: int, sessions: int, seed: int) -> World:
    """Minutes and daily bars of Polygon over some weeks."""
    truth = Truth(seed, symbols, 1, LAST)
    days = truth.sessions.dates[-sessions:].tolist()
    hole, start = days[3 * (sessions // 6)], days[0]
    defects = plan_minutes(truth, seed, "polygon", days, [kind for kind in MINUTES if kind is not FEW_EVERYWHERE])
    defects += plan_everywhere(truth, FEW_EVERYWHERE, "polygon", hole) + natural(truth, "polygon", start)
    with _collecting(truth, ["polygon"], defects, {}) as (gym, morning):
        gym.now = morning
        keep = Keep(root, gym, ["polygon"])
        add_symbols(keep.work, truth.symbols, start=start)
        began = time.monotonic()
        datasets = ["daily_bars", "actions", "minute_bars"]
        keep.collect(backfill, ["polygon"], start=start, end=LAST, datasets=datasets)
        spent, asked = time.monotonic() - began, gym.count
    return World(
        "minute bars", root, truth, start, morning, defects, dataset="minute_bars", requests=asked, seconds=spent
    )


def wild_prices(root: Path, *, symbols: int, years: int, seed: int) -> World:
    """Yahoo alone, over prices as wild as real ones, with nothing wrong in them."""
    truth = Wild(seed, symbols, years, LAST)
    defects = natural(truth, "yahoo", truth.first)
    with _collecting(truth, ["yahoo"], defects, {}) as (gym, morning):
        gym.now = morning
        keep = Keep(root, gym, ["yahoo"])
        add_symbols(keep.work, truth.symbols, start=truth.first)
        began = time.monotonic()
        keep.collect(update, ["yahoo"], datasets=["daily_bars", "actions"])
        spent, asked = time.monotonic() - began, gym.count
    return World("wild prices", root, truth, truth.first, morning, defects, requests=asked, seconds=spent)


def statements(root: Path, *, symbols: int, years: int, seed: int) -> World:
    """What companies file with the SEC, by the facts of each and its submissions."""
    truth = Truth(seed, symbols, years, LAST)
    defects = plan_facts(Companies(truth), seed, most=symbols * years)

    def made(truth: Truth) -> list[object]:
        return [Sec(truth, spoilt=spoilt(defects)), SecTickers(truth)]

    evening = datetime.fromtimestamp(int(truth.sessions.closes[-1]), UTC) + timedelta(hours=6)
    with serve(truth=truth, vendors=made, now=evening) as gym:
        keep = Keep(root, gym, ["sec", "sec_tickers"])
        companies = [symbol for symbol in truth.symbols if truth.profile(symbol).cik is not None]
        add_symbols(keep.work, companies, start=truth.first)
        began = time.monotonic()
        keep.collect(update, ["sec_tickers"], datasets=["listings"])
        keep.collect(update, ["sec"], datasets=["filings", "facts"])
        spent, asked = time.monotonic() - began, gym.count
    return World(
        "statements", root, truth, truth.first, evening, defects, dataset="fundamentals", requests=asked, seconds=spent
    )


@contextmanager
def _collecting(
    truth: Truth, vendors: Sequence[str], defects: Sequence[Defect], faults: dict[str, str]
) -> Iterator[tuple[Gym, datetime]]:
    """A gym of these vendors, each with its own view, in the middle of the last session; and the morning after it."""

    def made(truth: Truth) -> list[object]:
        return [MADE[one](Doctored(truth, one, defects, HOW)) for one in vendors]

    opens = datetime.fromtimestamp(int(truth.sessions.opens[-1]), UTC)
    under_way = opens + timedelta(hours=2, minutes=17)
    plan = FaultPlan(told={symbol: [kind] for symbol, kind in faults.items()})
    with serve(truth=truth, vendors=made, now=under_way, faults=plan) as gym:
        yield gym, opens + timedelta(hours=20)
