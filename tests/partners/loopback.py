"""A loopback server that says what it is told to, for official clients that are pointed at it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from gym.wire import Reply

Answer = Callable[[str, dict[str, str]], Reply | None]
"""The reply to a path (unquoted) and its parameters; None for what is not there."""


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The address of a server that gives these answers to every GET."""
    handler = type("Handler", (_Handler,), {"reply": staticmethod(answer)})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False


class _Handler(BaseHTTPRequestHandler):
    reply: Answer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        said = self.reply(unquote(parts.path), dict(parse_qsl(parts.query))) or Reply(404, b"Not Found", "text/plain")
        self.send_response(said.status)
        for name, value in (
            ("Content-Type", said.content_type),
            ("Content-Length", str(len(said.body))),
            *said.headers,
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said.body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""
