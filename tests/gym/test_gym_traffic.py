"""Several vendors behind one address: routes, what each allows, when it is down, and faults that are only its own."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

from gym import Down, FaultPlan, Gym, Limit, Truth, Yahoo, all_vendors, serve, some_vendors
from gym.traffic import Traffic
from gym.wire import Ask, Reply


@dataclass
class Told:
    """A vendor that says what it was asked: data at `/data/<key>`, anything else but `/unknown` aside."""

    name: str
    hosts: frozenset[str]
    variants: frozenset[str] = frozenset({"quota", "not_found"})
    asked: list[Ask] = field(default_factory=list)

    def key_of(self, ask: Ask) -> str | None:
        """The last part of a path of data."""
        return ask.path.removeprefix("/data/") if ask.path.startswith("/data/") else None

    def answer(self, ask: Ask) -> Reply | None:
        """Its name, the host and the variant."""
        if ask.path == "/unknown":
            return None
        if ask.path == "/data/mistake":
            raise KeyError(ask.path)
        self.asked.append(ask)
        return Reply(200, f'{{"said":"{self.name} {ask.host} {ask.path} {ask.variant}"}}'.encode())


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Five symbols over a year."""
    return Truth(symbols=5, years=1)


@contextmanager
def two(truth: Truth, **rules) -> Iterator[tuple[Gym, Told, Told]]:
    """A gym of vendor one at one.com and www.one.com, and of two at two.com."""
    one, other = Told("one", frozenset({"one.com", "www.one.com"})), Told("two", frozenset({"two.com"}))
    with serve(truth=truth, vendors=lambda _: [one, other], **rules) as gym:
        yield gym, one, other


def get(gym: Gym, path: str, **headers: str) -> httpx.Response:
    """One request."""
    return httpx.get(f"{gym.url}/{path}", headers=headers, timeout=2)


def test_first_part_of_a_path_is_the_host(truth):
    """Each vendor answers for its hosts only, and is told host, path, parameters and headers in lower case."""
    with two(truth) as (gym, one, other):
        assert get(gym, "www.one.com/data/A?x=1&y=a%2Fb", **{"X-Api-Key": "k"}).json() == {
            "said": "one www.one.com /data/A None"
        }
        assert get(gym, "two.com/data/A").json() == {"said": "two two.com /data/A None"}
        assert (one.asked[0].params, one.asked[0].headers["x-api-key"]) == ({"x": "1", "y": "a/b"}, "k")
        assert (len(one.asked), len(other.asked)) == (1, 1)
        assert [(hit.vendor, hit.key) for hit in gym.log] == [("one", "A"), ("two", "A")]
        assert get(gym, "two.com/unknown").status_code == 404


def test_path_without_a_host_goes_to_whoever_knows_it(truth):
    """A client whose address is only replaced reaches the first vendor that has an answer."""
    with two(truth) as (gym, _, _):
        assert get(gym, "data/A").json() == {"said": "one  /data/A None"}
        assert get(gym, "three.com/cookie").json() == {"said": "one  /three.com/cookie None"}
        assert get(gym, "unknown").status_code == 404


def test_counts_are_by_vendor(truth):
    """The same key at two vendors is two things; what is no data request is not counted."""
    with two(truth) as (gym, _, _):
        for path in ("one.com/data/A", "one.com/data/A", "two.com/data/A", "two.com/cookie"):
            get(gym, path)
        assert gym.counts("one") == {"A": 2}
        assert gym.counts() == {"A": 3}
        assert (gym.count_of("one"), gym.count_of("two"), gym.count) == (2, 1, 3)
        assert (gym.peak(60, "one"), gym.peak(60)) == (2, 3)
        assert sum(gym.per_second("one").values()) == 2


def test_fault_is_one_vendors_own(truth):
    """A plan's fault hits that vendor's key, and attempts are counted by vendor and key."""
    plans = {"two": FaultPlan(told={"A": ["http_500", "http_503"]})}
    with two(truth, faults=FaultPlan(told={"A": ["http_429"]}), plans=plans) as (gym, _, _):
        assert [get(gym, "one.com/data/A").status_code for _ in range(3)] == [429, 200, 200]
        assert [get(gym, "two.com/data/A").status_code for _ in range(3)] == [500, 503, 200]
        assert gym.served("one") == gym.plan.expected() == {"A": ["http_429"]}
        assert gym.served("two") == plans["two"].expected()
        gym.set_faults(FaultPlan(always={"A": "http_500"}), "two")
        assert (get(gym, "two.com/data/A").status_code, get(gym, "one.com/data/A").status_code) == (500, 200)


def test_beginnings_of_keys_may_be_at_fault(truth):
    """A star ends a beginning: the longest one that fits counts, after the key's own entry."""
    plan = FaultPlan(always={"grouped*": "http_500", "*": "not_found"}, told={"grouped 2024-01-02": ["cut"]})
    with two(truth, faults=plan) as (gym, _, _):
        assert get(gym, "one.com/data/grouped 2024-01-03").status_code == 500
        assert get(gym, "one.com/data/A").json()["said"].endswith("not_found")
        assert get(gym, "two.com/data/A").json()["said"].endswith("None")
    plan = FaultPlan(told={"A*": ["http_500"], "AB": []})
    with two(truth, faults=plan) as (gym, _, _):
        assert [get(gym, f"one.com/data/{key}").status_code for key in ("A", "A", "AC", "AB", "B")] == [
            500,
            200,
            500,
            200,
            200,
        ]


def test_variants_are_asked_of_who_has_a_form_for_them(truth):
    """A vendor's own misbehaviour comes in its form; a plan that asks for one it lacks is refused."""
    with two(truth, faults=FaultPlan(told={"A": ["quota"]})) as (gym, _, _):
        assert get(gym, "one.com/data/A").json()["said"].endswith("quota")
    with pytest.raises(ValueError, match="no form for bad_key"), two(truth, faults=FaultPlan(told={"A": ["bad_key"]})):
        pass
    drawn = FaultPlan(1.0)
    drawn.assign(truth.symbols, frozenset({"not_found"}))
    assert not {"empty", "duplicates", "wrong_symbol"} & {kind for kinds in drawn.expected().values() for kind in kinds}


def test_requests_over_the_rate_are_429_and_marked(truth):
    """What comes faster than allowed is refused as over, is no attempt of a plan, and stops when the window is past."""
    plan, limits = FaultPlan(told={"A": ["http_500"]}), {"one": Limit(3, 0.5)}
    with two(truth, faults=plan, limits=limits) as (gym, _, _):
        statuses = [get(gym, "one.com/data/A").status_code for _ in range(5)]
        assert statuses == [500, 200, 200, 429, 429]
        assert get(gym, "two.com/data/A").status_code == 200
        assert [hit.over for hit in gym.log] == [False, False, False, True, True, False]
        assert [hit.attempt for hit in gym.over("one")] == [0, 0]
        time.sleep(0.5)
        assert get(gym, "one.com/data/A").status_code == 200


@pytest.mark.parametrize(("calls", "over"), [(9, 0), (10, 0), (11, 0), (12, 1)])
def test_jitter_is_forgiven(monkeypatch, calls, over):
    """A client that keeps to the rate is not blamed for jitter: 5 % and 50 ms of the window, no more."""
    traffic, clock = Traffic(), iter(range(10_000))
    monkeypatch.setattr("gym.traffic.time.monotonic", lambda: next(clock) / calls)
    standing = [traffic.arrive("v", "k", 0.0, Limit(10, 1.0), None).stands for _ in range(100)]
    assert ("rate" in standing) == bool(over)


def test_calls_of_a_day_are_used_up_in_the_vendors_words(truth):
    """Beyond the day's calls the vendor's own note comes, 429 where it has none; the next UTC day starts anew."""
    limits = {"one": Limit(100, 1.0, per_day=2), "two": Limit(100, 1.0, per_day=1)}
    with two(truth, limits=limits) as (gym, _, other):
        other.variants = frozenset()
        said = [get(gym, "one.com/data/A").json()["said"].rsplit(" ", 1)[1] for _ in range(3)]
        assert said == ["None", "None", "quota"]
        assert [get(gym, "two.com/data/A").status_code for _ in range(2)] == [200, 429]
        assert [hit.vendor for hit in gym.over()] == ["one", "two"]
        gym.clear()
        assert get(gym, "one.com/data/A").json()["said"].endswith("quota")
        gym.now += timedelta(days=1)
        assert get(gym, "one.com/data/A").json()["said"].endswith("None")


def test_vendor_is_down_in_turn(truth):
    """So many requests are served, then so many meet a 503; the plan's faults wait until it is up."""
    plan = FaultPlan(told={"A": ["http_500"]})
    with two(truth, faults=plan, down={"one": Down(2, 3)}) as (gym, _, _):
        assert [get(gym, "one.com/data/B").status_code for _ in range(2)] == [200, 200]
        assert [get(gym, "one.com/data/A").status_code for _ in range(4)] == [503, 503, 503, 500]
        assert get(gym, "two.com/data/A").status_code == 200
        assert gym.served("one") == {"A": ["http_500"]}


def test_vendor_may_never_answer(truth):
    """Down for good is a connection that ends without a byte, for whatever is asked; others go on."""
    with two(truth, down={"one": Down(always=True)}) as (gym, _, _):
        for path in ("one.com/data/A", "one.com/cookie"):
            with pytest.raises(httpx.RemoteProtocolError):
                get(gym, path)
        assert get(gym, "two.com/data/A").status_code == 200
        gym.down.clear()
        assert get(gym, "one.com/data/A").status_code == 200


def test_answers_take_the_latency_and_arrive_before_it(truth):
    """
    An answer to a data request takes the seconds that the gym is told, one beside the other; it counts as it arrives.
    """
    with two(truth) as (gym, _, _), ThreadPoolExecutor(4) as pool:

        def answered(number: int) -> float:
            assert get(gym, f"/one.com/data/{number}").status_code == 200
            return time.monotonic()

        assert httpx.post(f"{gym.url}/_gym/set", json={"latency": 0.3}).status_code == 200
        begun = time.monotonic()
        ends = sorted(pool.map(answered, range(4)))
        assert all(end - hit.at >= 0.3 for end, hit in zip(ends, gym.log, strict=True))
        assert ends[-1] - begun < 4 * 0.3
        gym.latency = 30.0
        assert get(gym, "/one.com/aside").status_code == 200


def test_mistake_of_the_gym_is_not_hidden(truth):
    """What a vendor of the gym raises ends the connection, and the test that used it fails with the reason."""
    with pytest.raises(KeyError, match="mistake"), two(truth) as (gym, _, _), pytest.raises(httpx.HTTPError):
        get(gym, "one.com/data/mistake")


def test_rules_for_nobody_are_refused(truth):
    """A misspelt vendor would be a test that tests nothing."""
    with pytest.raises(ValueError, match="rules for won, whom this gym has not"), two(truth, limits={"won": Limit(1)}):
        pass


def test_half_a_request_is_none(truth):
    """A client that dies before the end of its headers has asked for nothing."""
    with two(truth) as (gym, _, _):
        address = ("127.0.0.1", int(gym.url.rsplit(":", 1)[1]))
        for part in (b"GET /one.com/da", b"GET /one.com/data/A HTTP/1.1\r\nHost: a\r\n", b"\x16\x03\x01\r\n"):
            with socket.create_connection(address) as client:
                client.sendall(part)
                client.shutdown(socket.SHUT_WR)
                assert client.recv(100) == b""
        assert gym.count == 0


def test_many_clients_are_served_at_once(truth):
    """Sixteen connections with 100 requests each, counted to the last; small answers come by the thousand a second."""
    with two(truth) as (gym, _, _):

        def run(_: int) -> None:
            with httpx.Client() as client:
                for _ in range(100):
                    assert client.get(f"{gym.url}/one.com/data/A").status_code == 200

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(run, range(16)))
        assert (gym.count, max(hit.attempt for hit in gym.log)) == (1600, 1600)
    assert not [thread for thread in threading.enumerate() if "process_request" in thread.name and thread.is_alive()]


def test_table_of_vendors_is_imported_when_asked(truth):
    """All vendors whose module is there, Yahoo first, each with a name of its own; or the named ones."""
    made = all_vendors(truth)
    assert isinstance(made[0], Yahoo)
    assert len({vendor.name for vendor in made}) == len(made)
    hosts = Counter(host for vendor in made for host in vendor.hosts)
    # The SEC serves its lists of tickers beside its archives.
    assert [host for host, count in hosts.items() if count > 1] == ["www.sec.gov"]
    assert [vendor.name for vendor in some_vendors("yahoo")(truth)] == ["yahoo"]


def test_thousands_of_symbols_start_at_once():
    """A truth makes a symbol when it is asked for, so that 5,000 of them cost nothing before."""
    before = time.monotonic()
    with serve(5000, 3) as gym:
        url = f"{gym.url}/query2.finance.yahoo.com/v8/finance/chart/QAAC?range=1mo&interval=1d"
        assert httpx.get(url).status_code == 200
    assert time.monotonic() - before < 4
