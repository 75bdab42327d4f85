"""The pace: never more starts in a window than allowed, and hardly fewer, on a clock that the tests move."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.http import pace as module
from marketkeep.http.pace import Pace, Stopped
from marketkeep.model import Rate


class Clock:
    """Monotonic time that passes by waiting only; each wait ends `late` seconds late, in turns."""

    def __init__(self, late=(0.0,)):
        self.now, self._late, self._waits = 1000.0, list(late), 0

    def monotonic(self):
        """The time."""
        return self.now

    def wait(self, seconds):
        """Wait as an event does that nobody sets."""
        self.now += seconds + self._late[self._waits % len(self._late)]
        self._waits += 1
        return False

    def is_set(self):
        """Nobody ends it."""
        return False


def starts(clock, rate, count, *, busy=0.0):
    """When so many turns began, one behind the other, each `busy` seconds at work after it."""
    pace, found = Pace(rate, clock), []
    for _ in range(count):
        pace.enter()
        found.append(clock.now)
        clock.now += busy
    return found


@pytest.fixture
def clock(monkeypatch):
    """A clock in the place of the machine's."""
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def reached(found, rate):
    """The share of the rate that these starts reach."""
    return (len(found) - 1) / (found[-1] - found[0]) / (rate.calls / rate.seconds)


@pytest.mark.parametrize("rate", [Rate(5), Rate(20), Rate(50), Rate(200)])
@pytest.mark.parametrize("late", [0.0, 0.002, 0.01])
def test_rate_is_nearly_reached(clock, rate, late):
    """Though each thread wakes late, its lateness is not added up: over 95 % of any rate is reached."""
    clock._late = [late]
    assert 0.95 < reached(starts(clock, rate, 400), rate) <= 1


def test_time_spent_between_turns_costs_nothing(clock):
    """A thread that is busy for less than a turn after each comes in time for the next."""
    assert reached(starts(clock, Rate(20), 200, busy=0.04), Rate(20)) > 0.95


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 0.2), min_size=1, max_size=20),
    st.lists(st.floats(0, 3), min_size=1, max_size=10),
    st.integers(1, 40),
    st.sampled_from([0.3, 1.0, 5.0, 60.0]),
)
def test_no_window_has_more(late, pauses, calls, seconds):
    """Whatever wakes late or comes after a while: in any window there are no more starts than allowed."""
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock(late)
        patch.setattr(module, "time", clock)
        pace, found = Pace(Rate(calls, seconds), clock), []
        for number in range(3 * calls + 5):
            clock.now += pauses[number % len(pauses)] if number % 7 == 0 else 0.0
            pace.enter()
            found.append(clock.now)
    assert all(later - earlier > seconds for earlier, later in zip(found, found[calls:], strict=False))


def test_nothing_is_made_up_for_in_a_burst(clock):
    """After a while without a request the next ones are spread as ever, not sent at once."""
    pace = Pace(Rate(10), clock)
    pace.enter()
    clock.now += 30
    found = []
    for _ in range(5):
        pace.enter()
        found.append(clock.now)
    assert all(later - earlier > 0.09 for earlier, later in pairwise(found))


def test_long_window_is_used_at_once(clock):
    """Five calls a minute go out together; the sixth waits until the first is a minute ago."""
    found = starts(clock, Rate(5, 60.0), 6)
    assert found[4] == found[0]
    assert 60 < found[5] - found[0] < 61


def test_pause_and_hold_come_first(clock):
    """A thread that pauses, or whose source asked for patience, waits for the longer of both."""
    pace = Pace(Rate(1000), clock)
    pace.hold(5)
    pace.hold(2)
    begun = clock.now
    pace.enter(1.0)
    assert clock.now - begun == pytest.approx(5)
    pace.enter(7.0)
    assert clock.now - begun == pytest.approx(12)


def test_stopped_nobody_passes():
    """When the client is closed a turn that is free is not taken."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        Pace(Rate(1000), stop).enter()
