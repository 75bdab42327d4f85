"""Each fault at each source, over real sockets: nothing lost or half-written, no refusal for good asked for again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import stamina
from source_keep import CASES, LAST, LATER, SYMBOLS, SourceKeep, differing, evening

import marketkeep
from gym import FaultPlan, Gym, Truth, serve
from gym.faults import CLIENT_FAULT, CONTENT, REFUSED, RETRIED
from gym.vendors import all_vendors
from gym.wire import VARIANTS

TRUTH = Truth(symbols=40, years=1)
VENDORS = {vendor.name: vendor for vendor in all_vendors(TRUTH)}
PASSING = (*RETRIED, "http_503", *CONTENT)
REBUILT = ("http_500", "truncated", "duplicates", "plain_400")
SENTENCE = re.compile(r"[A-Zi].*[^.]\.")

# By which codes a kind of fault may be told, where it is not the client's: what a vendor's form makes of it differs.
TOLD = {
    "truncated": {"truncated", "malformed"},
    "malformed": {"truncated", "malformed"},
    "empty": {"empty", "malformed"},
    "wrong_symbol": {"wrong_symbol", "wrong_session", "malformed"},
    "plain_400": {"http_400"},
}
# Yahoo's way to say that it has nothing is a plain 400.
NOTHING_IN_400 = ("yahoo", "plain_400")


def does(source: str, kind: str) -> bool:
    """Whether a vendor knows this misbehaviour in its form."""
    return kind not in VARIANTS or kind in VENDORS[source].variants


PASS = [(s, k) for s in CASES for k in PASSING if does(s, k) and (s, k) != NOTHING_IN_400]
REFUSE = [*((s, k) for s in CASES for k in REFUSED if k != "http_503" and does(s, k)), NOTHING_IN_400]


def ids(pairs: list[tuple[str, str]]) -> list[str]:
    """Names of parametrised tests: source-kind."""
    return [f"{source}-{kind}" for source, kind in pairs]


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """All vendors over one truth; libraries print nothing of retries."""
    hooks = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([])
    with serve(truth=TRUTH, vendors=all_vendors, now=evening(LAST)) as one:
        yield one
    stamina.instrumentation.set_on_retry_hooks(hooks)


@pytest.fixture(scope="module")
def begun(gym: Gym, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A source's keep before it has asked for anything, to be copied."""

    @cache
    def made(source: str) -> Path:
        gym.now = evening(LAST)
        gym.set_faults(FaultPlan(), source)
        return SourceKeep(tmp_path_factory.mktemp(source) / "begun", gym, CASES[source]).root

    return made


@pytest.fixture(scope="module")
def whole(gym: Gym, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """The raw rows of a source's undisturbed keep at the gym's time."""
    known: dict[tuple[str, str], dict[str, str]] = {}

    def raw(source: str) -> dict[str, str]:
        at = source, gym.now.isoformat()
        if at not in known:
            keep = SourceKeep(tmp_path_factory.mktemp(source) / "whole", gym, CASES[source])
            keep.collect()
            known[at] = keep.raw()
        return known[at]

    return raw


@pytest.fixture
def begin(
    gym: Gym, whole: Callable[[str], dict[str, str]], begun: Callable[[str], Path], tmp_path: Path
) -> Callable[[str, FaultPlan], SourceKeep]:
    """A new keep for a source whose vendor then has these faults."""

    def made(source: str, plan: FaultPlan) -> SourceKeep:
        gym.now = evening(LAST)
        gym.set_faults(FaultPlan(), source)
        whole(source)
        keep = SourceKeep(tmp_path / "keep", gym, CASES[source], begun(source))
        gym.clear()
        gym.set_faults(plan, source)
        return keep

    return made


def keys_hit(source: str, kind: str) -> list[str]:
    """The keys at which a vendor can tell a fault of this kind for what it is; beginnings of them where open-ended."""
    if source == "alpaca" and kind == "empty":
        # Nothing is strange about a list of actions without rows.
        return ["1Day*"]
    if source == "polygon" and kind in ("not_found", "plan_limit"):
        # The whole market of a session is known, and that of today nobody refuses for the plan's reach.
        return list(SYMBOLS)
    return ["*"]


def has_all(keep: SourceKeep, whole: dict[str, str]) -> None:
    """Raw holds what an undisturbed keep's does, and gold is the truth."""
    assert keep.raw() == whole
    if keep.case.symbols == SYMBOLS and "daily_bars" in keep.case.datasets:
        assert differing(keep, keep.gym.now.date()) == {}


@pytest.mark.parametrize(("source", "kind"), PASS, ids=ids(PASS))
def test_fault_that_passes_costs_nothing(
    source: str,
    kind: str,
    gym: Gym,
    begin: Callable[[str, FaultPlan], SourceKeep],
    whole: Callable[[str], dict[str, str]],
) -> None:
    """
    Every first request of a source meets the fault: all comes in the same run, or in the next where it was refused; no
    file is half-written, the fault is named in journal and findings, and nothing is asked a third time.
    """
    keep = begin(source, FaultPlan(told={key: [kind] for key in keys_hit(source, kind)}, hang_seconds=1.5))
    keep.collect()
    keep.sound()
    if kind == "plain_400" and source != "alpaca":
        # A refusal of the request as such: each is asked once in a run, and again in the next.
        assert set(keep.requests().values()) == {1}
        gym.set_faults(FaultPlan(), source)
        keep.collect()
        keep.sound()
    has_all(keep, whole(source))
    assert max(keep.requests().values()) <= 2
    asked = gym.count
    keep.collect()
    assert gym.count == asked
    named(keep, kind)
    if kind in REBUILT:
        keep.as_rebuilt()


def named(keep: SourceKeep, kind: str) -> None:
    """The fault stands in the journal and among the findings, by its code."""
    codes = TOLD.get(kind, {CLIENT_FAULT.get(kind, kind)})
    found = set(marketkeep.open(keep.root).findings()["check"])
    if kind == "duplicates":
        # Rows told twice are no fault of an answer: of bars there is a finding, in a list of names it is one name.
        # What Alpaca tells twice to the letter its source reads once, for its pages overlap.
        assert ("duplicate_row" in found) == ("daily_bars" in keep.case.datasets and keep.case.source != "alpaca")
        return
    assert codes & found
    assert codes & {code for event in keep.events("fault") for code in event["faults"]}


@pytest.mark.parametrize(("source", "kind"), REFUSE, ids=ids(REFUSE))
def test_refusal_for_good_is_asked_once(
    source: str,
    kind: str,
    gym: Gym,
    begin: Callable[[str, FaultPlan], SourceKeep],
    whole: Callable[[str], dict[str, str]],
) -> None:
    """
    What a source refuses for good is asked once and, while that is remembered, not in the next run; it is told in one
    sentence; when the memory is over and the source has come round, all comes.
    """
    keep = begin(source, FaultPlan(always=dict.fromkeys(keys_hit(source, kind), kind)))
    outcome = keep.collect()
    keep.sound()
    assert set(keep.requests().values()) == {1}
    asked = gym.count
    again = keep.collect()
    assert gym.count == asked
    assert list(again.collected.notes) == ([source] if kind in ("quota", "bad_key") else [])
    told = told_of(keep, kind, [*outcome.collected.nothing.values()])
    assert all(SENTENCE.fullmatch(text) for text in told), told
    found = set(marketkeep.open(keep.root).findings()["check"])
    code = "not_found" if kind == "plain_400" else kind
    assert code in found
    assert code in {code for event in keep.events("fault") for code in event["faults"]}
    gym.set_faults(FaultPlan(), source)
    gym.now += LATER
    keep.collect()
    keep.sound()
    has_all(keep, whole(source))


def told_of(keep: SourceKeep, kind: str, nothing: list[str]) -> list[str]:
    """What a user reads of the refusal: of the source, where it concerns it as a whole, or of each symbol."""
    if kind in ("not_found", "plain_400"):
        assert nothing
        return nothing
    state = keep.state()
    assert state.note is not None
    assert (state.rests_until is not None) == (kind in ("quota", "bad_key"))
    [*_, event] = keep.events("source")
    assert event["note"].startswith(state.note)
    return [state.note, event["note"]]


@pytest.mark.parametrize("source", ["yahoo", "polygon", "sec"])
def test_asked_too_often_is_told_and_rested(
    source: str, gym: Gym, begin: Callable[[str, FaultPlan], SourceKeep], whole: Callable[[str], dict[str, str]]
) -> None:
    """A source that answers nothing but HTTP 429 is told in a sentence, and left alone until its rest is over."""
    keep = begin(source, FaultPlan(always={"*": "http_429"}))
    keep.collect()
    keep.sound()
    state = keep.state()
    assert state.note == "No answer came: it was asked too often (HTTP 429), 3 times."
    assert state.rests_until is not None
    assert state.error_rate == 1.0
    [*_, event] = keep.events("source")
    assert event["note"] == f"{state.note} It is not asked again before {state.rests_until:%Y-%m-%d %H:%M} UTC."
    asked = gym.count
    keep.collect()
    assert gym.count == asked
    gym.set_faults(FaultPlan(), source)
    gym.now = state.rests_until
    keep.collect()
    has_all(keep, whole(source))
    assert keep.state().rests_until is None
