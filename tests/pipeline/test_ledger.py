"""The ledger of sources: calls counted over restarts and threads, rests that grow and end, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketkeep.errors import StoreError
from marketkeep.http import CONNECT, TIMEOUT
from marketkeep.model import QUOTA
from marketkeep.pipeline.collecting.ledger import FAILURES_IN_A_ROW, PLACE, Health, Ledger
from marketkeep.pipeline.collecting.notes import at_rest, no_answer, sentence

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that tests set."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time that was set."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon UTC."""
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Callable[..., Ledger]:
    """Opens the ledger of one keep, again and again."""
    return lambda **quotas: Ledger(tmp_path, clock, quotas)


def fail(ledger: Ledger, times: int) -> datetime | None:
    """Fail so many times in a row; until when the source rests after the last."""
    until = None
    for _ in range(times):
        until = ledger.failed("a", "No answer came.")
    return until


def test_quota_holds_over_restarts(opened: Callable[..., Ledger]) -> None:
    """A day's calls are counted over all openings; one too many is refused and not counted."""
    for expected in ([True, True], [True, False], [False, False]):
        with opened(a=3) as ledger:
            assert [ledger.take("a"), ledger.take("a")] == expected
    with opened(a=3) as ledger:
        assert (ledger.left("a"), ledger.health("a").calls_today) == (0, 3)


def test_quota_holds_over_threads_and_connections(opened: Callable[..., Ledger]) -> None:
    """However many threads take at once, through however many openings, exactly the quota is given."""
    with opened(a=100) as one, opened(a=100) as other, ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: (one if n % 2 else other).take("a"), range(300)))
        assert sum(taken) == 100
        assert one.left("a") == other.left("a") == 0


def test_quota_ends_with_the_utc_day(opened: Callable[..., Ledger], clock: Clock) -> None:
    """The calls are there again at midnight UTC, whatever New York's day; yesterday's stay counted for yesterday."""
    clock.now = datetime(2025, 6, 2, 23, 59, tzinfo=UTC)
    with opened(a=1) as ledger:
        assert ledger.take("a")
        assert not ledger.take("a")
        clock.now += MINUTE
        assert ledger.left("a") == 1
        assert ledger.take("a")
        assert ledger.health("a").calls_today == 1


def test_no_quota_no_limit(opened: Callable[..., Ledger]) -> None:
    """A source without a quota is counted and never refused; a quota of none refuses all."""
    with opened(b=0) as ledger:
        assert all(ledger.take("a") for _ in range(50))
        assert (ledger.left("a"), ledger.health("a").calls_today) == (None, 50)
        assert not ledger.take("b")


def test_one_sources_calls_are_not_anothers(opened: Callable[..., Ledger]) -> None:
    """What one source has used up, another still has; failures too are each one's own."""
    with opened(a=1, b=1) as ledger:
        assert ledger.take("a")
        assert ledger.take("b")
        fail(ledger, FAILURES_IN_A_ROW)
        assert ledger.rests_until("a") is not None
        assert ledger.rests_until("b") is None


def test_looking_makes_no_file(tmp_path: Path, opened: Callable[..., Ledger]) -> None:
    """To ask how a source has been leaves no trace in a keep that never collected."""
    with opened(a=3) as ledger:
        assert ledger.health("a") == Health()
        assert ledger.left("a") == 3
    assert list(tmp_path.iterdir()) == []


def test_five_failures_in_a_row_rest_a_source(opened: Callable[..., Ledger], clock: Clock) -> None:
    """The fifth failure in a row rests a source for the first rest; four do not, nor do five with an answer between."""
    with opened() as ledger:
        assert fail(ledger, FAILURES_IN_A_ROW - 1) is None
        ledger.answered("a")
        assert fail(ledger, FAILURES_IN_A_ROW - 1) is None
        assert ledger.rests_until("a") is None
        assert fail(ledger, 1) == NOON + MINUTE
        assert ledger.rests_until("a") == NOON + MINUTE
        clock.now += MINUTE
        assert ledger.rests_until("a") is None


def test_rests_double_up_to_an_hour(opened: Callable[..., Ledger], clock: Clock) -> None:
    """After a rest one more failure is enough for the next, twice as long, never above an hour, for however long."""
    rests = []
    for failures in [FAILURES_IN_A_ROW] + [1] * 99:
        with opened() as ledger:
            until = fail(ledger, failures)
        assert until is not None
        rests.append((until - clock.now) // MINUTE)
        clock.now = until
    assert rests[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(rests[8:]) == {60}


def test_an_answer_heals(opened: Callable[..., Ledger], clock: Clock) -> None:
    """One usable answer ends the rest and the memory of failures: the next rest is a first one again."""
    with opened() as ledger:
        fail(ledger, FAILURES_IN_A_ROW)
        clock.now += MINUTE
        fail(ledger, 1)
        ledger.answered("a")
        assert ledger.rests_until("a") is None
        assert ledger.health("a").answered_at == clock.now
        assert fail(ledger, FAILURES_IN_A_ROW - 1) is None
        assert fail(ledger, 1) == clock.now + MINUTE


def test_wrong_key_rests_at_once(opened: Callable[..., Ledger], clock: Clock) -> None:
    """A wrong key rests a source until the time that is given, over restarts; a call that works ends it."""
    until = NOON + timedelta(hours=1)
    with opened() as ledger:
        ledger.rest("a", "It does not accept the key.", until)
    with opened() as ledger:
        assert ledger.rests_until("a") == until
        assert ledger.health("a").note == "It does not accept the key."
        ledger.answered("a")
        assert ledger.rests_until("a") is None


def test_asked_too_often_rests_longer_each_time(opened: Callable[..., Ledger], clock: Clock) -> None:
    """What a vendor says of its own limit rests it for its rate's time or the first rest, doubled until it answers."""
    with opened() as ledger:
        assert ledger.exhausted("a", "Too often.", timedelta(seconds=1)) == clock.now + MINUTE
        clock.now += MINUTE
        assert ledger.exhausted("a", "Too often.", timedelta(seconds=1)) == clock.now + 2 * MINUTE
        ledger.answered("a")
        assert ledger.exhausted("a", "Too often.", timedelta(minutes=5)) == clock.now + 5 * MINUTE
        assert ledger.exhausted("b", "Too often.", timedelta(hours=2)) == clock.now + timedelta(hours=2)


def test_error_rate_is_that_of_a_week(opened: Callable[..., Ledger], clock: Clock) -> None:
    """The error rate counts answers, failures and refusals of the last seven days (UTC); before any it is unknown."""
    with opened() as ledger:
        assert ledger.health("a").error_rate is None
        ledger.answered("a")
        ledger.refused("a", "It is malformed.")
        ledger.answered("a")
        fail(ledger, 1)
        assert ledger.health("a").error_rate == 0.5
        clock.now += timedelta(days=4)
        ledger.answered("a")
        assert ledger.health("a").error_rate == 0.4
        clock.now += timedelta(days=3)
        assert ledger.health("a").error_rate == 0.0
        clock.now += timedelta(days=4)
        assert ledger.health("a").error_rate is None


def test_last_note_is_kept_with_its_time(opened: Callable[..., Ledger], clock: Clock) -> None:
    """The last thing worth telling stands with when it was told, an answer since then or not."""
    with opened() as ledger:
        ledger.refused("a", "First.")
        clock.now += MINUTE
        ledger.refused("a", "Second.")
        ledger.answered("a")
    with opened() as ledger:
        health = ledger.health("a")
        assert (health.note, health.noted_at) == ("Second.", NOON + MINUTE)


@pytest.mark.parametrize("damage", [b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 5000, b"text\n" * 1000])
def test_damaged_file_says_what_to_do(tmp_path: Path, opened: Callable[..., Ledger], damage: bytes) -> None:
    """A file that is no ledger is a StoreError that names it and says that it may be taken away; then all works."""
    path = tmp_path / PLACE
    with opened() as ledger:
        ledger.take("a")
    for beside in path.parent.glob("ledger.sqlite*"):
        beside.unlink()
    path.write_bytes(damage)
    with opened(a=1) as ledger:
        for act in (ledger.take, ledger.answered, ledger.health, ledger.left):
            with pytest.raises(StoreError, match=r"ledger\.sqlite cannot be used .* take it away"):
                act("a")
    path.unlink()
    with opened(a=1) as ledger:
        assert ledger.take("a")


def test_unwritable_folder_is_a_store_error(tmp_path: Path, opened: Callable[..., Ledger]) -> None:
    """Where the ledger cannot be made, the error names it."""
    (tmp_path / "journal").write_text("a file where a folder should be")
    with opened() as ledger, pytest.raises(StoreError, match="ledger"):
        ledger.take("a")


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ((), "No answer came: no attempt was made."),
        ((TIMEOUT,), "No answer came: it did not answer in time."),
        ((CONNECT, CONNECT), "No answer came: it cannot be reached, 2 times."),
        (("http_500", "http_429"), "No answer came: it was asked too often (HTTP 429), 2 times."),
        (("http_502",), "No answer came: its server fails (HTTP 502)."),
        ((QUOTA,), "No answer came: today's calls are used up."),
    ],
)
def test_failure_is_told_in_a_sentence(faults: tuple[str, ...], words: str) -> None:
    """What the attempts met becomes one sentence about the last of them."""
    assert no_answer(faults) == words


def test_notes_are_sentences() -> None:
    """A source's reason gets a capital, unless a name begins it, and a full stop, each once; a rest follows it."""
    assert sentence("not JSON: line 1") == "Not JSON: line 1."
    assert sentence("iShares does not serve it") == "iShares does not serve it."
    assert sentence("It says no.") == "It says no."
    assert at_rest(sentence("no"), NOON) == "No. It is not asked again before 2025-06-02 12:00 UTC."
