"""Keeps for the command line's tests: one is built, every test that writes gets its own copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import bars

from marketkeep.model import Policy
from marketkeep.pipeline.files import FileOptions
from marketkeep.pipeline.ingest import ingest
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

ACTIONS = "Symbol,Date,Dividend\nAAPL,2024-01-12,0.24\n"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keep with AAPL and MSFT in one batch each and a dividend; only to be read."""
    folder = tmp_path_factory.mktemp("cli")
    root = folder / "keep"
    Lake(root).create(Policy())
    work = open_workspace(root)
    for name, text in (("aapl.csv", bars(["AAPL"])), ("msft.csv", bars(["MSFT"])), ("cash.csv", ACTIONS)):
        (folder / name).write_text(text)
        ingest(work, [folder / name], FileOptions())
    return root


@pytest.fixture
def keep(built: Path, tmp_path: Path) -> Path:
    """A copy of it to be changed."""
    return Path(shutil.copytree(built, tmp_path / "keep"))


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A keep that holds nothing."""
    Lake(tmp_path / "empty").create(Policy())
    return tmp_path / "empty"
