"""The update against the gym: real sockets, yfinance's own session, faults of every kind, gold equal to the truth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from gym_keep import GymKeep, after_close, differing, published_tree

import marketkeep
from gym import FaultPlan, Gym, serve
from gym.faults import CLIENT_FAULT
from marketkeep.calendars import XNYS
from marketkeep.pipeline.journal import read_run, run_keys
from marketkeep.pipeline.rebuild import rebuild

START, LAST = date(2014, 7, 1), date(2024, 6, 27)
KINDS = (
    "http_429",
    "http_429_after",
    "http_500",
    "hang",
    "cut",
    "truncated",
    "malformed",
    "empty",
    "wrong_symbol",
    "duplicates",
    "revision",
)
# How a kind of fault is told by findings and journal, where its name is not the client's code.
TOLD = {"truncated": "malformed", "duplicates": "duplicate_row", "revision": "revised"}


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """A vendor with 200 symbols, one in twenty of them at fault."""
    faults = FaultPlan(0.05, kinds=KINDS, seed=1, hang_seconds=2)
    with serve(
        symbols=200, years=10, seed=7, last=LAST + timedelta(days=1), now=after_close(LAST), faults=faults
    ) as one:
        yield one


@pytest.fixture(scope="module")
def keep(gym: Gym, tmp_path_factory: pytest.TempPathFactory) -> GymKeep:
    """200 symbols over 10 years collected through faults, then once more on the next day, when revisions landed."""
    made = GymKeep(tmp_path_factory.mktemp("gym") / "keep", gym)
    made.follow(START)
    made.collect()
    return made


def told(code: str) -> str:
    """The code under which a kind of fault is found."""
    return TOLD.get(code) or CLIENT_FAULT.get(code, code)


def test_first_update_brings_every_bar(keep: GymKeep, gym: Gym) -> None:
    """
    After one update gold equals the truth exactly, but for the sessions the gym was told to revise later.
    """
    wrong = differing(keep.root, gym, START, LAST)
    revised = set(gym.plan.revised_symbols)
    assert set(wrong) <= revised
    assert marketkeep.open(keep.root).coverage()["rows"].sum() > 450_000


def test_second_run_asks_for_nothing(keep: GymKeep, gym: Gym) -> None:
    """
    What is held or answered is not asked for again.
    """
    gym.clear()
    outcome = keep.collect()
    assert (outcome.collected.planned, gym.count) == (0, 0)


def test_next_day_asks_once_a_symbol_and_takes_revisions(keep: GymKeep, gym: Gym) -> None:
    """
    A day later each listed symbol is asked once, for the trailing sessions only; then gold equals the truth exactly.
    """
    gym.clear()
    gym.phase = 1
    gym.now = after_close(LAST + timedelta(days=1))
    keep.collect()
    listed = [one for one in gym.truth.symbols if not gym.truth.security(one).delisted]
    asked = gym.counts()
    assert set(listed) <= set(asked)
    # A delisted one answers with nothing, which is believed when said twice; faults cost a few requests more.
    assert sum(asked.values()) <= 2 * (len(gym.truth.symbols) - len(listed)) + 1.05 * len(listed)
    assert differing(keep.root, gym, START, LAST + timedelta(days=1)) == {}
    earliest = min(hit.params["period1"] for hit in gym.log if hit.key in listed)
    assert int(earliest) >= (after_close(LAST) - timedelta(days=15)).timestamp()


def test_journal_and_findings_name_each_fault(keep: GymKeep, gym: Gym) -> None:
    """
    Every injected fault is found again by name and symbol, in the findings and, where collecting met it, the journal.
    """
    findings = marketkeep.open(keep.root).findings()
    found = set(findings.select("symbol", "check").iter_rows())
    events = [event for path in run_keys(keep.root) for event in read_run(keep.root, path) if event["event"] == "fault"]
    journal = {(event["symbol"], code) for event in events for code in event["faults"]}
    for symbol, kinds in gym.plan.expected().items():
        for kind in kinds:
            assert (symbol, told(kind)) in found, f"{symbol}: {kind} is not among the findings"
            if kind not in ("duplicates", "revision"):
                assert (symbol, told(kind)) in journal, f"{symbol}: {kind} is not in the journal"
    print(findings.group_by("check", "severity").agg(pl.len(), pl.col("count").sum()).sort("check"))


def test_rebuild_gives_the_same_bytes(keep: GymKeep, gym: Gym) -> None:
    """
    Published files and catalog deleted and made again from raw alone are the same, byte for byte.
    """
    before = published_tree(keep.root)
    gym.now += timedelta(hours=3)
    rebuilt = rebuild(keep.work)
    assert published_tree(keep.root) == before
    assert len(before) > 2000
    assert not rebuilt.corrupt


def test_daily_updates_equal_a_rebuild(tmp_path: Path) -> None:
    """
    Forty sessions taken day by day, with splits, dividends and live rows arriving on the way, publish what one rebuild
    of the same raw publishes.
    """
    days = XNYS.sessions(date(2023, 11, 1), date(2024, 1, 3))
    with serve(symbols=24, years=3, seed=11, last=days[-1], now=after_close(days[0])) as gym:
        keep = GymKeep(tmp_path / "keep", gym)
        keep.follow(date(2021, 2, 1))
        for number, day in enumerate(days):
            # Every third run is in the middle of the session: its last row is live and must not be kept as final.
            gym.now = after_close(day) - timedelta(hours=5 if number % 3 == 2 else 0)
            keep.collect()
        gym.now = after_close(days[-1])
        keep.collect()
        before = published_tree(keep.root)
        rebuild(keep.work)
        assert published_tree(keep.root) == before
        assert differing(keep.root, gym, date(2021, 2, 1), days[-1]) == {}
