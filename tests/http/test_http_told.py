"""What a client is told from outside: a gateway before all hosts, rates of the settings, a meter of calls."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gym.scripted import Step
from marketkeep.errors import FetchFailed
from marketkeep.http import Client, Credential
from marketkeep.model import Rate, Request
from marketkeep.pipeline.collecting.ledger import Ledger

FAST = Rate(10_000)
NOW = datetime(2024, 6, 3, 23, 59, tzinfo=UTC)
VENDOR = Request("vendor", "daily_bars", "https://api.vendor.example/v1/bars", (("symbol", "BRK B"),), ("BRK.B",))


class Counting:
    """A meter that allows so many calls."""

    def __init__(self, calls: int) -> None:
        self.left, self.asked, self._lock = calls, [], threading.Lock()

    def take(self, source: str) -> bool:
        """Count one."""
        with self._lock:
            self.asked.append(source)
            self.left -= 1
            return self.left >= 0


@pytest.fixture
def told(quick):
    """Make clients that are told something; closed with the test."""
    made: list[Client] = []

    def make(**given):
        made.append(Client(quick, clock=lambda: NOW, **given))
        return made[-1]

    yield make
    for client in made:
        client.close()


# --- gateway ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_gateway_stands_before_every_host(scripted, told, slash):
    """Every request goes to the gateway, the vendor's host as the path's first part; keys go along."""
    server = scripted(Step())
    key = {"vendor": Credential(headers=(("X-Key", "hunter2"),))}
    client = told(gateway=server.url + slash, credentials=key)
    assert client.fetch(VENDOR, FAST, "http").body == b"fine"
    path, headers, _ = server.seen[0]
    assert path == "/api.vendor.example/v1/bars?symbol=BRK+B"
    assert headers["x-key"] == "hunter2"


def test_gateway_is_not_told_of(scripted, told):
    """What fails is told by the vendor's address, which lineage knows."""
    client = told(gateway=scripted(Step(500)).url)
    with pytest.raises(FetchFailed) as failed:
        client.fetch(VENDOR, FAST, "http")
    assert failed.value.what == VENDOR.full_url
    assert "127.0.0.1" not in str(failed.value)


def test_without_a_gateway_the_address_is_the_requests(scripted, told):
    """Who is told of no gateway asks the vendor itself."""
    server = scripted(Step())
    told().fetch(server.request("/v1/bars"), FAST, "http")
    assert server.seen[0][0] == "/v1/bars"


# --- rates -----------------------------------------------------------------------------------------------------------


def test_rate_that_is_set_holds_instead(scripted, told):
    """The settings' pace binds, measured at the server, whatever the source declares."""
    server = scripted(Step())
    client = told(rates={"vendor": Rate(5, 0.3)})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.fetch(server.request(), FAST, "http"), range(16)))
    times = sorted(at for _, _, at in server.seen)
    assert all(later - earlier >= 0.2 for earlier, later in zip(times, times[5:], strict=False))


def test_rate_that_is_set_may_be_faster(scripted, told):
    """A paid plan's pace is not held back by what the free one declares."""
    server = scripted(Step())
    client = told(rates={"vendor": FAST})
    started = time.monotonic()
    for _ in range(3):
        client.fetch(server.request(), Rate(1, 60), "http")
    assert time.monotonic() - started < 5


def test_rates_are_each_their_own(scripted, told):
    """A slow source that is set slow holds no other."""
    server = scripted(Step())
    client = told(rates={"slow": Rate(1, 60)})
    started = time.monotonic()
    for source in ("slow", "other", "other", "other"):
        client.fetch(replace(server.request(), source=source), FAST, "http")
    assert time.monotonic() - started < 5


# --- meter -----------------------------------------------------------------------------------------------------------


def test_every_attempt_is_a_call(scripted, told):
    """The meter counts what goes over the wire: retries too."""
    meter = Counting(100)
    server = scripted(Step(500), Step(deed="cut"), Step())
    told(meter=meter).fetch(server.request(), FAST, "http")
    assert meter.asked == ["vendor"] * 3
    assert len(server.seen) == 3


def test_used_up_nothing_is_sent(scripted, told):
    """With no call left today the request fails for good, without a word to the vendor."""
    server = scripted(Step())
    with pytest.raises(FetchFailed, match="quota") as failed:
        told(meter=Counting(0)).fetch(server.request(), FAST, "http")
    assert (failed.value.faults, failed.value.permanent) == (("quota",), True)
    assert server.seen == []


def test_used_up_between_two_attempts(scripted, told):
    """A retry for which no call is left is not made; the faults before it are told."""
    server = scripted(Step(503))
    with pytest.raises(FetchFailed) as failed:
        told(meter=Counting(2)).fetch(server.request(), FAST, "http")
    assert failed.value.faults == ("http_503", "http_503", "quota")
    assert len(server.seen) == 2


def test_quota_holds_over_threads_clients_and_restarts(scripted, told, tmp_path):
    """However many ask, now or after a restart, the vendor sees as many calls a day as its quota allows."""
    server = scripted(Step())

    def asked(now: datetime, requests: int) -> int:
        with Ledger(tmp_path, lambda: now, {"vendor": 10}) as ledger, ThreadPoolExecutor(8) as pool:
            client = told(meter=ledger)
            jobs = [pool.submit(client.fetch, server.request(), FAST, "http") for _ in range(requests)]
            return sum(job.exception() is None for job in jobs)

    assert asked(NOW, 6) == 6
    assert asked(NOW, 20) == 4
    assert len(server.seen) == 10
    assert asked(NOW + timedelta(minutes=2), 3) == 3


def test_other_sources_have_calls_of_their_own(scripted, told, tmp_path):
    """A source without a quota is asked on when another's is used up, and its calls are counted."""
    server = scripted(Step())
    with Ledger(tmp_path, lambda: NOW, {"vendor": 0}) as ledger:
        client = told(meter=ledger)
        with pytest.raises(FetchFailed, match="quota"):
            client.fetch(server.request(), FAST, "http")
        client.fetch(replace(server.request(), source="free"), FAST, "http")
        assert (ledger.left("vendor"), ledger.left("free")) == (0, None)
        assert (ledger.health("vendor").calls_today, ledger.health("free").calls_today) == (0, 1)
