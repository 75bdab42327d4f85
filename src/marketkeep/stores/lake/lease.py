"""
The writer's lease: one writer at a time on a keep. The operating system drops it with the process, however it ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from marketkeep.errors import LeaseHeld
from marketkeep.files import storing


@contextmanager
def lease(root: Path, purpose: str) -> Iterator[None]:
    """
    Hold the lease of the keep at `root` while the block runs; `purpose` tells others what for.

    Raises `LeaseHeld`, naming the holder, when somebody else has it; never waits.
    """
    holder = root / ".lease-holder"
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
