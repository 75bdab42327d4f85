"""
Sockets of the gym: one thread per connection, faults of the wire done here, nothing left open at the end.

It reads just enough of HTTP/1.1 for clients that behave: the library's own server spends ten times as long on headers.
"""

from __future__ import annotations

import socket
import sys
import threading
import traceback
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from gym.wire import Reply

if TYPE_CHECKING:
    from gym.server import Gym

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class GymServer(ThreadingTCPServer):
    """The listening socket; it knows every connection, so as to close them all."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

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
        """A client that goes away is part of the exercise; a vendor that fails is a mistake of the gym's."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.gym.errors.append(error)
            traceback.print_exception(error)


class _Handler(StreamRequestHandler):
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

    def handle(self) -> None:
        while len(words := self.rfile.readline(65_536).decode("latin-1").split()) == 3:
            headers = self._headers()
            if headers is None:
                return
            body = self.rfile.read(int(headers.get("content-length") or 0))
            if (
                not self._exchange(words[0], words[1], headers, body)
                or headers.get("connection", "").lower() == "close"
            ):
                return

    def _headers(self) -> dict[str, str] | None:
        """By names in lower case; None when the client was gone before their end."""
        headers = {}
        while (line := self.rfile.readline(65_536)) not in (b"\r\n", b"\n"):
            if not line:
                return None
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _exchange(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bool:
        """Answer one request; whether the connection lives on."""
        parts, gym = urlsplit(target), self.server.gym
        if parts.path.startswith("/_gym/"):
            told = orjson.loads(body or b"{}") if method == "POST" else {}
            return self._write(Reply(200, gym.control(parts.path[6:], told)))
        reply, fault = gym.respond(unquote(parts.path), dict(parse_qsl(parts.query)), headers)
        if reply is None:
            shut(self.connection)
            return False
        return self._write(reply, cut=fault == "cut")

    def _write(self, reply: Reply, *, cut: bool = False) -> bool:
        lines = [
            f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Unknown')}",
            f"Content-Type: {reply.content_type}",
            *(f"{name}: {value}" for name, value in reply.headers),
            f"Content-Length: {len(reply.body)}",
        ]
        # One write for head and body: two would wait for each other's acknowledgement.
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.wfile.write(head + (reply.body[: len(reply.body) // 2] if cut else reply.body))
        if cut:
            shut(self.connection)
        return not cut


def shut(connection: socket.socket) -> None:
    """End a connection in both directions, if it is still there."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
