"""Repair over several sources: what one does not have or tells wrong is asked of the next; nothing is made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from gym_keep import after_close, published_tree
from vendors_keep import VendorsKeep

import marketkeep
from gym import FaultPlan, Gym, Truth, serve
from gym.alpaca import Alpaca
from gym.defects import Defect, Doctored
from gym.defects_actions import CASH, SPLITS
from gym.defects_bars import KINDS
from gym.defects_minutes import KINDS as MINUTE_KINDS
from gym.minutes import regular
from gym.polygon import Polygon
from gym.vendors import some_vendors
from gym.yahoo import Yahoo
from marketkeep.pipeline.collecting.means import open_means
from marketkeep.pipeline.collecting.repair import Plan, Repaired, plan_repair, repair
from marketkeep.pipeline.collecting.update import backfill
from marketkeep.pipeline.journal import read_run, run_keys
from marketkeep.pipeline.rebuild import rebuild

START, LAST = date(2024, 12, 2), date(2024, 12, 27)
FAST = {"calls": 1000, "seconds": 1.0}
BOTH = {"yahoo": FAST, "polygon": FAST}
THREE = {**BOTH, "alpaca": FAST}
HOW = {kind.name: spoil for kind, spoil in KINDS.items()}
NAMED = {kind.name: kind for kind in KINDS}
TRUTH = Truth(7, 12, 1, LAST)
BARS = ["date", "open", "high", "low", "close", "volume"]


def plain_symbols(count: int) -> list[str]:
    """Symbols that traded through the year without a split or a halt."""
    days = [day for day in TRUTH.history(TRUTH.symbols[0]).sessions.dates.tolist() if day >= date(2024, 12, 1)]
    found = [
        one
        for one in TRUTH.symbols
        if not TRUTH.security(one).halts
        and not any(action.ratio for action in TRUTH.history(one).actions)
        and set(days) <= set(TRUTH.history(one).sessions.dates.tolist())
    ]
    return found[:count]


CASH_AT, SPLIT_AT = ("CON", date(2024, 12, 12)), ("BRK.B", date(2024, 10, 10))
ABSURD, CROSSED, SPIKED, MISSING, ALL_WRONG = plain_symbols(5)
DAY = date(2024, 12, 11)
YAHOO_SAYS = {
    ABSURD: "price times 100",
    CROSSED: "high below low",
    SPIKED: "spike for a session",
    MISSING: "session missing",
    ALL_WRONG: "high below low",
}
OTHERS_SAY = {ALL_WRONG: "high below low"}


def views(truth: Truth) -> list[Any]:
    """Vendors that see the truth with their own defects on one day: Yahoo with five, the others with one of these."""
    told = {"yahoo": YAHOO_SAYS, "polygon": OTHERS_SAY, "alpaca": OTHERS_SAY}
    defects = [
        Defect(NAMED[kind], vendor, symbol, DAY) for vendor, some in told.items() for symbol, kind in some.items()
    ]
    made = {"yahoo": Yahoo, "polygon": Polygon, "alpaca": Alpaca}
    return [vendor(Doctored(truth, name, defects, HOW)) for name, vendor in made.items()]


@pytest.fixture
def gym() -> Iterator[Gym]:
    """Three vendors, the first of them wrong in five places, all in one of these."""
    with serve(truth=TRUTH, now=after_close(LAST), vendors=views) as one:
        yield one


def wrong_keep(root: Path, gym: Gym, symbols: Sequence[str] = tuple(YAHOO_SAYS)) -> VendorsKeep:
    """A keep that believed the vendor that is wrong."""
    keep = VendorsKeep(root, gym, sources=THREE)
    keep.follow(date(2024, 9, 3), symbols)
    keep.collect(names=["yahoo"], datasets=["daily_bars", "actions"])
    return keep


def bar(keep: VendorsKeep, symbol: str, day: date = DAY) -> list[tuple[Any, ...]]:
    """What the keep serves of a session."""
    return marketkeep.open(keep.root).bars(symbol, day, day).polars().select(BARS).rows()


def true_bar(symbol: str, day: date = DAY) -> list[tuple[Any, ...]]:
    """What traded in it."""
    bars = TRUTH.bars(symbol).filter(pl.col("date") == day).select(BARS)
    return bars.cast({"volume": pl.Float64}).rows()


def planned(keep: VendorsKeep, **options: Any) -> Plan:
    """What a repair would ask."""
    with open_means(keep.root, keep.told(), keep.clock, tuple(keep.sources)) as means:
        return plan_repair(keep.work, means, days=30, **options)


def test_repair_asks_another_source_first(tmp_path: Path) -> None:
    """
    A source that answers with nothing, twice, is believed by the update; a repair asks another, and the first one again
    only when nobody else has the sessions.
    """
    faults = FaultPlan(always={"BRK.B": "empty"})
    vendors = some_vendors("yahoo", "polygon")
    with serve(4, 1, last=LAST, now=after_close(LAST), vendors=vendors, faults=faults) as gym:
        keep = VendorsKeep(tmp_path / "keep", gym, sources=BOTH)
        keep.follow(START, ["BRK.B"])
        keep.collect(names=["yahoo"], datasets=["daily_bars"])
        assert marketkeep.open(keep.root).symbols() == []
        outcome = keep.collect(repair, days=30)
        assert (outcome.missing_before, outcome.missing_after) == (19, 0)
        assert set(outcome.collected.by_source) == {"polygon"}
        assert set(marketkeep.open(keep.root).bars("BRK.B").polars()["source"]) == {"polygon"}


def test_who_answered_without_is_asked_again_when_nobody_else_has_it(tmp_path: Path) -> None:
    """
    Alone at hand, the source that had nothing is asked again, and what it has by now is taken.
    """
    faults = FaultPlan(always={"BRK.B": "empty"})
    with serve(4, 1, last=LAST, now=after_close(LAST), vendors=some_vendors("yahoo"), faults=faults) as gym:
        keep = VendorsKeep(tmp_path / "keep", gym, sources={"yahoo": FAST})
        keep.follow(START, ["BRK.B"])
        keep.collect(datasets=["daily_bars"])
        gym.set_faults(FaultPlan())
        outcome = keep.collect(repair, days=30)
        assert (outcome.missing_before, outcome.missing_after) == (19, 0)


def test_what_one_source_tells_wrong_another_cures(tmp_path: Path, gym: Gym) -> None:
    """
    A price times a hundred, a high below the low, a spike and a missing session of one source are put right by what
    another says; the journal names each finding that was cured and the one that was not.
    """
    keep = wrong_keep(tmp_path / "keep", gym)
    assert bar(keep, ABSURD) == bar(keep, CROSSED) == bar(keep, MISSING) == bar(keep, ALL_WRONG) == []
    assert bar(keep, SPIKED) != true_bar(SPIKED)
    outcome = keep.collect(repair, days=30)
    assert isinstance(outcome, Repaired)
    for symbol in (ABSURD, CROSSED, SPIKED, MISSING):
        assert bar(keep, symbol) == true_bar(symbol), symbol
    healed = {(one.symbol, one.check, one.day, one.source) for one in outcome.healed}
    assert healed >= {
        (ABSURD, "price_absurd", DAY, "yahoo"),
        (CROSSED, "high_below_low", DAY, "yahoo"),
        (SPIKED, "price_spike", DAY, "yahoo"),
    }
    left = {(one.symbol, one.check) for one in outcome.left}
    assert (ALL_WRONG, "high_below_low") in left
    assert {symbol for symbol, _ in left} == {ALL_WRONG}
    [told] = [one for one in read_run(keep.root, run_keys(keep.root)[-1]) if one["event"] == "repaired"]
    assert {(one["symbol"], one["check"]) for one in told["healed"]} == {(one[0], one[1]) for one in healed}
    assert {one["symbol"] for one in told["left"]} == {ALL_WRONG}
    assert told["filled"] == 3
    # What all sources have wrong is not made up: the session stays without a bar, and is found to.
    assert bar(keep, ALL_WRONG) == []
    assert {one.source for one in outcome.fresh if one.symbol == ALL_WRONG} == {"polygon", "alpaca"}


def test_findings_are_resolved_by_the_batch_that_cured_them(tmp_path: Path, gym: Gym) -> None:
    """
    What was found stays on record, with the batch that made it good; a rebuild tells the same.
    """
    keep = wrong_keep(tmp_path / "keep", gym)
    keep.collect(repair, days=30)
    findings = marketkeep.open(keep.root).findings()
    found = findings.filter((pl.col("symbol") == ABSURD) & (pl.col("check") == "price_absurd"))
    batches = keep.work.lake.catalog().batches
    [by] = batches.filter(pl.col("batch_id").is_in(found["resolved_by"].implode()))["source"].to_list()
    assert found["first"].to_list() == [DAY]
    assert by != "yahoo"
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def test_plan_says_what_is_asked_of_whom_and_why(tmp_path: Path, gym: Gym) -> None:
    """
    A plan names days, reasons and who can tell; making it asks nobody and writes nothing.
    """
    keep = wrong_keep(tmp_path / "keep", gym)
    gym.clear()
    journal, raw = run_keys(keep.root), keep.work.batches.paths()
    steps = planned(keep, symbols=[CROSSED, MISSING]).steps
    assert [(one.symbol, one.why) for one in steps] == [
        (CROSSED, ("gap",)),
        (MISSING, ("gap",)),
        (CROSSED, ("high_below_low",)),
    ]
    facts = {(one.dataset, one.first, one.last, one.sources) for one in steps}
    assert facts == {("daily_bars", DAY, DAY, ("yahoo", "polygon", "alpaca"))}
    assert (gym.count, run_keys(keep.root), keep.work.batches.paths()) == (0, journal, raw)


def test_only_the_symbols_and_days_named(tmp_path: Path, gym: Gym) -> None:
    """
    A repair of one symbol, or of few days, leaves everything else as it is; where nothing is wrong there is no plan.
    """
    keep = wrong_keep(tmp_path / "keep", gym)
    keep.collect(repair, days=30, symbols=[ABSURD])
    assert bar(keep, ABSURD) == true_bar(ABSURD)
    assert bar(keep, CROSSED) == []
    keep.collect(repair, days=(LAST - DAY).days - 1)
    assert bar(keep, CROSSED) == []
    sound = planned(keep, symbols=[ABSURD])
    assert (sound.steps, sound.opinions) == ((), ())


def test_revised_row_of_the_same_source_cures(tmp_path: Path) -> None:
    """
    With one source at hand its own revised row is taken: the window is asked for again though it was answered.
    """
    keep_at = tmp_path / "keep"
    with serve(truth=TRUTH, now=after_close(LAST), vendors=views) as gym:
        keep = VendorsKeep(keep_at, gym, sources={"yahoo": FAST})
        keep.follow(date(2024, 9, 3), [ABSURD, SPIKED])
        keep.collect(datasets=["daily_bars", "actions"])
        assert (bar(keep, ABSURD), bar(keep, SPIKED) == true_bar(SPIKED)) == ([], False)
    now = after_close(LAST) + timedelta(hours=1)
    with serve(truth=TRUTH, now=now, vendors=some_vendors("yahoo")) as gym:
        keep.gym = gym
        outcome = keep.collect(repair, days=30)
        assert isinstance(outcome, Repaired)
        assert (bar(keep, ABSURD), bar(keep, SPIKED)) == (true_bar(ABSURD), true_bar(SPIKED))
        assert outcome.left == ()


def test_minutes_of_a_session_are_cured_by_another_source(tmp_path: Path) -> None:
    """
    A handful of minutes, found beside the day's volume, gives way to the whole session of another source; the plan asks
    for that session alone.
    """

    def minutes_spoilt(truth: Truth) -> list[Any]:
        [few] = [kind for kind in MINUTE_KINDS if kind.name == "a handful of minutes"]
        spoilt = Doctored(truth, "alpaca", [Defect(few, "alpaca", ABSURD, DAY)], {few.name: MINUTE_KINDS[few]})
        return [Yahoo(truth), Alpaca(spoilt), Polygon(truth)]

    with serve(truth=TRUTH, now=after_close(LAST) + timedelta(hours=5), vendors=minutes_spoilt) as gym:
        keep = VendorsKeep(tmp_path / "keep", gym, sources=THREE)
        keep.follow(date(2024, 12, 9), [ABSURD])
        keep.collect(names=["yahoo"], datasets=["daily_bars", "actions"])
        keep.collect(names=["alpaca"], datasets=["minute_bars"])
        [step] = planned(keep, datasets=["minute_bars"]).steps
        assert (step.first, step.last, step.why) == (DAY, DAY, ("minutes_incomplete",))
        outcome = keep.collect(repair, names=["alpaca", "polygon"], days=30, datasets=["minute_bars"])
    assert isinstance(outcome, Repaired)
    assert [(one.check, one.day, one.source) for one in outcome.healed] == [("minutes_incomplete", DAY, "alpaca")]
    assert (outcome.left, outcome.fresh) == ((), ())
    served = marketkeep.open(keep.root).minute_bars(ABSURD, DAY, DAY).polars()
    assert set(served["source"]) == {"polygon"}
    assert served.filter(pl.col("segment") == "regular").height == regular(TRUTH.history(ABSURD), DAY).height


def yahoo_wrong(kind: str, symbol: str, day: date) -> Callable[[Truth], list[Any]]:
    """Three vendors, of whom Yahoo tells the action of a symbol and day wrong, or not at all."""
    [(wrong, spoil)] = [(one, spoil) for one, spoil in (SPLITS | CASH).items() if one.name == kind]
    defects = [Defect(wrong, "yahoo", symbol, day)]
    return lambda truth: [Yahoo(Doctored(truth, "yahoo", defects, {kind: spoil})), Polygon(truth), Alpaca(truth)]


def verdict(keep: VendorsKeep, symbol: str, day: date) -> tuple[Any, ...]:
    """Ratio or amount of the action on a day, and how sure it is."""
    actions = marketkeep.open(keep.root).actions(symbol).filter(pl.col("ex_date") == day)
    return actions.select("numerator", "denominator", "amount", "status").row(0)


def test_action_in_dispute_is_settled_by_a_third_source(tmp_path: Path) -> None:
    """
    Two sources tell a dividend differently: a repair asks the third for its own word, though the day was answered for,
    and the amount that two agree on is the one that is paid.
    """
    symbol, day = CASH_AT
    with serve(truth=TRUTH, now=after_close(LAST), vendors=yahoo_wrong("dividend of another amount", *CASH_AT)) as gym:
        keep = VendorsKeep(tmp_path / "keep", gym, sources=THREE)
        keep.follow(date(2024, 9, 3), [symbol])
        keep.collect(names=["yahoo"], datasets=["daily_bars", "actions"])
        keep.collect(backfill, names=["polygon"], start=day, second_opinion=True, datasets=["actions"])
        assert verdict(keep, symbol, day)[-1] == "disputed"
        outcome = keep.collect(repair, days=30)
    assert isinstance(outcome, Repaired)
    assert [(one.check, one.symbol, one.day) for one in outcome.healed] == [("action_disputed", symbol, day)]
    [cash] = [one for one in TRUTH.history(symbol).actions if one.ex_date == day]
    assert verdict(keep, symbol, day) == (None, None, float(cash.amount or 0), "confirmed")
    assert (outcome.left, outcome.fresh) == ((), ())


def test_split_that_nobody_told_is_asked_for(tmp_path: Path) -> None:
    """
    A source that tells no split leaves a step in its prices: the others are asked for actions around it, and with what
    they tell there is no step left.
    """
    symbol, day = SPLIT_AT
    with serve(truth=TRUTH, now=after_close(LAST), vendors=yahoo_wrong("split told by nobody", *SPLIT_AT)) as gym:
        keep = VendorsKeep(tmp_path / "keep", gym, sources=THREE)
        keep.follow(date(2024, 7, 1), [symbol])
        keep.collect(names=["yahoo"], datasets=["daily_bars", "actions"])
        assert ("split_missed", day) in marketkeep.open(keep.root).findings().select("check", "first").rows()
        outcome = keep.collect(repair, days=100)
    assert isinstance(outcome, Repaired)
    assert ("split_missed", symbol, day) in [(one.check, one.symbol, one.day) for one in outcome.healed]
    assert verdict(keep, symbol, day) == (3, 2, None, "confirmed")
    true = TRUTH.bars(symbol).filter(pl.col("date") >= date(2024, 7, 1))
    assert marketkeep.open(keep.root).bars(symbol).polars()["close"].to_list() == true["close"].to_list()
