"""The client against real sockets: what is asked again, what is an answer, what is kept, how long it waits."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import format_datetime

import pytest
import stamina

from gym.scripted import Step
from marketkeep.errors import BadSetting, FetchFailed
from marketkeep.http import Answer, Credential, HttpSettings, TransportFault
from marketkeep.model import Rate, Request

FAST = Rate(10_000)


def test_answer_is_kept_as_it_came_with_the_callers_time(scripted, client, now):
    """Status, body and the caller's clock make the payload; faults are empty when nothing went wrong."""
    server = scripted(Step(body=b"1,2\r\n"))
    payload = client.fetch(server.request(symbol="A B"), FAST, "http")
    assert (payload.status, payload.body, payload.fetched_at, payload.faults) == (200, b"1,2\r\n", now, ())
    assert server.seen[0][0] == "/data?symbol=A+B"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_final_statuses_are_answers(scripted, client, status):
    """What repeating cannot change is returned with its body after one attempt."""
    server = scripted(Step(status, b"why"))
    payload = client.fetch(server.request(), FAST, "http")
    assert (payload.status, payload.body, len(server.seen)) == (status, b"why", 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_statuses_are_asked_again(scripted, client, status):
    """Too many requests and server errors are repeated, and the payload lists them."""
    server = scripted(Step(status), Step(status), Step())
    payload = client.fetch(server.request(), FAST, "http")
    assert (payload.status, payload.faults) == (200, (f"http_{status}", f"http_{status}"))


@pytest.mark.parametrize("step", [Step(deed="cut"), Step(deed="drop")])
def test_cut_connections_are_asked_again(scripted, client, step):
    """A body that ends early, or no answer at all, is `cut`; half a body is never a payload."""
    payload = client.fetch(scripted(step, Step()).request(), FAST, "http")
    assert (payload.body, payload.faults) == (b"fine", ("cut",))


def test_faults_are_listed_oldest_first(scripted, client):
    """Each attempt's fault is named in the order it was met."""
    server = scripted(Step(500), Step(deed="cut"), Step(429), Step())
    assert client.fetch(server.request(), FAST, "http").faults == ("http_500", "cut", "http_429")


def test_hanging_server_is_a_timeout(scripted, make_client):
    """A server that says nothing costs the timeout and no more."""
    server = scripted(Step(deed="hang"), Step())
    with make_client(timeout_seconds=0.1) as client:
        started = time.monotonic()
        assert client.fetch(server.request(), FAST, "http").faults == ("timeout",)
    assert time.monotonic() - started < 1


def test_dripping_server_is_a_timeout(scripted, make_client):
    """A server that sends a byte now and then is given the timeout for all of its answer."""
    server = scripted(Step(deed="drip", body=b"x" * 50), Step())
    with make_client() as client:
        assert client.fetch(server.request(), FAST, "http").faults == ("timeout",)


def test_refused_connection_is_connect(client):
    """A port where nobody listens is `connect` on every attempt, and then FetchFailed names them."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with pytest.raises(FetchFailed) as failed:
            client.fetch(Request("vendor", "daily_bars", url), FAST, "http")
    assert failed.value.faults == ("connect",) * 4
    assert (failed.value.source, failed.value.what, failed.value.permanent) == ("vendor", url, False)


def test_last_attempt_fails_for_good(scripted, client):
    """After the last attempt the error lists what each one met, and nothing is asked any more."""
    server = scripted(Step(503))
    with pytest.raises(FetchFailed, match="http_503, http_503, http_503, http_503"):
        client.fetch(server.request(), FAST, "http")
    assert len(server.seen) == 4


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_too_large_answer_is_not_asked_again(scripted, client, headers):
    """Size counts after decoding, ends the transfer and is permanent: asking again would bring the same."""
    body = b"x" * 10_001
    server = scripted(Step(body=gzip.compress(body) if headers else body, headers=headers))
    with pytest.raises(FetchFailed, match="too_large") as failed:
        client.fetch(server.request(), FAST, "http")
    assert failed.value.permanent
    assert len(server.seen) == 1


def test_largest_answer_is_kept(scripted, client):
    """The limit itself is allowed."""
    assert len(client.fetch(scripted(Step(body=b"x" * 10_000)).request(), FAST, "http").body) == 10_000


def test_content_encoding_is_undone(scripted, client):
    """Bodies are kept as the vendor's text, however they travelled."""
    server = scripted(Step(body=gzip.compress(b"plain"), headers={"Content-Encoding": "gzip"}))
    payload = client.fetch(server.request(), FAST, "http")
    assert payload.body == b"plain"
    assert "content-encoding" not in dict(payload.headers)


@pytest.mark.parametrize("form", ["seconds", "date", "date without a Date header"])
def test_retry_after_is_waited_for(form, make_client, now):
    """Both forms of Retry-After are honoured; a date counts from the server's own clock when it tells it."""
    told = [("Retry-After", "1")]
    if form != "seconds":
        told = [("Retry-After", format_datetime(now.replace(second=1), usegmt=True))]
    if form == "date":
        told = [("retry-after", "Mon, 03 Jun 2024 09:00:07 GMT"), ("date", "Mon, 03 Jun 2024 09:00:06 GMT")]
    fake = _Fake(Answer(429, tuple(told), b""), Answer(200, (), b"ok"))
    with make_client({"http": fake}, retry_after_max=0.1) as client:
        client.fetch(Request("vendor", "x", "http://v/x"), FAST, "http")
    assert 0.1 <= fake.times[1] - fake.times[0] < 0.3


@pytest.mark.parametrize("value", ["soon", "", "-5", "Mon, 03 Jun 2019 09:00:07 GMT"])
def test_senseless_retry_after_costs_nothing(value, make_client):
    """A value that is neither number nor date, or lies in the past, is no reason to wait or to fail."""
    fake = _Fake(Answer(429, (("retry-after", value),), b""), Answer(200, (), b"ok"))
    with make_client({"http": fake}) as client:
        assert client.fetch(Request("vendor", "x", "http://v/x"), FAST, "http").faults == ("http_429",)
    assert fake.times[1] - fake.times[0] < 0.2


def test_retry_after_holds_all_threads_of_that_source_only(make_client):
    """When a source asks for patience no thread asks it meanwhile; other sources go on."""
    fake = _Fake(Answer(429, (("retry-after", "1"),), b""), Answer(200, (), b"ok"))
    with make_client({"http": fake}, retry_after_max=0.25) as client, ThreadPoolExecutor(4) as pool:
        first = pool.submit(client.fetch, Request("vendor", "x", "http://v/0"), FAST, "http")
        time.sleep(0.05)
        others = [
            pool.submit(client.fetch, Request(source, "x", f"http://v/{source}"), FAST, "http")
            for source in ("vendor", "other")
        ]
        assert all(f.result().status == 200 for f in (first, *others))
    by_url = dict(zip(fake.urls, fake.times, strict=True))
    assert by_url["http://v/other"] - fake.times[0] < 0.2
    assert by_url["http://v/vendor"] - fake.times[0] >= 0.25


def test_rate_holds_over_eight_threads(scripted, make_client):
    """However many threads ask, the server sees no more than the rate allows in any window."""
    server = scripted(Step())
    rate = Rate(5, 0.3)
    with make_client() as client, ThreadPoolExecutor(8) as pool:
        assert all(p.status == 200 for p in pool.map(lambda _: client.fetch(server.request(), rate, "http"), range(30)))
    times = sorted(at for _, _, at in server.seen)
    assert len(times) == 30
    # Arrival differs from sending by what connecting takes on a busy machine: the sixth may come a little early.
    assert all(later - earlier >= 0.2 for earlier, later in zip(times, times[5:], strict=False))
    assert 1.4 <= times[-1] - times[0] < 3


def test_sources_have_their_own_pace(scripted, make_client):
    """One source's rate does not slow another."""
    server, slow = scripted(Step()), Rate(1, 60)
    with make_client() as client:
        for source in ("a", "b", "c"):
            assert client.fetch(replace(server.request(), source=source), slow, "http").status == 200


def test_closing_wakes_threads_that_wait(make_client):
    """Threads waiting for their turn or for a retry stop at once and say so."""
    fake = _Fake(Answer(200, (), b"ok"), Answer(503, (("retry-after", "60"),), b""))
    client = make_client({"http": fake})
    request = Request("vendor", "x", "http://v/x")
    client.fetch(request, Rate(1, 60), "http")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(client.fetch, request, Rate(1, 60), "http") for _ in range(3)]
        waiting.append(pool.submit(client.fetch, replace(request, source="other"), FAST, "http"))
        time.sleep(0.1)
        started = time.monotonic()
        client.close()
        errors = [f.exception() for f in waiting]
    assert time.monotonic() - started < 1
    assert [e.faults for e in errors if isinstance(e, FetchFailed)] == [*[("closed",)] * 3, ("http_503", "closed")]
    assert fake.closed == 1


def test_connections_close_behind_a_running_call(make_client):
    """Closing waits for no attempt under way; its transport closes after it."""
    inside, go = threading.Event(), threading.Event()

    class Slow(_Fake):
        def send(self, call):
            inside.set()
            assert go.wait(2)
            assert not self.closed
            return super().send(call)

    fake = Slow(Answer(200, (), b"ok"))
    client = make_client({"http": fake})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.fetch, Request("vendor", "x", "http://v/x"), FAST, "http")
        assert inside.wait(2)
        client.close()
        assert not fake.closed
        go.set()
        assert running.result().status == 200
    assert fake.closed == 1


def test_closed_client_asks_nothing(make_client):
    """After closing, fetch refuses before it sends."""
    fake = _Fake(Answer(200, (), b"ok"))
    client = make_client({"http": fake})
    client.close()
    with pytest.raises(FetchFailed, match="closed"):
        client.fetch(Request("vendor", "x", "http://v/x"), FAST, "http")
    assert not fake.times


def test_only_useful_headers_are_kept(scripted, client):
    """Type, date, caching, paging and rate headers stay; cookies and the server's boasts do not."""
    told = {
        "Content-Type": "text/csv",
        "ETag": '"1"',
        "Last-Modified": "Mon, 03 Jun 2024 09:00:07 GMT",
        "X-RateLimit-Remaining": "3",
        "Set-Cookie": "A3=secret",
        "X-Powered-By": "pride",
        "Link": "<http://v/x?apikey=hunter2>; rel=next",
    }
    kept = dict(client.fetch(scripted(Step(headers=told)).request(), FAST, "http").headers)
    assert set(kept) == {"content-type", "etag", "last-modified", "x-ratelimit-remaining", "link", "date"}
    assert "hunter2" not in kept["link"]


@pytest.mark.parametrize(
    "key", [Credential(headers=(("X-Api-Key", "hunter2-key"),)), Credential(params=(("apikey", "hunter2-key"),))]
)
def test_keys_reach_the_vendor_and_nothing_else(scripted, caplog, capsys, key, make_client):
    """The key goes over the wire; payload, error, traceback and logs are free of it, though the vendor echoes it."""
    caplog.set_level(logging.DEBUG)
    echo = Step(body=b'{"Information": "your key hunter2-key is over its quota"}')
    server = scripted(echo, Step(500))
    with make_client(credentials={"vendor": key}) as client:
        payload = client.fetch(server.request(symbol="A"), FAST, "http")
        with pytest.raises(FetchFailed) as failed:
            client.fetch(server.request(symbol="A"), FAST, "http")
    path, headers, _ = server.seen[0]
    assert "hunter2-key" in path or headers["x-api-key"] == "hunter2-key"
    assert b"hunter2" not in payload.body
    said = [*traceback.format_exception(failed.value), caplog.text, repr(client), repr(key), *capsys.readouterr()]
    assert all("hunter2" not in text for text in said)
    assert failed.value.__context__ is None


def test_key_in_a_requests_address_is_redacted(client):
    """A key that a source put into its request all the same is not shown by the error."""
    request = Request("vendor", "x", "http://127.0.0.1:1/x", (("apikey", "hunter2"), ("symbol", "A")))
    with pytest.raises(FetchFailed, match="apikey=REDACTED&symbol=A"):
        client.fetch(request, FAST, "http")


def test_key_in_a_header_does_not_follow_a_redirect(scripted, make_client):
    """A keyed request stays with its host: the redirect is the answer. Without key it is followed."""
    target = scripted(Step(body=b"there"))
    server = scripted(Step(302, headers={"Location": target.url + "/y"}))
    with make_client(credentials={"vendor": Credential(headers=(("X-K", "hunter2"),))}) as client:
        assert client.fetch(server.request(), FAST, "http").status == 302
        assert not target.seen
        assert client.fetch(replace(server.request(), source="open"), FAST, "http").body == b"there"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://a:port/x", "nothing"])
def test_impossible_addresses_fail_at_once(client, url):
    """An address no attempt can reach is permanent."""
    with pytest.raises(FetchFailed, match="bad_url") as failed:
        client.fetch(Request("vendor", "x", url), FAST, "http")
    assert failed.value.permanent
    assert len(failed.value.faults) == 1


def test_user_agent_is_told(scripted, make_client):
    """Vendors that ask for a contact in the user agent get it."""
    server = scripted(Step())
    with make_client(user_agent="me me@example.org") as client:
        client.fetch(server.request(), FAST, "http")
    assert server.seen[0][1]["user-agent"] == "me me@example.org"


def test_stamina_test_mode_needs_no_waiting(make_client):
    """With stamina's test mode, backoff and Retry-After cost nothing and attempts are as told there."""
    fake = _Fake(Answer(429, (("retry-after", "60"),), b""))
    with (
        make_client({"http": fake}, wait_initial=30, wait_max=60) as client,
        stamina.set_testing(True, attempts=3),
        pytest.raises(FetchFailed) as failed,
    ):
        client.fetch(Request("vendor", "x", "http://v/x"), FAST, "http")
    assert failed.value.faults == ("http_429",) * 3


def test_backoff_grows(make_client):
    """Without a word from the server the waits grow, up to half as long again by chance."""
    fake = _Fake(TransportFault("cut"), TransportFault("cut"), TransportFault("cut"), Answer(200, (), b""))
    with make_client({"http": fake}, wait_initial=0.02, wait_max=1) as client:
        client.fetch(Request("vendor", "x", "http://v/x"), FAST, "http")
    waits = [b - a for a, b in zip(fake.times, fake.times[1:], strict=False)]
    assert all(wait >= least for wait, least in zip(waits, (0.02, 0.04, 0.08), strict=True))
    assert sum(waits) < 0.5


def test_unknown_transport_is_a_setting_error(client):
    """A source that names no known transport is told which there are."""
    with pytest.raises(BadSetting, match="http, yahoo"):
        client.fetch(Request("vendor", "x", "http://v/x"), FAST, "pigeon")


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"timeout_seconds": 0}, {"max_bytes": -1}, {"wait_max": -1}])
def test_senseless_settings_are_refused(wrong):
    """Settings that could never work are named."""
    with pytest.raises(BadSetting, match=next(iter(wrong))):
        HttpSettings(**wrong)


class _Fake:
    """A transport without a network: answers in order, the last one for ever."""

    def __init__(self, *answers):
        self.answers, self.times, self.urls, self.closed = list(answers), [], [], 0

    def open(self):
        """It is ready."""

    def send(self, call):
        self.times.append(time.monotonic())
        self.urls.append(call.url)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, TransportFault):
            raise answer
        return answer

    def close(self):
        self.closed += 1
