"""
S3-compatible servers as processes of their own, on real sockets, which write down every request.

Two kinds: "moto" (in memory, keeps conditional PUTs, knows DeleteObjects) and "disk" (localbucket: files on disk, so it
can be killed and begun again; the conditions of a PUT that it does not know are added here; no DeleteObjects).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import pytest

KINDS = ("moto", "disk")
KEY_ID, SECRET = "AKIDOFATESTONLY00001", "asecretofatestonlythatmustnotbeshown"


@dataclass
class Server:
    """One server; `start` after `kill` begins it again on the same port, with what a disk had kept."""

    kind: str
    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    buckets: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What was asked of it, a request a line: method, path and query, If-None-Match or If-Match."""
        return self.folder / "requests"

    def start(self) -> None:
        """Begin, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        command = [sys.executable, "-W", "ignore", __file__, self.kind, str(self.port), str(self.folder)]
        with (self.folder / "output").open("ab") as told:
            self.process = subprocess.Popen(command, stdout=told, stderr=told)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "output").read_text()
                time.sleep(0.05)
        pytest.fail(f"{self.kind} did not begin to listen")

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def bucket(self) -> str:
        """A bucket of its own for one test."""
        name = f"keep-{uuid4().hex[:12]}"
        link = HTTPConnection("127.0.0.1", self.port, timeout=10)
        link.request("PUT", f"/{name}")
        assert link.getresponse().status == 200
        link.close()
        self.buckets.append(name)
        return name

    def asked(self, bucket: str) -> list[str]:
        """The requests about a bucket so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.split(" ")[1].split("?")[0].startswith(f"/{bucket}")]

    def counted(self, bucket: str) -> Counter[str]:
        """The requests about a bucket so far, by method; a listing is LIST."""
        return Counter("LIST" if "list-type" in line else line.split(" ")[0] for line in self.asked(bucket))


@dataclass(frozen=True)
class Place:
    """A prefix of a bucket of its own on a server."""

    server: Server
    bucket: str

    @property
    def url(self) -> str:
        """As users write it."""
        return f"s3://{self.bucket}/some/keep"

    def asked(self) -> Counter[str]:
        """The requests about it so far, by method."""
        return self.server.counted(self.bucket)


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """The servers that all tests of a session share, by kind; begun when first asked for."""
    servers: dict[str, Server] = {}
    for kind in KINDS:
        servers[kind] = Server(kind, tmp_path_factory.mktemp(kind))
    yield servers
    for server in servers.values():
        server.kill()


@pytest.fixture
def own_disk_server(tmp_path: Path) -> Iterator[Server]:
    """A server on disk for one test, which may kill it."""
    server = Server("disk", tmp_path / "server")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """AWS's usual variables, with keys of a test, a home and a cache of its own, and nothing of who runs it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MARKETKEEP_"))]:
        monkeypatch.delenv(name)
    for name, value in environment("", tmp_path).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def moto_place(s3_servers: dict[str, Server], aws: pytest.MonkeyPatch) -> Place:
    """A prefix on moto, with the environment set up for it."""
    return place_on(s3_servers["moto"], aws)


def place_on(server: Server, aws: pytest.MonkeyPatch) -> Place:
    """A prefix in a new bucket of a server, which the environment is pointed to."""
    if server.process is None:
        server.start()
    aws.setenv("AWS_ENDPOINT_URL_S3", server.address)
    return Place(server, server.bucket())


def environment(address: str, folder: Path) -> dict[str, str]:
    """The variables with which a process reaches a server; its home and cache are below `folder`."""
    told = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "MARKETKEEP_CACHE": str(folder / "cache"),
    }
    return {**told, "AWS_ENDPOINT_URL_S3": address} if address else told


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serve_moto(port: int, folder: Path) -> None:
    from moto.moto_server import threaded_moto_server
    from werkzeug.serving import make_server

    inner = threaded_moto_server.DomainDispatcherApplication(threaded_moto_server.create_backend_app)
    log = (folder / "requests").open("a", buffering=1)

    def app(environ, start):  # type: ignore[no-untyped-def]
        query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
        conditions = f"{environ.get('HTTP_IF_NONE_MATCH', '')}{environ.get('HTTP_IF_MATCH', '')}"
        log.write(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].replace(' ', '+')}{query} {conditions}\n")
        return inner(environ, start)

    handler = threaded_moto_server.MotoRequestHandler
    make_server("127.0.0.1", port, app, threaded=True, request_handler=handler).serve_forever()


def _serve_disk(port: int, folder: Path) -> None:
    from http.server import ThreadingHTTPServer
    from threading import Lock

    import localbucket

    log = (folder / "requests").open("a", buffering=1)
    lock = Lock()

    class Handler(localbucket.S3Handler):  # type: ignore[misc]
        """As it is, with If-Match for a PUT and If-None-Match for a GET, and answers sent in one piece."""

        data_root = folder / "buckets"
        wbufsize = -1
        disable_nagle_algorithm = True

        def log_message(self, format, *args):  # type: ignore[no-untyped-def]  # noqa: A002
            """Nothing: requests are written down where they come in."""

        def _dispatch(self, action):  # type: ignore[no-untyped-def]
            conditions = f"{self.headers.get('If-None-Match', '')}{self.headers.get('If-Match', '')}"
            log.write(f"{self.command} {self.path} {conditions}\n")
            super()._dispatch(action)

        def _write_object(self, bucket, key, write):  # type: ignore[no-untyped-def]
            wanted = self.headers.get("If-Match")
            if wanted is None:
                return super()._write_object(bucket, key, write)
            with lock:
                target = self._object_path(bucket, key)
                if not target.is_file() or not localbucket.etag_matches(wanted, localbucket.object_etag(target)):
                    raise self._precondition_failed_error()
                return super()._write_object(bucket, key, write)

        def _get(self, bucket, key, include_body):  # type: ignore[no-untyped-def]
            known, target = self.headers.get("If-None-Match"), self._object_path(bucket, key)
            # Its ETag is worked out after the file was opened: without the lock it may be that of the next one.
            with lock:
                if known and target.is_file() and localbucket.etag_matches(known, localbucket.object_etag(target)):
                    self._send(localbucket.HTTPStatus.NOT_MODIFIED)
                    return
                super()._get(bucket, key, include_body)

    class Listening(ThreadingHTTPServer):
        """With room for as many connections as a client opens at once."""

        request_queue_size = 512
        daemon_threads = True

    (folder / "buckets").mkdir(exist_ok=True)
    Listening(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    {"moto": _serve_moto, "disk": _serve_disk}[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
