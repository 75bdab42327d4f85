"""Lanes: as much under way as the rate can use, handed over in order, bounded by what memory holds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from bidding import Bidder

from marketkeep.model import Payload, Rate, Request, Source
from marketkeep.pipeline.collecting.fetching import Fetched
from marketkeep.pipeline.collecting.lanes import Attempt, Lane, at_once

NOW = datetime(2025, 6, 2, 22, tzinfo=UTC)


def request(number: int) -> Request:
    """One of many."""
    return Request("vendor", "daily_bars", f"https://v.example/{number}")


def answer(size: int) -> Fetched:
    """An answer of so many bytes."""
    return Fetched(Payload(200, (), bytes(size), NOW))


@contextmanager
def lane(workers: int, count: int = 1000) -> Iterator[Lane]:
    """A lane with so many requests before it."""
    made = Lane(Bidder("vendor"), workers, deque(Attempt(request(number)) for number in range(count)))
    try:
        yield made
    finally:
        made.pool.shutdown(cancel_futures=True)


def at_work(source: Source, one: Request) -> Fetched:
    """An answer of a kilobyte, at once."""
    return answer(1000)


@pytest.mark.parametrize(
    ("rate", "workers"),
    [(Rate(5, 60.0), 4), (Rate(5), 4), (Rate(8), 4), (Rate(20), 10), (Rate(50), 16), (Rate(10_000), 16)],
)
def test_as_many_at_once_as_the_rate_can_use(rate: Rate, workers: int) -> None:
    """
    As many requests are under way as are sent in half a second, four at least and sixteen at most.
    """
    assert at_once(rate) == workers


def test_requests_are_handed_over_in_order() -> None:
    """
    What is asked first is answered first; what is asked again comes after all others.
    """
    with lane(1, 3) as one:
        one.again.append(Attempt(request(99), 2))
        seen = []
        for _ in range(4):
            one.fill(at_work)
            attempt, future = one.waiting.popleft()
            future.result()
            seen.append(attempt.request.url.rpartition("/")[2])
        assert seen == ["0", "1", "2", "99"]
        one.fill(at_work)
        assert not one.waiting


@pytest.mark.parametrize(("size", "depth"), [(100, 256), (2**20, 64), (10 * 2**20, 8), (60 * 2**20, 8)])
def test_small_answers_are_asked_for_further_ahead(size: int, depth: int) -> None:
    """
    So that a source is asked on while its answers are published: as far ahead as 64 MB hold, and 256 answers at most.
    """
    with lane(4) as one:
        one.fill(at_work)
        assert len(one.waiting) == 8
        for _ in range(4):
            one.came(answer(size))
        one.fill(at_work)
        assert len(one.waiting) == depth


def test_pages_are_asked_for_before_all_others_and_few_ahead() -> None:
    """
    A chain of pages is held in memory until its last: what follows a page comes next, and few chains are begun.
    """
    with lane(4) as one:
        for _ in range(10):
            one.came(answer(10))
        one.continued(Attempt(request(500)))
        one.fill(at_work)
        assert len(one.waiting) == 8
        assert one.waiting[0][0].request == request(500)
    with lane(16) as one:
        one.continued(Attempt(request(500)))
        one.fill(at_work)
        assert len(one.waiting) == 16


def test_lane_that_is_left_asks_nothing_more() -> None:
    """
    When a source is put to rest what is under way is still taken; what was handed over and not begun is not asked.
    """
    begun, go = threading.Semaphore(0), threading.Event()
    asked: list[Request] = []

    def slow(source: Source, one: Request) -> Fetched:
        asked.append(one)
        begun.release()
        assert go.wait(5)
        return answer(1)

    with lane(2) as one:
        for _ in range(4):
            one.came(answer(1))
        one.fill(slow)
        assert len(one.waiting) == 256
        assert begun.acquire(timeout=5)
        assert begun.acquire(timeout=5)
        one.leave()
        assert [attempt.request for attempt, _ in one.waiting] == [request(0), request(1)]
        go.set()
        assert all(future.result(5).payload.body == bytes(1) for _, future in one.waiting)
        one.fill(slow)
        assert asked == [request(0), request(1)]
