"""
Rules for a daily bar among its neighbours: each an expression that is true where a row fails it.

A row has what its source told as traded (open, high, low, close, volume) and beside it, from the gold bars around it
(`bar_context`): `before`, the last close before that was no spike, and `next_1` to `next_3`, the closes after it, all
brought to the row's own shares and price by the actions; `log_volume` of the row and `usual_volume`, both in shares of
today; `stale`, whether the same gold bar was told again and again. Of the moves before it `usual_move` and
`move_spread`, of volumes `volume_spread`. What is unknown is null, and a rule that needs it does not speak: values are
never filled in to judge by.

Steps are natural logarithms, so that a rise and the fall that undoes it weigh the same.
"""

from __future__ import annotations

import math
from functools import reduce

import polars as pl

from marketkeep.checks.bar_rules import PRICES
from marketkeep.checks.rules import Check
from marketkeep.model import Thresholds

QUIET_VOLUME = 0.25
"""The least spread of log volume that is believed: quieter series would alarm at nothing."""
UNKNOWN_MOVE = math.log(1.5)
"""What counts as far where too little is held to know what is usual."""
_FORWARD = (1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
_REVERSE = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100)
"""New shares per old of real splits, old per new of reverse ones. Smaller steps cannot be told from moves."""
_UNIT = 0.1
_SPLIT_VOLUME = 2.5
_SPLIT_SPREAD = (0.3, 0.8)

_open, _high, _low, _close, _volume = (pl.col(name) for name in ("open", "high", "low", "close", "volume"))
_NEXT = ("next_1", "next_2", "next_3")


def step(to: pl.Expr, start: pl.Expr | str) -> pl.Expr:
    """The natural logarithm of `to` over `start`."""
    return (to / (pl.col(start) if isinstance(start, str) else start)).log()


def limit(thresholds: Thresholds, floor: float) -> pl.Expr:
    """How far a move has to go to be out of the usual, as a natural logarithm; `floor` is a share of the price."""
    usual = pl.max_horizontal(math.log1p(floor), pl.col("move_spread") * thresholds.return_sigma)
    return pl.when(pl.col("move_spread").is_null()).then(UNKNOWN_MOVE).otherwise(usual)


def agree(before: pl.Expr, after: pl.Expr, close: pl.Expr, far: pl.Expr) -> pl.Expr:
    """Whether the closes before and after a row tell one level, as far as its own distance lets it be told."""
    return step(after, before).abs() <= pl.min_horizontal(far, step(close, before).abs() / 2)


def _absurd(thresholds: Thresholds) -> pl.Expr:
    times = thresholds.absurd_times
    # Where two levels are told as often, each is held against the one nearer to it, so that neither is absurd.
    above = [_close / pl.col(name) for name in ("behind_high", "ahead_high")]
    below = [pl.col(name) / _close for name in ("behind_low", "ahead_low")]
    found = []
    for behind, ahead in (above, below):
        only = pl.coalesce(behind, ahead)
        unit = pl.any_horizontal((only / size - 1).abs() <= _UNIT for size in (100, 1000)) & (only >= times)
        lonely = behind.is_null() | ahead.is_null()
        found.append(pl.when(lonely).then(unit).otherwise((behind >= times) & (ahead >= times)))
    return found[0] | found[1]


def _spike(thresholds: Thresholds) -> pl.Expr:
    far, before = limit(thresholds, thresholds.spike_floor), pl.col("before")
    back = [
        agree(before, pl.col(name), _close, far)
        & (step(_close, name).abs() > far)
        & pl.all_horizontal(pl.lit(value=True), *(step(pl.col(one), before).abs() > far for one in _NEXT[:i]))
        for i, name in enumerate(_NEXT)
    ]
    return (step(_close, before).abs() > far) & pl.any_horizontal(one.fill_null(value=False) for one in back)


def _split(thresholds: Thresholds) -> pl.Expr:
    far, move = limit(thresholds, thresholds.return_floor), step(_close, "before")
    overnight = step(_open, "before").fill_null(move)
    steps = [*(-math.log(one) for one in _FORWARD), *(math.log(one) for one in _REVERSE)]
    off = reduce(pl.min_horizontal, ((overnight - one).abs() for one in steps))
    simple = off <= math.log1p(thresholds.step_share)
    # Over the day, and afterwards, nothing out of the usual: a real crash of that size goes on moving.
    calm = (move - overnight).abs() <= far
    calm &= (step(pl.col("next_1"), _close).abs() <= far) & (step(pl.col("next_2"), _close).abs() <= far)
    calm &= (step(pl.col("next_3"), _close).abs() <= far).fill_null(value=True)
    # A split brings as many more shares as it makes of one; a crash brings a crowd. Where volume does not tell, the
    # day's range does.
    crowd = pl.col("log_volume") - pl.col("usual_volume") - pl.max_horizontal(-move, 0.0)
    quiet = crowd <= _SPLIT_VOLUME * pl.col("volume_spread").clip(*_SPLIT_SPREAD)
    narrow = (step(_high, _low) <= far).fill_null(value=True)
    return simple & calm & quiet.fill_null(narrow)


def _outlier(thresholds: Thresholds) -> pl.Expr:
    move = step(_close, "before")
    # A spread of nothing is that of a price which never moved: the floor alone decides there.
    beyond = (move - pl.col("usual_move")).abs() > pl.col("move_spread") * thresholds.return_sigma
    found = beyond & (move.abs() > math.log1p(thresholds.return_floor))
    return found & ~_known(_spike(thresholds)) & ~_known(_split(thresholds))


def _volume_outlier(thresholds: Thresholds) -> pl.Expr:
    spread = pl.max_horizontal(QUIET_VOLUME, "volume_spread")
    off = (pl.col("log_volume") - pl.col("usual_volume")).abs()
    # The volume of a source that was not chosen may be that of another feed, so only the chosen one's is judged.
    chosen = pl.col("source") == pl.col("gold_source")
    return chosen & pl.col("volume_spread").is_not_null() & (off > spread * thresholds.volume_sigma)


def _stale(_: Thresholds) -> pl.Expr:
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"gold_{name}")) for name in (*PRICES, "volume"))
    # One price and no volume is a session without a trade, one price and no volume told is how funds are quoted.
    return pl.col("stale") & same & ((_volume > 0).fill_null(value=False) | (_high > _low))


def _open_gap(thresholds: Thresholds) -> pl.Expr:
    explained = (_outlier, _spike, _split)
    found = step(_open, "before").abs() > limit(thresholds, thresholds.gap_share)
    return reduce(lambda left, rule: left & ~_known(rule(thresholds)), explained, found)


def _disagreement(_: Thresholds) -> pl.Expr:
    return pl.col("newest") & pl.col("disagrees")


def _adjusted(thresholds: Thresholds) -> pl.Expr:
    return pl.col("adjusted_off") > thresholds.adjusted_share


def _known(hits: pl.Expr) -> pl.Expr:
    return hits.fill_null(value=False)


PRICE_ABSURD = Check(
    "price_absurd",
    "error",
    100,
    "The close is twenty times or more above or below all that is told around it, and no other source tells it.",
    _absurd,
    hard=True,
)

CONTEXT_CHECKS: tuple[Check, ...] = (
    Check(
        "price_spike",
        "warning",
        40,
        "The close leaves what is usual and is back within three sessions, after actions.",
        _spike,
    ),
    Check(
        "split_missed",
        "warning",
        40,
        "The price steps overnight by a split's ratio and stays there, and no action explains it.",
        _split,
    ),
    Check(
        "return_outlier",
        "warning",
        20,
        "The return, after actions, is far beyond what was usual before.",
        _outlier,
    ),
    Check("stale_repeat", "warning", 20, "The same bar again and again, session after session.", _stale),
    Check(
        "source_disagreement",
        "warning",
        15,
        "A price is off the chosen bar's by more than the tolerance.",
        _disagreement,
    ),
    Check("volume_outlier", "info", 5, "The volume is far beyond what was usual before.", _volume_outlier),
    Check("open_gap", "info", 5, "The open alone is far from the close before, after actions.", _open_gap),
    Check(
        "adj_close_differs",
        "info",
        0,
        "The source's own adjusted close steps otherwise than the actions say.",
        _adjusted,
    ),
)
