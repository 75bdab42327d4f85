"""The checks of daily bars in context: for each what it speaks of, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from checks.bar_series import FIRST, USUAL, judged, marks, series, steady, tally, walks
from marketkeep.checks import BAR_CHECKS, bar_context, check_series, reject_absurd
from marketkeep.checks.context_rules import CONTEXT_CHECKS
from marketkeep.model import Thresholds

AT = 100


def moved(*factors: float, count: int = 120, at: int = AT) -> list[float]:
    """Steady closes, multiplied by one factor a session from `at` on."""
    closes = steady(count)
    for i, factor in enumerate(factors):
        closes[at + i] *= factor
    return closes


def stepped(factor: float, count: int = 120, at: int = AT) -> list[float]:
    """Steady closes, all from `at` on multiplied by a factor."""
    return moved(*[factor] * (count - at), count=count, at=at)


def overnight(factor: float, *, crowd: float = 1.0) -> pl.DataFrame:
    """A step that comes overnight and stays, with `crowd` times the usual volume that day; the volume splits along."""
    at = pl.int_range(pl.len())
    volume = pl.when(at >= AT).then(pl.col("volume") / factor).otherwise("volume")
    return series(stepped(factor)).with_columns(volume=pl.when(at == AT).then(volume * crowd).otherwise(volume))


@pytest.mark.parametrize("factors", [(1.4,), (0.65,), (1.4, 1.41), (0.65, 0.66, 0.64), (100.0, 100.0)])
def test_trap_10_spike_is_told_and_what_follows_is_not(factors: tuple[float, ...]) -> None:
    """Trap 10: a close out of the usual and back within three sessions is a spike; the way back is no outlier."""
    found = judged(series(moved(*factors)))
    assert marks(found) == {AT + i: ["price_spike"] for i in range(len(factors))}
    assert found["score"][AT] == 60


def test_trap_10_both_sources_a_hundred_times_too_high_is_told() -> None:
    """Trap 10: what two sources tell alike is not refused, and it is told as a spike of both."""
    rows = pl.concat([series(moved(100.0), source=name) for name in ("a", "b")]).sort("symbol", "date", "source")
    kept = reject_absurd(rows, USUAL)
    assert not kept["hard"].any()
    found = judged(kept, kept.filter(source="a"))
    assert marks(found) == {2 * AT: ["price_spike"], 2 * AT + 1: ["price_spike"]}


def test_four_sessions_out_are_no_spike() -> None:
    """A level that holds for four sessions is a move there and a move back."""
    found = judged(series(moved(1.4, 1.41, 1.39, 1.4)))
    assert marks(found) == {AT: ["return_outlier"], AT + 4: ["return_outlier"]}


def test_good_bar_between_two_bad_ones_is_not_the_spike() -> None:
    """Two spikes at one level leave the good bar between them alone."""
    assert marks(judged(series(moved(1.5, 1.0, 1.5)))) == {AT: ["price_spike"], AT + 2: ["price_spike"]}


def test_newest_bar_is_an_outlier_until_it_is_undone() -> None:
    """At the newest session nothing after is known: a spike is told as an odd return first."""
    closes = moved(1.4)
    assert marks(judged(series(closes[: AT + 1]))) == {AT: ["return_outlier"]}
    assert marks(judged(series(closes[: AT + 2]))) == {AT: ["price_spike"]}


@pytest.mark.parametrize(("factor", "told"), [(1.25, True), (0.8, True), (1.08, False), (0.93, False)])
def test_return_outlier_needs_the_floor_and_the_sigmas(factor: float, *, told: bool) -> None:
    """A lasting move is an outlier beyond `return_floor` and five robust standard deviations; once, not thereafter."""
    assert marks(judged(series(stepped(factor)))) == ({AT: ["return_outlier"]} if told else {})


def test_trap_56_wild_series_has_wide_bounds() -> None:
    """Trap 56: what is odd depends on the returns before: a move of 25 % is ordinary where 8 % a day are usual."""
    rng = np.random.default_rng(5)
    wild = 50 * np.exp(np.cumsum(rng.normal(0, 0.08, 120)))
    wild[AT:] *= 1.25
    assert tally(judged(series(wild))) == {}


@pytest.mark.parametrize(("new", "old"), [(2, 1), (3, 2), (7, 1), (1, 10), (1, 100)])
def test_trap_56_split_in_the_factors_flags_nothing(new: int, old: int) -> None:
    """Trap 56: returns are tested after actions, so a split that is told is no outlier, gap, spike or odd volume."""
    factor = pl.Series([old / new if i < AT else 1.0 for i in range(120)])
    rows = overnight(old / new)
    assert marks(judged(rows.with_columns(split_factor=factor, adj_close=rows["close"] * factor))) == {}


def test_trap_56_dividend_in_the_factors_flags_nothing() -> None:
    """Trap 56: a special dividend of a third of the price is no outlier once it is in the factors."""
    closes = stepped(2 / 3)
    rows = series(closes, dividend_factor=[2 / 3 if i < AT else 1.0 for i in range(120)])
    assert marks(judged(rows)) == {}


@pytest.mark.parametrize("factor", [1 / 2, 1 / 3, 2 / 3, 1 / 4, 1 / 7, 1 / 10, 2.0, 5.0, 10.0])
def test_trap_10_missed_split_is_told(factor: float) -> None:
    """Trap 10: a lasting overnight step by a split's ratio, volume in keeping, is a split that no action tells."""
    found = judged(overnight(factor))
    assert marks(found) == {AT: ["split_missed"]}
    assert found["score"][AT] == 60


@pytest.mark.parametrize("factor", [1 / 2, 1 / 3, 1 / 10])
def test_trap_10_split_applied_though_there_was_none_is_told(factor: float) -> None:
    """Trap 10: an action that no price bears out makes a step of its own after actions, which is told too."""
    rows = series(steady(), split_factor=[factor if i < AT else 1.0 for i in range(120)])
    assert marks(judged(rows)) == {AT: ["split_missed"]}


def test_crash_of_half_is_an_outlier_and_no_split() -> None:
    """A price that halves overnight amid ten times the usual volume crashed; it did not split."""
    assert marks(judged(overnight(1 / 2, crowd=5.0))) == {AT: ["return_outlier"]}


def test_crash_that_goes_on_is_no_split() -> None:
    """A price that halves and moves on by a fifth the next session did not split."""
    closes = stepped(0.5)
    closes[AT + 1 :] = [close * 0.8 for close in closes[AT + 1 :]]
    rows = series(closes).with_columns(volume=pl.lit(None, pl.Float64))
    assert marks(judged(rows))[AT] == ["return_outlier"]


def test_crash_during_the_day_is_no_split() -> None:
    """A split comes overnight: a price that opened where it closed, and halved by the evening, crashed."""
    closes = stepped(0.5)
    assert marks(judged(series(closes, open=[closes[0], *closes[:-1]])))[AT] == ["return_outlier"]


def test_split_without_volume_is_told_by_its_calm() -> None:
    """Where no volume is known, a step with an ordinary range that day is a split, one with a wide range is not."""
    quiet = overnight(0.5).with_columns(volume=pl.lit(None, pl.Float64))
    wide = quiet.with_columns(high=pl.col("high") * 1.2)
    assert marks(judged(quiet)) == {AT: ["split_missed"]}
    assert marks(judged(wide)) == {AT: ["return_outlier"]}


@pytest.mark.parametrize(("times", "told"), [(1000.0, True), (0.001, True), (4.0, False), (0.3, False)])
def test_volume_far_from_usual_is_told(times: float, *, told: bool) -> None:
    """Volume a thousand times the usual is told, four times is not; price checks do not care."""
    volume = series(steady())["volume"].to_list()
    volume[AT] *= times
    found = judged(series(steady(), volume=volume))
    assert marks(found) == ({AT: ["volume_outlier"]} if told else {})


def test_volume_of_another_feed_is_not_judged_by_this_one() -> None:
    """Trap 12: a source that was not chosen may see a part of the market only; its volume is no outlier."""
    gold = series(steady(), source="a")
    thin = series(steady(), source="b").with_columns(volume=pl.col("volume") / 1000)
    both = pl.concat([gold, thin]).sort("symbol", "date", "source")
    assert marks(judged(both, gold)) == {}


@pytest.mark.parametrize(("repeats", "told"), [(5, [4]), (4, []), (7, [4, 5, 6])])
def test_same_bar_again_and_again_is_told(repeats: int, told: list[int]) -> None:
    """From the fifth equal bar in a row on each is stale; four may be chance."""
    rows = series(steady(60))
    stale = rows.with_columns(
        pl.when(pl.int_range(60).is_between(30, 29 + repeats)).then(pl.col(name).get(30)).otherwise(name).alias(name)
        for name in ("open", "high", "low", "close", "volume")
    )
    assert marks(judged(stale)) == {30 + i: ["stale_repeat"] for i in told}


@pytest.mark.parametrize("volume", [0.0, None])
def test_trap_57_sessions_without_trades_are_no_stale_bars(volume: float | None) -> None:
    """Trap 57: one price and no volume, or none told, is a session without trades or a fund, not a stale feed."""
    rows = series([10.0] * 60).with_columns(
        *(pl.lit(10.0).alias(name) for name in ("open", "high", "low")), volume=pl.lit(volume, pl.Float64)
    )
    assert marks(judged(rows)) == {}
    ranging = rows.with_columns(high=pl.lit(11.0))
    assert len(marks(judged(ranging))) == 56


def test_trap_57_halt_is_not_bridged() -> None:
    """Trap 57: after a halt of more than ten days there is no close before: nothing is filled in to judge by."""
    rows = series(stepped(1.6))
    late = pl.when(pl.int_range(pl.len()) >= AT).then(timedelta(days=9)).otherwise(timedelta(0))
    assert marks(judged(rows)) == {AT: ["return_outlier"]}
    assert marks(judged(rows.with_columns(date=pl.col("date") + late))) == {}


def test_trap_57_missing_values_stay_missing() -> None:
    """Trap 57: an unknown open or volume makes no rule speak, and no column changes but the marks."""
    rows = series(steady()).with_columns(
        open=pl.when(pl.int_range(120) % 3 == 0).then(None).otherwise("open"),
        volume=pl.when(pl.int_range(120) % 2 == 0).then(None).otherwise("volume"),
    )
    assert judged(rows).equals(rows)


def test_trap_35_chain_of_reverse_splits_needs_no_scale() -> None:
    """Trap 35: adjusted prices of 10^8 are judged like any others, because all comparisons are of ratios."""
    closes = moved(1.4)
    factor = [10.0 ** (8 - i // 16) for i in range(120)]
    traded = [close / one for close, one in zip(closes, factor, strict=True)]
    volume = (series(closes)["volume"] * pl.Series(factor)).to_list()
    rows = series(traded, split_factor=factor, volume=volume)
    assert marks(judged(rows)) == {AT: ["price_spike"]}


@pytest.mark.parametrize(("factor", "told"), [(1.35, True), (0.65, True), (1.15, False)])
def test_open_alone_far_from_the_close_before_is_told(factor: float, *, told: bool) -> None:
    """An open more than a fifth away from the close before, with the close where it was, is a gap."""
    opens = series(steady())["open"].to_list()
    opens[AT] *= factor
    assert marks(judged(series(steady(), open=opens))) == ({AT: ["open_gap"]} if told else {})


def test_gap_that_the_close_confirms_is_told_once() -> None:
    """Where the close is far too, the odd return tells it; the open adds nothing."""
    assert marks(judged(series(stepped(1.3)))) == {AT: ["return_outlier"]}


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_source_off_by_more_than_the_tolerance_is_told(name: str) -> None:
    """The newest word of a source that was not chosen is told where a price of it is off by more than the tolerance."""
    gold = series(steady(), source="a")
    off = pl.when(pl.int_range(120) == AT).then(pl.col(name) * 1.006).otherwise(name)
    near = pl.col(name) * 1.004
    for values, told in ((off, {2 * AT + 1: ["source_disagreement"]}), (near, {})):
        both = pl.concat([gold, series(steady(), source="b").with_columns(values)]).sort("symbol", "date", "source")
        assert marks(judged(both, gold)) == told
    assert marks(check_series(both, bar_context(gold, USUAL), USUAL, 0.003)).keys() == {2 * i + 1 for i in range(120)}
    by_row = pl.when(pl.col("date") == gold["date"][7]).then(0.003).otherwise(0.005)
    assert marks(check_series(both, bar_context(gold, USUAL), USUAL, by_row)).keys() == {15}


def test_word_since_taken_back_is_no_disagreement() -> None:
    """What a source told first and has corrected since disagrees with nobody."""
    gold = series(steady(), source="a")
    first = series(moved(1.01), source="b")
    second = series(steady(), source="b").with_columns(pl.col("fetched_at").dt.offset_by("1d"))
    rows = pl.concat([gold, first, second]).sort("symbol", "date", "source", "fetched_at")
    assert marks(judged(rows, gold)) == {}


def _payloads(*told: tuple[pl.DataFrame, dict[str, Any]]) -> pl.DataFrame:
    frames = [rows.with_columns(**{name: pl.lit(one) for name, one in more.items()}) for rows, more in told]
    return pl.concat(frames).sort("symbol", "date", "payload", maintain_order=True)


@pytest.mark.parametrize("basis", ["as_traded", "split_adjusted"])
def test_adjusted_close_that_steps_otherwise_is_told(basis: str) -> None:
    """The step of a source's adjusted close is compared with ours: at the ex-date, whatever it had applied since."""
    factor = pl.Series([0.5 * 0.98 if i < AT else 1.0 for i in range(120)])
    rows = overnight(0.5).with_columns(
        split_factor=pl.Series([0.5 if i < AT else 1.0 for i in range(120)]),
        dividend_factor=pl.Series([0.98 if i < AT else 1.0 for i in range(120)]),
        basis=pl.lit(basis),
    )
    # Later dividends of the source's scale all of it alike.
    later = 0.9
    delivered = rows["close"] if basis == "as_traded" else rows["close"] * rows["split_factor"]
    ours = rows.with_columns(adj_close=rows["close"] * factor * later, delivered=delivered)
    assert marks(judged(ours)) == {}
    untold = ours.with_columns(adj_close=rows["close"] * rows["split_factor"] * later)
    assert marks(judged(untold)) == {AT: ["adj_close_differs"]}
    assert judged(untold)["score"][AT] == 100
    invented = ours.with_columns(adj_close=ours["adj_close"] * pl.Series([0.97 if i < 50 else 1.0 for i in range(120)]))
    assert marks(judged(invented)) == {50: ["adj_close_differs"]}


def test_adjusted_closes_of_two_payloads_are_not_mixed() -> None:
    """Each payload had its own dividends applied by then: steps are taken within one, not from one to the other."""
    rows = series(steady())
    early = rows.with_columns(pl.col("adj_close") * 0.9)
    both = _payloads((rows, {"payload": 0}), (early, {"payload": 1}))
    assert marks(judged(both, rows)) == {}


def test_rounded_adjusted_closes_are_given_their_rounding() -> None:
    """An adjusted close of two decimals is off by its rounding only, and that is not told."""
    level = steady(120, 1.0)
    rows = series(level)
    rough = rows.with_columns(adj_close=(pl.col("adj_close") * 0.731).round(2))
    assert marks(judged(rough)) == {}
    exact = rows.with_columns(adj_close=pl.col("adj_close") * pl.Series([0.99 if i < AT else 1.0 for i in range(120)]))
    assert marks(judged(exact)) == {AT: ["adj_close_differs"]}


def test_row_that_failed_hard_or_has_no_gold_gets_no_marks() -> None:
    """Where no gold bar is known, or the row never becomes gold, nothing is said about its neighbours."""
    rows = series(moved(1.4))
    hard = rows.with_columns(hard=pl.int_range(120) == AT, score=pl.lit(0, pl.Int16))
    gold = rows.filter(pl.int_range(120) != AT)
    assert check_series(hard, bar_context(gold, USUAL), USUAL).equals(hard)
    assert check_series(rows, bar_context(gold, USUAL), USUAL).equals(rows)


def test_superseded_and_losing_rows_are_judged_by_the_gold_around_them() -> None:
    """A candidate that was not chosen is held against the gold bars' levels, not against its own series."""
    gold = series(steady(), source="a")
    losing = series(moved(1.5), source="b")
    both = pl.concat([gold, losing]).sort("symbol", "date", "source")
    assert marks(judged(both, gold)) == {2 * AT + 1: ["price_spike", "source_disagreement"]}


def test_marks_of_a_row_add_up() -> None:
    """Marks that a row had stay; the score is what all of them leave, and never below 0."""
    had = next(i for i, check in enumerate(BAR_CHECKS) if check.code == "range_absurd")
    rows = series(moved(1.4)).with_columns(
        failed=pl.when(pl.int_range(120) == AT).then(1 << had).otherwise(0).cast(pl.UInt32),
        score=pl.when(pl.int_range(120) == AT).then(60).otherwise(100).cast(pl.Int16),
    )
    found = judged(rows)
    assert marks(found) == {AT: ["range_absurd", "price_spike"]}
    assert found["score"][AT] == 100 - 40 - 40
    assert found.drop("failed", "score").equals(rows.drop("failed", "score"))


def test_too_little_history_does_not_speak_of_outliers() -> None:
    """With fewer than `window_least` returns before, nobody knows what is usual; only a spike can be told."""
    assert marks(judged(series(stepped(1.3, 40, 10)))) == {}
    assert marks(judged(series(moved(1.3, count=40, at=10)))) == {}
    assert marks(judged(series(moved(2.0, count=40, at=10)))) == {10: ["price_spike"]}


def test_no_rows_no_context_marks() -> None:
    """An empty frame has an empty context and no marks."""
    empty = series(steady(5)).clear()
    assert bar_context(empty, USUAL).is_empty()
    assert judged(empty).equals(empty)


def test_thresholds_are_settings() -> None:
    """Each threshold moves its check."""
    rows = series(moved(1.15))
    assert marks(judged(rows, thresholds=Thresholds(spike_floor=0.1))) == {AT: ["price_spike"]}
    assert marks(judged(rows, thresholds=Thresholds(return_floor=0.3))) == {}


@pytest.mark.slow
def test_clean_walks_raise_next_to_nothing() -> None:
    """
    Of a million bars of normal walks with splits and dividends at most 20 are told; of ones with heavy tails, whose
    outliers are their own, only returns and spikes are.
    """
    clean = tally(judged(walks(700, 1500, 1)))
    heavy = tally(judged(walks(350, 1500, 2, share=0.02, freedom=4)))
    print(f"false alarms in 1,050,000 normal bars: {clean}; told of 525,000 with heavy tails: {heavy}")
    assert sum(clean.values()) <= 20
    assert set(heavy) <= {"return_outlier", "price_spike", "open_gap"}


def test_every_check_in_context_is_tried_here() -> None:
    """No check in context is without a test in this module; none of them is hard."""
    assert {check.code for check in CONTEXT_CHECKS} == {
        *("price_spike", "split_missed", "return_outlier", "stale_repeat", "source_disagreement"),
        *("volume_outlier", "open_gap", "adj_close_differs"),
    }
    assert not any(check.hard for check in CONTEXT_CHECKS)
    assert FIRST.weekday() == 0
