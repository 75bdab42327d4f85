"""`marketkeep sources` and `sources test`: how each source stands, in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from command_line import Ended, run

from gym import FaultPlan, Gym, Truth, serve
from gym.truth import make_history
from gym.vendors import all_vendors
from marketkeep.pipeline.collecting.ledger import PLACE, Ledger
from marketkeep.sources import BUILTIN

KEYED = {"polygon": ("KEY",), "alpaca": ("KEY", "SECRET"), "alpha_vantage": ("KEY",)}
KEYS = {
    f"MARKETKEEP_SOURCES__{name.upper()}__{need}": f"gym-{need.lower()}-{name}"
    for name, needs in KEYED.items()
    for need in needs
} | {"MARKETKEEP_CONTACT": "Gym Tester gym@example.org"}
SENTENCE = re.compile(r"[A-Z].*[^.]\.")


class WithProbed(Truth):
    """A truth in which there are the symbols that sources try: of numbers to which nothing happens."""

    def __init__(self, seed: int, symbols: int, years: int, last: date) -> None:
        super().__init__(seed, symbols, years, last)
        self.symbols = (*self.symbols, "SPY", "IBM")
        for symbol, number in {"SPY": 90_003, "IBM": 90_006}.items():
            self._number[symbol] = number
            history = make_history(seed, number, self.sessions)
            self._histories[symbol] = replace(history, security=replace(history.security, symbol=symbol))


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """All vendors; their day is today, as the command's is."""
    now = datetime.now(UTC)
    with serve(truth=WithProbed(7, 12, 1, now.date() - timedelta(days=1)), now=now, vendors=all_vendors) as one:
        yield one


@pytest.fixture
def asked(gym: Gym) -> Iterator[dict[str, str]]:
    """Settings with which the command reaches the gym, every key set; no faults at the end."""
    yield {**KEYS, "MARKETKEEP_GATEWAY": gym.url, "MARKETKEEP_TIMEOUT_SECONDS": "2", "MARKETKEEP_ATTEMPTS": "1"}
    for vendor in gym.vendors:
        gym.set_faults(FaultPlan(), vendor.name)


def by_name(ended: Ended) -> dict[str, list[str]]:
    """What is told of each source, line by line, its name first."""
    parts = re.split(r"^(?=\S)", ended.out, flags=re.MULTILINE)
    return {part.split()[0]: part.splitlines() for part in parts if part}


def states(root: Path, settings: dict[str, str]) -> dict[str, dict[str, object]]:
    """The JSON of the list, by name."""
    ended = run("sources", "--json", "--data", root, settings=settings)
    assert (ended.code, ended.err) == (0, "")
    return {one["name"]: one for one in orjson.loads(ended.raw)}


def test_every_source_is_told_without_a_keep(tmp_path: Path) -> None:
    """
    Datasets with their reach, key, pace and terms of all sources, in order, where there is no keep and no key; nothing
    is written.
    """
    ended = run("sources", "--data", tmp_path / "none")
    assert (ended.code, ended.err) == (0, "")
    told = by_name(ended)
    assert list(told)[:-1] == [one.name for one in BUILTIN]
    for one in BUILTIN:
        lines = "\n".join(told[one.name])
        assert [name for name in one.offers if name not in lines] == []
        assert one.access.terms in lines
        assert len(told[one.name]) == 5
    assert "daily_bars, minute_bars: the last 730 days; actions: all there is" in told["polygon"][1]
    assert ended.out.splitlines()[-1].startswith(f"{len(BUILTIN)} sources, 5 of them not used")
    assert list(tmp_path.iterdir()) == []


def test_missing_key_names_variable_and_place(tmp_path: Path) -> None:
    """A source without its key says so beside its name, which variables to set, and where a key is had."""
    told = by_name(run("sources", "--data", tmp_path))
    for name, needs in KEYED.items():
        assert told[name][0] == f"{name} (not used: needs a key)"
        [line] = [one for one in told[name] if one.startswith("  key")]
        assert all(f"MARKETKEEP_SOURCES__{name.upper()}__{need}" in line for need in needs)
        assert "get one at https://" in line
    for name in ("sec", "sec_tickers"):
        assert told[name][0] == f"{name} (not used: needs a contact)"
        assert any("set MARKETKEEP_CONTACT to a name and mail address; see https://" in one for one in told[name])


def test_keys_that_are_set_are_told_not_shown(tmp_path: Path) -> None:
    """With keys set nothing is left out, and no key is printed, whether for people or as JSON."""
    for option in ((), ("--json",)):
        ended = run("sources", *option, "--data", tmp_path, settings=KEYS)
        assert "not used:" not in ended.out
        assert [value for value in KEYS.values() if value in ended.out + ended.err] == []
    known = states(tmp_path, KEYS)
    assert {known[name]["key"] for name in ("polygon", "alpha_vantage")} == {"key set"}
    assert known["alpaca"]["key"] == "key and secret set"
    assert known["sec"]["key"] == "contact set"
    assert known["yahoo"]["key"] == "no key needed"
    assert all(one["usable"] for one in known.values())


def test_switched_off_is_told(tmp_path: Path) -> None:
    """What the settings leave out says so."""
    told = by_name(run("sources", "--data", tmp_path, settings={"MARKETKEEP_SOURCES__YAHOO__OFF": "true"}))
    assert told["yahoo"][0] == "yahoo (not used: switched off)"


def test_health_and_quota_survive_restarts(empty: Path) -> None:
    """Last answer, error rate and calls left are those of all runs before; on the next day (UTC) all calls are back."""
    now = datetime.now(UTC)
    for _ in range(2):
        with Ledger(empty, lambda: now, {"alpha_vantage": 25}) as ledger:
            for _ in range(2):
                assert ledger.take("alpha_vantage")
            ledger.answered("alpha_vantage")
    with Ledger(empty, lambda: now) as ledger:
        ledger.refused("alpha_vantage", "It said no.")
    known = states(empty, KEYS)["alpha_vantage"]
    assert (known["quota"], known["quota_left"]) == (25, 21)
    assert known["error_rate"] == pytest.approx(1 / 3)
    told = "\n".join(by_name(run("sources", "--data", empty, settings=KEYS))["alpha_vantage"])
    assert "21 of 25 calls left today (UTC)" in told
    assert f"last answer {now:%Y-%m-%d %H:%M} UTC; 33% of requests failed in the last week" in told
    assert f"{now:%Y-%m-%d %H:%M} UTC: It said no." in told
    with Ledger(empty, lambda: now + timedelta(days=1), {"alpha_vantage": 25}) as ledger:
        assert ledger.left("alpha_vantage") == 25


def test_source_at_rest_says_until_when(empty: Path) -> None:
    """A source at rest is marked as such, with the time and how to ask it at once."""
    until = datetime.now(UTC) + timedelta(minutes=30)
    with Ledger(empty, lambda: datetime.now(UTC)) as ledger:
        ledger.rest("polygon", "Polygon does not accept this key.", until)
    told = by_name(run("sources", "--data", empty, settings=KEYS))["polygon"]
    assert told[0] == "polygon (at rest)"
    assert f"  rests   until {until:%Y-%m-%d %H:%M} UTC; sources test polygon asks at once" in told


@pytest.mark.parametrize("name", [one.name for one in BUILTIN])
def test_one_call_shows_that_all_is_well(name: str, gym: Gym, asked: dict[str, str], tmp_path: Path) -> None:
    """`sources test` makes one data request and tells how many rows came; nothing is kept where there is no keep."""
    gym.clear()
    ended = run("sources", "test", name, "--data", tmp_path / "none", settings=asked)
    assert (ended.code, ended.err) == (0, ""), ended
    assert re.fullmatch(rf"{name}: It answers: [\d,]+ rows of .*\. \(\d+\.\d s\)\n", ended.out), ended.out
    assert gym.count == gym.count_of(name) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("polygon", "bad_key", "does not accept this key"),
        ("polygon", "plan_limit", "plan"),
        ("alpaca", "bad_key", "does not accept the key and secret (HTTP 403)"),
        ("alpha_vantage", "quota", "calls are used up"),
        ("sec", "bad_key", "set MARKETKEEP_CONTACT"),
        ("sec", "quota", "asked too often"),
        ("yahoo", "http_429", "asked too often (HTTP 429)"),
        ("binance", "http_503", "its server fails (HTTP 503)"),
        ("coinbase", "cut", "the connection broke off"),
        ("treasury", "hang", "it did not answer in time"),
    ],
)
def test_trouble_is_one_plain_sentence(
    name: str, kind: str, says: str, gym: Gym, asked: dict[str, str], empty: Path
) -> None:
    """
    What is wrong is told in one sentence and with exit code 1; the keep's ledger has it, so that the list of sources
    says the same afterwards.
    """
    gym.set_faults(FaultPlan(always={"*": kind}, hang_seconds=3), name)
    with Ledger(empty, lambda: datetime.now(UTC)) as ledger:
        ledger.answered("yahoo")
    ended = run("sources", "test", name, "--json", "--data", empty, settings=asked)
    assert (ended.code, ended.err) == (1, "")
    trial = orjson.loads(ended.raw)
    assert (trial["source"], trial["well"]) == (name, False)
    assert SENTENCE.fullmatch(trial["told"])
    assert says in trial["told"]
    assert states(empty, asked)[name]["note"] == trial["told"]
    told = "\n".join(by_name(run("sources", "--data", empty, settings=asked))[name])
    assert f"UTC: {trial['told']}" in told
    assert "no answer yet" in told or name == "yahoo"
    gym.clear()


def test_call_without_key_says_what_to_set(tmp_path: Path) -> None:
    """A source that lacks its key is not asked: the variable and the place where a key is had are told, exit code 1."""
    ended = run("sources", "test", "polygon", "--data", tmp_path)
    assert (ended.code, ended.err) == (1, "")
    assert "MARKETKEEP_SOURCES__POLYGON__KEY is not set (https://" in ended.out


def test_used_up_calls_are_not_the_sources_fault(gym: Gym, asked: dict[str, str], empty: Path) -> None:
    """With no calls left today none is made, and the source's health is none the worse."""
    with Ledger(empty, lambda: datetime.now(UTC)) as ledger:
        ledger.take("alpha_vantage")
    gym.clear()
    settings = {**asked, "MARKETKEEP_SOURCES__ALPHA_VANTAGE__QUOTA": "1"}
    ended = run("sources", "test", "alpha_vantage", "--data", empty, settings=settings)
    assert ended.code == 1
    assert "today's calls are used up" in ended.out
    assert gym.count == 0
    known = states(empty, settings)["alpha_vantage"]
    assert (known["quota_left"], known["error_rate"]) == (0, None)


def test_unknown_name_is_misuse(tmp_path: Path) -> None:
    """A name that is no source's is told with those there are, exit code 2; in the settings too."""
    run("sources", "test", "yaho", "--data", tmp_path).refused(2, "'yaho'", "yahoo", "polygon")
    run("sources", "--data", tmp_path, settings={"MARKETKEEP_SOURCES__YAHO__KEY": "x"}).refused(2, "yaho", "polygon")
    run("sources", "nonsense", "--data", tmp_path).refused(2, "nonsense")


def test_damaged_ledger_says_what_to_do(empty: Path) -> None:
    """A ledger that is no database is named in one line with what to do about it."""
    (empty / PLACE).parent.mkdir(exist_ok=True)
    (empty / PLACE).write_bytes(b"no database at all, but longer than a header of one" * 20)
    run("sources", "--data", empty).refused(1, str(empty / PLACE), "take it away")


def test_next_update_tells_again_of_a_source_at_rest(gym: Gym, asked: dict[str, str], empty: Path) -> None:
    """A wrong key is told at the end of the run that met it and, while the source rests, of the next one."""
    gym.set_faults(FaultPlan(always={"*": "bad_key"}), "polygon")
    assert run("add-symbol", "BRK.B", "--data", empty).code == 0
    update = ("update", "--source", "polygon", "--dataset", "daily_bars", "--data", empty)
    first = run(*update, settings=asked)
    calls = gym.count_of("polygon")
    second = run(*update, settings=asked)
    assert (first.code, second.code) == (0, 0)
    assert gym.count_of("polygon") == calls > 0
    told = r"polygon: Polygon does not accept this key, .* It is not asked again before .* UTC\."
    assert re.search(told, first.out)
    assert re.search(told, second.out)
    assert "nothing could be asked: what has the" in second.out
