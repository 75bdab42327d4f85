"""
The files of a keep in a folder on this machine.

The lease is a lock of the operating system, which drops it with the process, however that ends.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from marketkeep.errors import LeaseHeld, StoreError
from marketkeep.files.atomic import replacing, storing, write_atomic
from marketkeep.files.protocol import Versions

_PART = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Folder:
    """See `Files`. The folder `root` is made when something is first written."""

    root: Path

    @property
    def place(self) -> str:
        """See `Files`."""
        return str(self.root)

    @property
    def scratch(self) -> Path:
        """See `Files`: within the keep, so that it is found again wherever the folder is moved."""
        return self.root / "scratch"

    def name(self, key: str) -> str:
        """See `Files`."""
        return str(self.root / key)

    def read(self, key: str, version: str | None = None) -> bytes:
        """See `Files`."""
        return (self.root / key).read_bytes()

    def stream(self, keys: Sequence[str], versions: Versions | None = None) -> Iterator[tuple[str, bytes | None]]:
        """See `Files`."""
        for key in keys:
            try:
                yield key, (self.root / key).read_bytes()
            except FileNotFoundError:
                yield key, None

    def parts(self, key: str) -> Iterator[bytes]:
        """See `Files`. A file that is replaced meanwhile is another one: this one is read to its end."""
        try:
            with (self.root / key).open("rb", buffering=0) as file:
                while part := file.read(_PART):
                    yield part
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"cannot read {self.root / key}: {error.strerror or error}.") from error

    def local(self, keys: Sequence[str], versions: Versions | None = None) -> list[Path]:
        """See `Files`: the files themselves."""
        return [self.root / key for key in keys]

    def exists(self, key: str) -> bool:
        """See `Files`."""
        return (self.root / key).exists()

    def write(self, key: str, data: bytes, *, durable: bool = False) -> None:
        """See `Files`."""
        write_atomic(self.root / key, data, durable=durable)

    def adopt(self, key: str, path: Path) -> None:
        """See `Files`. On one disk it is a rename; from another one it is copied aside first."""
        target = self.root / key
        with storing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with path.open("rb") as source, replacing(target) as file:
                    shutil.copyfileobj(source, file, _PART)
                path.unlink()

    def flush(self) -> None:
        """See `Files`. One flush for all is far cheaper than one a file."""
        os.sync()

    def replace(self, key: str, data: bytes, *, over: bytes | None) -> None:
        """See `Files`. Who writes holds the lease, so nobody can come between looking and replacing."""
        path = self.root / key
        found = path.read_bytes() if path.exists() else None
        if found != over:
            raise StoreError(f"{path} was replaced by another writer; nothing was changed. Run again.")
        write_atomic(path, data, durable=True)

    def remove(self, keys: Iterable[str]) -> None:
        """See `Files`. Folders that are empty without it go too."""
        for key in keys:
            path = self.root / key
            with storing(path):
                path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self.root or not folder.is_dir() or any(folder.iterdir()):
                    break
                with suppress(OSError):
                    folder.rmdir()

    def keys(self, prefix: str) -> list[str]:
        """See `Files`. Files set aside by a writer, whose names begin with a dot, are not among them."""
        folder = self.root / prefix.rpartition("/")[0]
        found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        names = (path.relative_to(self.root).as_posix() for path in found)
        return sorted(name for name in names if name.startswith(prefix))

    @contextmanager
    def lease(self, purpose: str) -> Iterator[None]:
        """See `Files`."""
        from filelock import FileLock, Timeout  # noqa: PLC0415  readers need not wait for it

        holder, root = self.root / ".lease-holder", self.root
        lock = FileLock(root / ".lease", timeout=0)
        with storing(root / ".lease"):
            try:
                lock.acquire()
            except Timeout:
                told = holder.read_text().strip() if holder.exists() else "another process"
                raise LeaseHeld(root, told) from None
        try:
            with storing(holder):
                holder.write_text(f"process {os.getpid()} ({purpose})\n")
            yield
        finally:
            with suppress(OSError):
                holder.unlink()
            lock.release()
