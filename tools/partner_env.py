"""
An environment of its own for a tool that reads our exports: qlib, zipline or nautilus, beside ours and never in it.

`python tools/partner_env.py NAME` makes .venv-partners/NAME from the pinned versions in tools/partners/NAME.txt and
prints its interpreter; one that is there already is used as it is. The pins leave out what the tools need for trading,
training and plotting only, so an environment takes seconds. Several processes may ask at once.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[1]
PINS = ROOT / "tools" / "partners"
PLACE = ROOT / ".venv-partners"
_READY = ".ready"
_SECONDS = 300


class NoEnvironmentError(Exception):
    """The environment cannot be made here; the reason in one line."""


def interpreter(name: str) -> Path:
    """The interpreter of a partner's environment, made when it is missing or its pins have changed."""
    pins = PINS / f"{name}.txt"
    if not pins.exists():
        raise NoEnvironmentError(f"there is no partner {name}; there are {', '.join(names())}")
    folder = PLACE / name
    python = folder / "bin" / "python"
    digest = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    PLACE.mkdir(exist_ok=True)
    with FileLock(PLACE / f"{name}.lock"):
        ready = folder / _READY
        if not ready.exists() or ready.read_text() != digest:
            shutil.rmtree(folder, ignore_errors=True)
            _run("-m", "venv", "--without-pip", str(folder))
            options = ["--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check"]
            _run("-m", "pip", "--python", str(python), "install", *options, "-r", str(pins))
            ready.write_text(digest)
    return python


def names() -> list[str]:
    """The partners there are."""
    return sorted(path.stem for path in PINS.glob("*.txt"))


def _run(*arguments: str) -> None:
    try:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoEnvironmentError(f"{arguments[1]} was not done in {_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        told = (error.stderr or error.stdout or "").strip().splitlines()
        raise NoEnvironmentError(f"{arguments[1]} failed: {told[-1] if told else error.returncode}") from None


if __name__ == "__main__":
    try:
        print(interpreter(*sys.argv[1:2] or [""]))
    except NoEnvironmentError as reason:
        sys.exit(f"error: {reason}")
