"""Yahoo through yfinance's session, against the gym and against a scripted server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from gym import serve
from gym.scripted import Step
from marketkeep.errors import FetchFailed
from marketkeep.http import Client, YahooTransport
from marketkeep.model import Rate, Request

CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"
FAST = Rate(10_000)


@pytest.fixture
def yahoo(make_client) -> Callable[..., Client]:
    """Make clients whose Yahoo is at an address."""
    return lambda url, **settings: make_client({"yahoo": YahooTransport(url)}, **settings)


def chart(symbol: str = "NA") -> Request:
    """A chart as a source asks for it."""
    return Request("yahoo", "daily_bars", CHART + symbol, (("range", "max"), ("interval", "1d")), symbols=(symbol,))


def doors():
    """What Yahoo says beside its data: cookie, consent, and another crumb each time."""
    crumbs = count(1)

    def aside(path: str) -> Step | None:
        if path.startswith("/v1/test/getcrumb"):
            return Step(body=f"crumb{next(crumbs)}".encode())
        return None if path.startswith("/v8/") else Step(body=b"<html></html>")

    return aside


def test_many_threads_share_one_cookie_and_crumb(yahoo):
    """Eight threads get their own symbols' bytes; cookie and crumb are asked for once."""
    with serve(40, 1) as gym, yahoo(gym.url, max_bytes=10**6) as client, ThreadPoolExecutor(8) as pool:
        symbols = [s.replace(".", "-") for s in gym.truth.symbols]
        payloads = list(pool.map(lambda s: client.fetch(chart(s), FAST, "yahoo"), symbols))
        assert all(f'"symbol":"{s}"'.encode() in p.body for s, p in zip(symbols, payloads, strict=True))
        assert gym.count == 40
        assert {hit.params["crumb"] for hit in gym.log} == {"gym.Crumb/1"}


def test_unknown_symbol_is_one_request(yahoo):
    """A 404 is an answer: yfinance's second try with other cookies is spared."""
    with serve(3, 1) as gym, yahoo(gym.url) as client:
        payload = client.fetch(chart("NOPE"), FAST, "yahoo")
        assert (payload.status, gym.count) == (404, 1)
        assert b"symbol may be delisted" in payload.body


def test_crumb_is_in_no_payload_error_or_log(caplog, yahoo):
    """The crumb goes over the wire only."""
    caplog.set_level(logging.INFO)
    with serve(3, 1) as gym, yahoo(gym.url, max_bytes=1000) as client, pytest.raises(FetchFailed) as failed:
        client.fetch(chart(), FAST, "yahoo")
    assert failed.value.faults == ("too_large",)
    assert "Crumb" not in str(failed.value) + caplog.text


def test_stale_crumb_is_renewed_by_yfinance(scripted, yahoo):
    """On 401 yfinance changes its cookies and asks again; what comes then is the answer."""
    server = scripted(Step(401), Step(body=b"rows"), aside=doors())
    with yahoo(server.url) as client:
        payload = client.fetch(chart(), FAST, "yahoo")
    assert (payload.status, payload.body, payload.faults) == (200, b"rows", ())
    assert [path.split("crumb=")[1] for path, _, _ in server.seen] == ["crumb1", "crumb2"]


def test_lasting_refusal_is_the_answer(scripted, yahoo):
    """A 403 that new cookies do not change is returned, not repeated."""
    server = scripted(Step(403, b"no"))
    with yahoo(server.url) as client:
        payload = client.fetch(chart(), FAST, "yahoo")
    assert (payload.status, payload.faults) == (403, ())


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (Step(429), "http_429"),
        (Step(502), "http_502"),
        (Step(deed="cut"), "cut"),
        (Step(deed="drop"), "cut"),
        (Step(deed="hang"), "timeout"),
    ],
)
def test_faults_of_curl_have_our_names(scripted, step, fault, yahoo):
    """Every failed attempt at the data is one request and one fault."""
    server = scripted(step, Step(body=b"rows"), aside=doors())
    with yahoo(server.url) as client:
        payload = client.fetch(chart(), FAST, "yahoo")
    assert (payload.body, payload.faults) == (b"rows", (fault,))
    assert len(server.seen) == 2


def test_retry_after_is_seen_through_yfinance(scripted, yahoo):
    """The header of a 429 is not lost on the way."""
    server = scripted(Step(429, headers={"Retry-After": "7"}), Step(body=b"rows"), aside=doors())
    with yahoo(server.url, retry_after_max=0.2) as client:
        client.fetch(chart(), FAST, "yahoo")
    assert server.seen[1][2] - server.seen[0][2] >= 0.2


def test_nobody_there_is_connect(yahoo):
    """Without cookie and crumb the chart is tried all the same, and that fault counts."""
    with yahoo("http://127.0.0.1:9") as client, pytest.raises(FetchFailed, match="connect, connect, connect, connect"):
        client.fetch(chart(), FAST, "yahoo")


def test_nothing_of_yfinance_reaches_the_disk(monkeypatch, tmp_path, yahoo):
    """No cookie or time zone file is opened, in the user's home or elsewhere."""
    import yfinance.cache

    for manager in (yfinance.cache._CookieDBManager, yfinance.cache._TzDBManager):
        manager.set_location(str(tmp_path))
    monkeypatch.setattr(yfinance.cache._CookieCacheManager, "_Cookie_cache", None)
    with serve(3, 1) as gym, yahoo(gym.url, max_bytes=10**6) as client:
        assert client.fetch(chart(), FAST, "yahoo").status == 200
    assert not list(tmp_path.iterdir())


def test_two_yahoos_do_not_share_a_session(yahoo):
    """The singleton of yfinance would send the first client to the second one's address."""
    with (
        serve(3, 1) as one,
        serve(3, 1) as two,
        yahoo(one.url, max_bytes=10**6) as a,
        yahoo(two.url, max_bytes=10**6) as b,
    ):
        for client in (a, b, a):
            client.fetch(chart(), FAST, "yahoo")
        assert (one.count, two.count) == (2, 1)


def test_other_hosts_are_not_rewritten(scripted, yahoo):
    """Only Yahoo's own hosts go to the given address."""
    yahoo_server, other = scripted(Step(body=b"yahoo")), scripted(Step(body=b"other"))
    with yahoo(yahoo_server.url) as client:
        request = Request("yahoo", "x", f"{other.url}/x")
        assert client.fetch(request, FAST, "yahoo").body == b"other"
        evil = Request("yahoo", "x", f"{other.url}/yahoo.com")
        assert client.fetch(evil, FAST, "yahoo").body == b"other"
