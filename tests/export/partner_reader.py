"""Asks another tool's own reader what it makes of an export, in an environment of that tool."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from partner_env import NoEnvironmentError, interpreter

READERS = Path(__file__).with_name("readers")


def read_back(partner: str, *arguments: str | Path) -> Any:
    """
    What `readers/read_<partner>.py` prints as JSON.

    Where the environment cannot be made the test is skipped and says why, except in CI, where it must run.
    """
    try:
        python = interpreter(partner)
    except NoEnvironmentError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no environment for {partner}: {error}")
    done = subprocess.run(
        [python, READERS / f"read_{partner}.py", *map(str, arguments)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return orjson.loads(done.stdout.splitlines()[-1])
