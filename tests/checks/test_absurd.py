"""Refusing absurd closes: what is refused, and above all what is not."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.bar_series import USUAL, marks, series, steady
from marketkeep.checks import reject_absurd

ABSURD = ["price_absurd"]


def off(at: int, times: float, count: int = 30) -> list[float]:
    """Steady closes, one of them so many times too high."""
    closes = steady(count)
    closes[at] *= times
    return closes


def together(*frames: pl.DataFrame) -> pl.DataFrame:
    """Rows of several sources in the order the checks ask for."""
    return pl.concat(frames).sort("symbol", "date", "fetched_at", maintain_order=True)


def refused(rows: pl.DataFrame) -> list[tuple[str, int]]:
    """Source and place in the calendar of each row that is refused."""
    days = {day: i for i, day in enumerate(rows["date"].unique().sort())}
    hard = reject_absurd(rows, USUAL).filter("hard")
    return [(source, days[day]) for source, day in hard.select("source", "date").rows()]


@pytest.mark.parametrize("times", [100.0, 0.01, 1000.0, 20.5, 1 / 20.5])
def test_trap_10_hundredfold_close_is_refused(times: float) -> None:
    """Trap 10: one close many times above or below all around it is refused, with one source alone, and scores 0."""
    found = reject_absurd(series(off(15, times)), USUAL)
    assert marks(found) == {15: ABSURD}
    assert found.filter("hard").select("score", "date").rows() == [(0, found["date"][15])]
    assert found["score"].sum() == 29 * 100


@pytest.mark.parametrize("times", [19.0, 1 / 19.0])
def test_large_but_possible_move_is_left_to_softer_checks(times: float) -> None:
    """Below `absurd_times` nothing is refused, though it is undone the next session."""
    assert refused(series(off(15, times))) == []


@pytest.mark.parametrize("at", [0, 29])
def test_trap_10_unit_error_at_either_end_is_refused(at: int) -> None:
    """At the first and at the newest session only an error of units is refused: a hundred or a thousand times."""
    for times in (100.0, 0.01, 1000.0, 0.001):
        assert refused(series(off(at, times))) == [("csv", at)]
    for times in (50.0, 0.02, 25.0):
        assert refused(series(off(at, times))) == []


@pytest.mark.parametrize("times", [50.0, 0.02, 100.0])
@pytest.mark.parametrize("at", [2, 10, 28])
def test_step_that_lasts_is_never_refused(times: float, at: int) -> None:
    """A reverse split of 1:50, and any step that lasts two sessions or more, may be true however large it is."""
    closes = steady(30)
    assert refused(series([close * (times if i >= at else 1) for i, close in enumerate(closes)])) == []


def test_wrong_source_is_refused_beside_a_right_one() -> None:
    """Two sources of which one slips: that one is refused, whichever it is, and the other stands."""
    assert refused(together(series(off(15, 100.0), source="a"), series(steady(30), source="b"))) == [("a", 15)]


def test_value_that_two_sources_tell_is_kept() -> None:
    """Both sources tell the same: two seldom slip alike, so it is left to the softer checks."""
    assert refused(together(series(off(15, 100.0), source="a"), series(off(15, 100.0), source="b"))) == []


def test_version_since_corrected_supports_nobody() -> None:
    """What another source told first and has taken back since is no support."""
    wrong = series(off(15, 100.0), source="b")
    later = series(steady(30), source="b").with_columns(pl.col("fetched_at").dt.offset_by("1d"))
    assert refused(together(series(off(15, 100.0), source="a"), wrong, later)) == [("a", 15)]


def test_asking_a_source_often_is_no_evidence() -> None:
    """Of two sources that are a hundred times apart on every session, neither is refused for fewer versions."""
    pence = series([close * 100 for close in steady(30)], source="b")
    again = [series(steady(30), source="a").with_columns(pl.col("fetched_at").dt.offset_by(f"{i}d")) for i in range(4)]
    assert refused(together(pence, *again)) == []


def test_two_wrong_sessions_in_a_row_are_both_refused() -> None:
    """Two sessions a hundred times too high, with the old level before and after, do not excuse each other."""
    closes = off(15, 100.0)
    closes[16] *= 100.0
    assert refused(series(closes)) == [("csv", 15), ("csv", 16)]


def test_two_bars_alone_cannot_tell_which_is_wrong() -> None:
    """With nothing but one other session to compare with, nothing is refused."""
    assert refused(series([50.0, 5000.0])) == []


def test_rows_that_failed_before_are_no_reference() -> None:
    """A row that failed a hard check neither is marked nor counts for others."""
    rows = series(off(15, 100.0)).with_columns(hard=pl.int_range(pl.len()) == 15)
    assert reject_absurd(rows, USUAL).equals(rows)


def test_nothing_is_said_of_nothing() -> None:
    """An empty frame stays as it is."""
    empty = series(steady(5)).clear()
    assert reject_absurd(empty, USUAL).equals(empty)


@given(
    at=st.integers(0, 59),
    times=st.sampled_from([100.0, 0.01, 30.0, 1.0]),
    cut=st.integers(0, 59),
    lasting=st.booleans(),
)
def test_rows_far_away_never_matter(at: int, times: float, cut: int, *, lasting: bool) -> None:
    """A row's verdict is the same with all rows and with those within ten calendar days of it."""
    closes = [close * (times if (i >= at if lasting else i == at) else 1) for i, close in enumerate(steady(60))]
    rows = series(closes)
    whole = reject_absurd(rows, USUAL)
    day = rows["date"][cut]
    near = rows.filter(((pl.col("date") - day).dt.total_days().abs()) <= 10)
    part = reject_absurd(near, USUAL).filter(pl.col("date") == day)
    assert part.equals(whole.filter(pl.col("date") == day))
