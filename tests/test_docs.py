"""The docs' examples are run, and every setting is documented."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from marketkeep.config import Settings
from marketkeep.model import Policy
from marketkeep.pipeline.ingest import ingest_sample
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

ROOT = Path(__file__).parents[1]
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the demo's keep under the name the docs use."""
    folder = tmp_path_factory.mktemp("docs")
    Lake(folder / "demo-data").create(Policy())
    ingest_sample(open_workspace(folder / "demo-data"))
    return folder


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_python_examples_run(page: str, demo: Path) -> None:
    """
    The Python blocks of a page run one after the other, as a reader would type them.
    """
    blocks = PYTHON.findall((ROOT / page).read_text())
    assert blocks
    here = Path.cwd()
    os.chdir(demo)
    try:
        exec("\n".join(blocks), {})  # noqa: S102  # the project's own docs
    finally:
        os.chdir(here)


def test_every_setting_is_documented() -> None:
    """
    docs/reference/settings.md names each setting with its variable.
    """
    page = (ROOT / "docs/reference/settings.md").read_text()
    missing = [name for name in Settings.model_fields if f"MARKETKEEP_{name.upper()}" not in page]
    assert missing == []


def test_every_policy_field_is_documented() -> None:
    """
    docs/reference/settings.md names each field of the policy.
    """
    page = (ROOT / "docs/reference/settings.md").read_text()
    missing = [name for name in Policy().to_json() if f"`{name}`" not in page]
    assert missing == []


def test_links_lead_somewhere() -> None:
    """
    Every relative link in the docs names a file that exists.
    """
    broken = [
        f"{page.name}: {target}"
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
