"""A loopback server that does as it is told, step by step, for tests of one exchange at a time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from marketkeep.model import Request

Aside = Callable[[str], "Step | None"]


@dataclass
class Step:
    """What one request meets: an answer, or `hang`, `cut` (half a body) or `drop` (no byte at all)."""

    status: int = 200
    body: bytes = b"fine"
    headers: dict[str, str] = field(default_factory=dict)
    deed: str = "answer"


@dataclass
class Scripted:
    """The server: `steps` in order, the last one for ever; `seen` holds path, headers and time of each request."""

    url: str
    steps: list[Step]
    seen: list[tuple[str, dict[str, str], float]]

    def request(self, path: str = "/data", **params: str) -> Request:
        """A request of a source named vendor."""
        return Request("vendor", "daily_bars", self.url + path, tuple(params.items()), symbols=("AAPL",))


def nothing(_: str) -> Step | None:
    """Nothing is answered aside."""
    return None


@contextmanager
def scripted(*steps: Step, aside: Aside = nothing) -> Iterator[Scripted]:
    """A server with steps. What `aside` answers, by path, takes no step and is not seen."""
    release = threading.Event()
    told = Scripted("", list(steps), [])
    members = {"release": release, "steps": told.steps, "seen": told.seen, "aside": staticmethod(aside)}
    handler = type("Handler", (_Handler,), members)
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield told
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    release: threading.Event
    steps: list[Step]
    seen: list[tuple[str, dict[str, str], float]]
    aside: Aside
    lock = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            step = self.aside(self.path)
            if step is None:
                self.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, time.monotonic()))
                step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if step.deed == "hang":
            self.release.wait(5)
        if step.deed in ("hang", "drop"):
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(step.status)
        for name, value in ({"Content-Length": str(len(step.body))} | step.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if step.deed == "drip":
            self._drip(step.body)
            return
        self.wfile.write(step.body[: len(step.body) // 2] if step.deed == "cut" else step.body)

    def _drip(self, body: bytes) -> None:
        for at in range(len(body)):
            if self.release.wait(0.1):
                return
            try:
                self.wfile.write(body[at : at + 1])
            except OSError:
                return

    def log_message(self, *args: object) -> None:
        """Keep quiet."""
