"""The gym's report in small: every defect of the gym through the whole pipeline, and what the checks made of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import stamina
from seeded_listing import MUST
from seeded_report import ALARMS, BEGIN, END, HARD, SMALL, SOFT, Report, make_report, put_into

from gym.defects_actions import CASH, SPLITS
from gym.defects_bars import APART as NATURAL
from gym.defects_bars import KINDS as BARS
from gym.defects_facts import KINDS as FACTS
from gym.defects_listing import LISTING, MEMBERS
from gym.defects_minutes import KINDS as MINUTES

PAGE = Path(__file__).parents[2] / "docs" / "quality-engine.md"
BY_THE_WIRE = {"revised later"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of small worlds; libraries print nothing of what they ask again."""
    hooks = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([])
    made = make_report(tmp_path_factory.mktemp("report"), SMALL)
    stamina.instrumentation.set_on_retry_hooks(hooks)
    print("\n".join(made.told()))
    return made


def test_every_kind_of_defect_is_planted(report: Report) -> None:
    """
    No kind is left out, even in small; those without a check of their own are judged by the verdict.
    """
    every = {*BARS, *NATURAL, *MINUTES, *FACTS, *SPLITS, *CASH, *LISTING, *MEMBERS}
    planted = {one.kind for score in report.scores for one in score.world.defects}
    assert {kind.name for kind in every - planted} == BY_THE_WIRE


def test_hard_defects_are_found(report: Report) -> None:
    """
    What must never become gold is found, 99 of 100 times at least, kind by kind.
    """
    assert report.recall(hard=True) >= HARD
    assert [line.kind.name for line in report.kinds if line.kind.hard and line.found < HARD * line.planted] == []


def test_soft_defects_are_found(report: Report) -> None:
    """
    What costs score is found 95 of 100 times at least.
    """
    assert report.recall(hard=False) >= SOFT


def test_no_false_alarm(report: Report) -> None:
    """
    No error and no warning is about a row that nothing is wrong with.
    """
    about = ("daily_bars", "minute_bars", "actions", "fundamentals", "securities", "index_members")
    assert {name: report.alarms(name) for name in about} == dict.fromkeys(about, 0)


def test_faults_of_the_wire_are_told(report: Report) -> None:
    """
    Each fault on the way is told by its code.
    """
    assert [(kind, *hit) for score in report.scores for kind, hit in score.wires.items() if hit[0] != hit[1]] == []


def test_every_verdict_on_splits_is_right(report: Report) -> None:
    """
    A split that was is applied as it was, whatever one vendor of three says; one that never was is called phantom.
    """
    assert [case for case in report.jury.wrong if case.kind == "split"] == []
    assert report.splits[0] > 60


def test_securities_and_members_are_who_they_are(report: Report) -> None:
    """
    Traps 8, 11, 30 and 40: a rename, a delisting, a reuse and a silence are each taken for what they are.
    """
    assert report.identity.wrong == []
    assert set(report.identity.seeded) == set(MUST)


def test_gold_is_the_truth(report: Report) -> None:
    """
    No cell of gold is wrong but where a soft defect is all that was told; none is lost, none is made up.
    """
    for score in report.scores:
        if score.world.has_bars:
            assert score.gold.counts[3:] == (0, 0, 0), (score.world.name, score.gold.examples)


def test_page_keeps_what_people_wrote(report: Report) -> None:
    """
    Only what lies between the marks is replaced, and the same report gives the same page.
    """
    page = put_into("# A page\n\nWritten by hand.\n", report.markdown())
    assert put_into(page, report.markdown()) == page
    assert put_into(page + "\nMore by hand.\n", f"{BEGIN}\n\n{END}") == (
        f"# A page\n\nWritten by hand.\n\n{BEGIN}\n\n{END}\n\nMore by hand.\n"
    )


def test_published_page_reaches_what_it_must() -> None:
    """
    docs/quality-engine.md is of a million clean rows at least, and as good as the issue asks.
    """
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \| [^|]+ \|$", page, re.MULTILINE))
    counted = re.search(r"rows of daily_bars .* in ([\d,]+) \|", page)
    assert counted is not None
    assert int(counted[1].replace(",", "")) >= 1_000_000
    assert float(rows["hard defects found"].rstrip(" %")) >= 100 * HARD
    assert float(rows["soft defects found"].rstrip(" %")) >= 100 * SOFT
    assert float(rows["false alarms in a million clean rows of daily_bars"]) <= ALARMS
    assert float(rows["false alarms in a million clean rows of minute_bars"]) <= ALARMS
    assert rows["verdicts on splits that are right"] == "100 %"
    assert rows["securities and members that are right"] == "100 %"
