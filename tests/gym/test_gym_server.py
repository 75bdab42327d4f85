"""The gym over real sockets: every fault appears on the wire, is counted, and gives way to the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gym import FaultPlan, Gym, Truth, serve
from gym.faults import CLIENT_FAULT, CONTENT, DRAWN, RETRIED
from gym.replay import Replay
from marketkeep.http import Client, HttpSettings, YahooTransport
from marketkeep.model import Rate, Request

WHOLE = {"period1": "0", "period2": "4000000000", "interval": "1d", "events": "div,splits"}


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Forty symbols over two years."""
    return Truth(symbols=40, years=2)


def ask(gym: Gym, symbol: str, **params: str) -> httpx.Response:
    """One chart, asked plainly."""
    url = f"{gym.url}/v8/finance/chart/{symbol.replace('.', '-')}"
    return httpx.get(url, params=WHOLE | params, timeout=0.2)


@pytest.mark.parametrize(
    ("kind", "status", "sign"),
    [
        ("http_429", 429, b"Too Many Requests"),
        ("http_429_after", 429, b"Too Many Requests"),
        ("http_500", 500, b"Internal Server Error"),
        ("truncated", 200, b'{"chart"'),
        ("malformed", 200, b'"result"=['),
        ("empty", 200, b'"quote":[{}]'),
        ("wrong_symbol", 200, b'"symbol":"BRK-B"'),
        ("duplicates", 200, b'"symbol":"NA"'),
        ("plain_400", 400, b"400 Bad Request"),
    ],
)
def test_fault_is_on_the_wire_once_and_then_the_truth(truth, kind, status, sign):
    """The first attempt meets what was told, the second one the truth; the log has both."""
    with serve(truth=truth, faults=FaultPlan(told={"NA": [kind]})) as gym:
        first, second = ask(gym, "NA"), ask(gym, "NA")
        assert (first.status_code, sign in first.content) == (status, True)
        assert second.json()["chart"]["result"][0]["meta"]["symbol"] == "NA"
        assert first.content != second.content
        assert ("retry-after" in first.headers) == (kind == "http_429_after")
        assert [(h.key, h.attempt, h.fault) for h in gym.log] == [("NA", 1, kind), ("NA", 2, None)]


def test_hang_and_cut_break_the_connection(truth):
    """A hang lasts beyond the client's patience and ends with the gym; a cut stops amid the body."""
    with serve(truth=truth, faults=FaultPlan(told={"NA": ["hang", "cut"]})) as gym:
        with pytest.raises(httpx.ReadTimeout):
            ask(gym, "NA")
        with pytest.raises(httpx.RemoteProtocolError):
            ask(gym, "NA")
        assert ask(gym, "NA").status_code == 200
        started = time.monotonic()
    assert time.monotonic() - started < 1


def test_truncated_json_is_complete_http(truth):
    """The length is honest, so only who reads the body can tell."""
    with serve(truth=truth, faults=FaultPlan(told={"NA": ["truncated"]})) as gym:
        answer = ask(gym, "NA")
        assert int(answer.headers["content-length"]) == len(answer.content)
        with pytest.raises(json.JSONDecodeError):
            answer.json()


def test_duplicated_rows_repeat_whole_rows(truth):
    """Some sessions come twice with equal figures."""
    with serve(truth=truth, faults=FaultPlan(told={"NA": ["duplicates"]})) as gym:
        doubled, plain = (ask(gym, "NA").json()["chart"]["result"][0] for _ in range(2))
        assert len(doubled["timestamp"]) > len(plain["timestamp"])
        assert sorted(set(doubled["timestamp"])) == plain["timestamp"]


def test_revision_shows_until_the_next_phase(truth):
    """One session's volume and close change later, all others stay."""
    with serve(truth=truth, faults=FaultPlan(told={"NA": ["revision"]})) as gym:
        early = ask(gym, "NA").json()["chart"]["result"][0]["indicators"]["quote"][0]
        gym.phase = 1
        late = ask(gym, "NA").json()["chart"]["result"][0]["indicators"]["quote"][0]
        day = gym.revisions["NA"]
        at = truth.bars("NA")["date"].to_list().index(day)
        assert [
            n for n, pair in enumerate(zip(early["volume"], late["volume"], strict=True)) if len(set(pair)) > 1
        ] == [at]
        assert early["close"][at] != late["close"][at]
        assert early["open"] == late["open"]


def test_revision_may_end_at_an_instant(truth):
    """Instead of a phase, the gym's clock can bring the final figures."""
    at = datetime(2025, 1, 3, tzinfo=UTC)
    plan = FaultPlan(told={"NA": ["revision"]}, revised_at=at)
    with serve(truth=truth, faults=plan) as gym:
        early = ask(gym, "NA").content
        gym.now = at
        assert early != ask(gym, "NA").content


def test_plan_hits_every_kind_and_is_the_same_again():
    """With a share of 5 % of 200 symbols each kind occurs; the seed fixes who is hit."""
    plans = [FaultPlan(0.05, seed=seed) for seed in (1, 1, 2)]
    symbols = Truth(symbols=200, years=1).symbols
    for plan in plans:
        plan.assign(symbols)
    first, same, other = (plan.expected() for plan in plans)
    assert first == same != other
    assert {kind for kinds in first.values() for kind in kinds} == set(DRAWN)
    assert len(first) == 12
    wide = FaultPlan(0.5, seed=1)
    wide.assign(symbols)
    assert len(wide.expected()) == 100
    assert max(len(kinds) for kinds in wide.expected().values()) == 2


def test_unknown_kinds_are_refused():
    """A misspelt fault would be a test that tests nothing."""
    with pytest.raises(ValueError, match="no fault named hangs"):
        FaultPlan(told={"NA": ["hangs"]})


def test_no_share_means_no_faults(truth):
    """By default the gym tells the truth."""
    with serve(truth=truth) as gym:
        assert gym.plan.expected() == {}
        assert all(ask(gym, symbol).status_code == 200 for symbol in ("NA", "TRUE", "BRK.B"))


def test_client_gets_through_all_faults(truth):
    """Our client over yfinance's session meets each retried fault once per told attempt and lists it."""
    told = {symbol: [kind] for symbol, kind in zip(truth.symbols, RETRIED, strict=False)}
    told["INF"] = ["http_500", "http_429", "cut"]
    settings = HttpSettings(timeout_seconds=0.4, wait_initial=0.001, wait_max=0.002, retry_after_max=0.05)
    with (
        serve(truth=truth, faults=FaultPlan(told=told)) as gym,
        Client(settings, clock=lambda: gym.now, transports={"yahoo": YahooTransport(gym.url)}) as client,
    ):

        def fetch(symbol: str):
            path = f"https://query2.finance.yahoo.com/v8/finance/chart/{symbol.replace('.', '-')}"
            return client.fetch(Request("yahoo", "daily_bars", path, tuple(WHOLE.items())), Rate(10_000), "yahoo")

        with ThreadPoolExecutor(8) as pool:
            payloads = dict(zip(truth.symbols, pool.map(fetch, truth.symbols), strict=True))
        for symbol, payload in payloads.items():
            assert payload.faults == tuple(CLIENT_FAULT[kind] for kind in told.get(symbol, [])), symbol
            assert payload.status == 200
            assert payload.fetched_at == gym.now
        assert gym.served() == gym.plan.expected()
        assert gym.count == len(truth.symbols) + sum(len(kinds) for kinds in told.values())


def test_content_faults_are_the_parsers_business(truth):
    """What went well as an exchange is one attempt, whatever the body says."""
    told = {symbol: [kind] for symbol, kind in zip(truth.symbols, CONTENT, strict=False)}
    with (
        serve(truth=truth, faults=FaultPlan(told=told)) as gym,
        Client(clock=lambda: gym.now, transports={"yahoo": YahooTransport(gym.url)}) as client,
    ):
        for symbol in told:
            path = f"https://query1.finance.yahoo.com/v8/finance/chart/{symbol.replace('.', '-')}"
            assert not client.fetch(Request("yahoo", "x", path, tuple(WHOLE.items())), Rate(99), "yahoo").faults
        assert gym.counts() == dict.fromkeys(told, 1)


def test_always_faulty_symbol_never_recovers(truth):
    """A symbol may be broken for good."""
    with serve(truth=truth, faults=FaultPlan(always={"NA": "http_500"})) as gym:
        assert [ask(gym, "NA").status_code for _ in range(4)] == [500] * 4


def test_requests_are_counted_and_peaks_measured(truth):
    """Counts by symbol, parameters and times are kept until cleared."""
    with serve(truth=truth) as gym:
        with httpx.Client() as client:
            for _ in range(20):
                client.get(f"{gym.url}/v8/finance/chart/NA", params=WHOLE)
        assert gym.counts() == {"NA": 20}
        assert gym.log[0].params == WHOLE
        assert gym.peak(60) == 20
        assert gym.peak(1e-9) == 1
        gym.clear()
        assert gym.count == 0


def test_other_process_controls_the_gym(truth):
    """Clock, phase and faults are set and the log is read over HTTP."""
    with serve(truth=truth) as gym:
        told = {"now": "2024-06-04T17:00:00+00:00", "phase": 1, "faults": {"told": {"NA": ["http_500"]}}}
        state = httpx.post(f"{gym.url}/_gym/set", json=told).json()
        assert (state["now"], state["expected"]) == ("2024-06-04T17:00:00+00:00", {"NA": ["http_500"]})
        assert ask(gym, "NA").status_code == 500
        assert ask(gym, "NA").json()["chart"]["result"][0]["meta"]["regularMarketTime"] == gym.now.timestamp()
        log = httpx.get(f"{gym.url}/_gym/log").json()
        assert [(hit["key"], hit["fault"], hit["status"]) for hit in log] == [
            ("NA", "http_500", 500),
            ("NA", None, 200),
        ]
        assert httpx.post(f"{gym.url}/_gym/set", json={"clear": True}).json()["count"] == 0


def test_runs_alone():
    """`python -m gym` prints its address and ends when told."""
    command = [sys.executable, "-m", "gym", "--symbols", "3", "--years", "1", "--faults", "0.05"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        told = json.loads(process.stdout.readline())
        assert httpx.get(f"{told['url']}/_gym/state").json()["count"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_replay_says_what_was_recorded(tmp_path):
    """Recorded bodies come back by path and parameters, with their status."""
    (tmp_path / "a.json").write_bytes(b'{"a":1}')
    (tmp_path / "b.txt").write_bytes(b"400 Bad Request")
    address = "https://query2.finance.yahoo.com/v8/finance/chart/"
    entries = [
        {"file": "a.json", "url": f"{address}AAPL?period1=1&crumb=REDACTED", "status": 200, "headers": {}},
        {"file": "b.txt", "url": f"{address}AAPL?period1=2", "status": 400, "headers": {"Content-Type": "text/plain"}},
    ]
    (tmp_path / "index.jsonl").write_text("\n".join(map(json.dumps, entries)))
    gym = Gym([Replay(tmp_path)], truth=None, plan=FaultPlan(), now=datetime(2024, 1, 1, tzinfo=UTC))
    try:
        first, second, unknown = (
            httpx.get(f"{gym.url}/v8/finance/chart/{path}") for path in ("AAPL?period1=1", "AAPL?period1=2", "IBM")
        )
        assert (first.status_code, first.content) == (200, b'{"a":1}')
        assert (second.status_code, second.headers["content-type"]) == (400, "text/plain")
        assert unknown.status_code == 404
        assert gym.counts() == {"AAPL": 2}
    finally:
        gym.close()


def test_replay_serves_the_recorded_corpus(corpus):
    """A recorded chart is found by its own parameters among several of the same path."""
    gym = Gym([Replay(corpus / "yahoo" / "chart")], truth=None, plan=FaultPlan(), now=datetime(2024, 1, 1, tzinfo=UTC))
    try:
        params = {"period1": "1577836800", "period2": "1578009600", "interval": "1d"}
        answer = httpx.get(f"{gym.url}/v8/finance/chart/GOOG", params=params)
        assert answer.json()["chart"]["result"][0]["meta"]["symbol"] == "GOOG"
    finally:
        gym.close()
