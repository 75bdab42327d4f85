"""Sockets of the gym: one thread per connection, faults of the wire done here, nothing left open at the end."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from gym.wire import Reply

if TYPE_CHECKING:
    from gym.server import Gym


class GymServer(ThreadingHTTPServer):
    """The listening socket; it knows every connection, so as to close them all."""

    request_queue_size = 128

    def __init__(self, gym: Gym, port: int) -> None:
        self.gym = gym
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._empty = threading.Condition(self._lock)
        super().__init__(("127.0.0.1", port), _Handler)

    def joined(self, connection: socket.socket, *, gone: bool) -> None:
        """Note that a connection was opened or is gone."""
        with self._empty:
            (self._open.discard if gone else self._open.add)(connection)
            self._empty.notify_all()

    def hang_up(self) -> None:
        """Shut all connections and wait for their threads, so that no test leaves a socket behind."""
        with self._empty:
            for connection in self._open:
                shut(connection)
            self._empty.wait_for(lambda: not self._open, 5)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the exercise."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GymServer

    def setup(self) -> None:
        super().setup()
        self.server.joined(self.connection, gone=False)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.joined(self.connection, gone=True)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/_gym/"):
            self._write(Reply(200, self.server.gym.control(parts.path[6:], {})))
            return
        reply, fault = self.server.gym.respond(unquote(parts.path), dict(parse_qsl(parts.query)))
        if fault == "hang":
            self.server.gym.closing.wait(self.server.gym.plan.hang_seconds)
        if fault == "hang" or reply is None:
            self.close_connection = True
            shut(self.connection)
            return
        self._write(reply, cut=fault == "cut")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        if parts.path.startswith("/_gym/"):
            self._write(Reply(200, self.server.gym.control(parts.path[6:], orjson.loads(body or b"{}"))))
        else:
            reply, _ = self.server.gym.respond(unquote(parts.path), dict(parse_qsl(parts.query)))
            self._write(reply or Reply(404, b"", "text/plain"))

    def _write(self, reply: Reply, *, cut: bool = False) -> None:
        self.send_response(reply.status)
        for name, value in (("Content-Type", reply.content_type), *reply.headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        # One write for head and body: two would wait for each other's acknowledgement.
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer: list[bytes] = []
        self.wfile.write(head + (reply.body[: len(reply.body) // 2] if cut else reply.body))
        if cut:
            self.close_connection = True
            shut(self.connection)

    def log_message(self, *args: object) -> None:
        """Say nothing; the gym's log has it."""


def shut(connection: socket.socket) -> None:
    """End a connection in both directions, if it is still there."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
