"""The checks on real bars: what they find is what the page says, and what was looked at is still found."""

from __future__ import annotations

from pathlib import Path

import pytest

import marketkeep
from proofs.finding_verdicts import LOOKED, Looked, tally
from proofs.real_bars import counts, keeps
from proofs.real_bars_page import COMMAND, page, published

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, marketkeep.Keep]:
    """Every keep of real bars."""
    made = keeps(corpus, tmp_path_factory.mktemp("real"))
    print(counts({name: keep.findings() for name, keep in made.items()}))
    return made


def test_page_is_what_the_checks_find(found: dict[str, marketkeep.Keep]) -> None:
    """
    The counts that are published are those of a run now.
    """
    now, then = page(found).splitlines(), published().splitlines()
    assert [line for line in now if line not in then] == [], f"make it again: {COMMAND}"
    assert now == then


def test_fifty_were_looked_at() -> None:
    """
    The sample has fifty different findings of twelve checks, each with a verdict and words.
    """
    assert len(LOOKED) == len({one[:5] for one in LOOKED}) == 50
    assert len({one.check for one in LOOKED}) == 12
    assert set(tally()) <= {"fault", "event", "false"}
    assert all(one.words for one in LOOKED)


@pytest.mark.parametrize("one", [one for one in LOOKED if one.verdict == "fault"], ids=lambda one: " ".join(one[:3]))
def test_a_fault_is_still_found(found: dict[str, marketkeep.Keep], one: Looked) -> None:
    """
    What was found to be a fault of the data stays found, however thresholds are tuned.
    """
    told = found[one.shelf].findings().select("check", "symbol", "source", "first").rows()
    assert (one.check, one.symbol, one.source, one.day) in told


def test_hard_errors_are_few(found: dict[str, marketkeep.Keep]) -> None:
    """
    Of half a million real bars none is refused but those on days without a session.
    """
    refused = {
        name: keep.findings().filter(severity="error").get_column("check").to_list() for name, keep in found.items()
    }
    assert {name: len(checks) for name, checks in refused.items() if checks} == {"stooq": 4, "kaggle5y": 450}
    assert {check for checks in refused.values() for check in checks} == {"not_a_session"}
