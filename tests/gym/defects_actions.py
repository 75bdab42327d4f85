"""
What can be wrong with the splits and cash that a vendor tells, or with how it applied them; and what a jury must say.

A split has a right ratio and ex-date that all other vendors tell. `told` is what a vendor says, `applied` what is in
its adjusted prices; vendors of as-traded prices (Polygon, Alpaca) apply nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from gym.defects import Draft, Kind, Spoil
from gym.truth import Action

SPUN_RATIOS = (Fraction(1281, 1000), Fraction(1998, 1000), Fraction(5, 4))
"""Old price by new of spin-offs, as vendors write them that take them for splits."""
RATIOS = (Fraction(2), Fraction(3), Fraction(4), Fraction(1, 5), Fraction(3, 2), Fraction(1, 10))


def _kind(name: str, code: str, *also: str, before: bool = False) -> Kind:
    return Kind(name, code, "actions", also=also, before=before)


def _day(draft: Draft, at: int) -> date:
    day: date = draft.true.sessions.dates[at].item()
    return day


def _split_at(draft: Draft, at: int) -> Action:
    day = _day(draft, at)
    return next(one for one in draft.true.actions if one.ratio is not None and one.ex_date == day)


def _cash_at(draft: Draft, at: int) -> Action:
    day = _day(draft, at)
    return next(one for one in draft.true.actions if one.amount is not None and one.ex_date == day)


def _without(actions: list[Action], one: Action) -> list[Action]:
    return [other for other in actions if other != one]


def _untold(draft: Draft, at: int, turn: int) -> None:
    split = _split_at(draft, at)
    draft.told, draft.applied = _without(draft.told, split), _without(draft.applied, split)


def _another(split: Action, turn: int) -> Action:
    others = [ratio for ratio in RATIOS if ratio != split.ratio]
    return replace(split, ratio=others[turn % len(others)])


def _other_ratio(draft: Draft, at: int, turn: int) -> None:
    split = _split_at(draft, at)
    draft.told = [*_without(draft.told, split), _another(split, turn)]


def _late(draft: Draft, at: int, turn: int) -> None:
    split = _split_at(draft, at)
    draft.told = [*_without(draft.told, split), replace(split, ex_date=_day(draft, at + 1))]


def _twice(draft: Draft, at: int, turn: int) -> None:
    draft.told.append(_split_at(draft, at))


def _twice_apart(draft: Draft, at: int, turn: int) -> None:
    draft.told.append(replace(_split_at(draft, at), ex_date=_day(draft, at + 1)))


def _doubled(draft: Draft, at: int, turn: int) -> None:
    draft.applied.append(_split_at(draft, at))


def _invented(draft: Draft, at: int, turn: int) -> None:
    draft.told.append(Action(_day(draft, at), "split", ratio=RATIOS[turn % len(RATIOS)]))


def _invented_and_applied(draft: Draft, at: int, turn: int) -> None:
    _invented(draft, at, turn)
    draft.applied.append(draft.told[-1])


def _spun_as_split(draft: Draft, at: int, turn: int) -> None:
    draft.told.append(Action(_day(draft, at), "split", ratio=SPUN_RATIOS[turn % len(SPUN_RATIOS)]))
    draft.applied.append(draft.told[-1])


def _other_amount(draft: Draft, at: int, turn: int) -> None:
    cash = _cash_at(draft, at)
    told = replace(cash, amount=round(float(cash.amount or 0) * (1.5, 0.5)[turn % 2] + 0.01, 4))
    draft.told = [*_without(draft.told, cash), told]


def _cash_untold(draft: Draft, at: int, turn: int) -> None:
    draft.told = _without(draft.told, _cash_at(draft, at))


def _cash_late(draft: Draft, at: int, turn: int) -> None:
    cash = _cash_at(draft, at)
    draft.told = [*_without(draft.told, cash), replace(cash, ex_date=_day(draft, at + 1))]


def _cash_invented(draft: Draft, at: int, turn: int) -> None:
    amount = round(float(draft.true.close[at - 1]) / 100 * 0.02, 2)
    draft.told.append(Action(_day(draft, at), "dividend", amount=amount))


def _cash_above(draft: Draft, at: int, turn: int) -> None:
    """More than a share is worth, which no adjusted close can have in it."""
    day = _day(draft, at)
    amount = round(float(draft.true.close[at - 1]) / 100 * (1.2, 3.0)[turn % 2], 2)
    draft.told.append(Action(day, "dividend", amount=amount))
    draft.untold_cash.add(day)


UNTOLD_SPLIT = Kind("split told by nobody", "split_missed", also=("return_outlier", "open_gap"))
CASH_ABOVE = _kind("cash above the close", "cash_above_close", "action_disputed", "action_phantom")
PHANTOM_APPLIED = _kind("split that was none, applied", "action_phantom")
SPUN = _kind("spin-off told as a split", "", before=True)
SPLITS: dict[Kind, Spoil] = {
    _kind("split with another ratio", "", before=True): _other_ratio,
    _kind("split a session late", "", before=True): _late,
    _kind("split told by the others only", "", before=True): _untold,
    _kind("split told twice", ""): _twice,
    _kind("split told again a session later", "", before=True): _twice_apart,
    _kind("split applied twice", "", before=True): _doubled,
    _kind("split that was none", "action_phantom", before=True): _invented,
    PHANTOM_APPLIED: _invented_and_applied,
    UNTOLD_SPLIT: _untold,
    SPUN: _spun_as_split,
}
"""Those without a check are settled by the other vendors: what counts is the verdict."""

CASH: dict[Kind, Spoil] = {
    _kind("dividend of another amount", ""): _other_amount,
    _kind("dividend told by the others only", ""): _cash_untold,
    _kind("dividend a session late", ""): _cash_late,
    _kind("dividend that was none", ""): _cash_invented,
    CASH_ABOVE: _cash_above,
}
