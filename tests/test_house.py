"""The house rules that no linter holds: sizes, names, the public face, and what must never be committed."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import marketkeep

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "marketkeep"
MODULES = sorted(PACKAGE.rglob("*.py"))
LOOK_TWICE, TOO_LONG = 300, 500
MOST_METHODS = 15
MOST_NAMES = 20
VAGUE = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"}
SLOW = {"pandas", "exchange_calendars", "yfinance", "duckdb", "talib", "pyspark", "fastapi", "sqlalchemy", "plotly"}


def inside(path: Path) -> str:
    """The path as a reader of the repository sees it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def committed() -> Iterator[tuple[Path, str]]:
    """Every text file that is tracked or would be, with its text."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: the tracked files cannot be told")
    # A CI container may run as another user than the one the checkout belongs to; git refuses that by default.
    ask = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(ask, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    for path in (ROOT / name for name in names if name):
        if path.is_file():
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def imported_after(code: str) -> set[str]:
    """Which of the slow libraries a fresh interpreter holds after running `code`."""
    tell = f"{code}\nimport sys\nprint(*{SLOW!r} & sys.modules.keys())"
    return set(subprocess.run([sys.executable, "-c", tell], check=True, capture_output=True, text=True).stdout.split())


def test_modules_are_short() -> None:
    """A module is split at 500 lines; those over 300 are named in the output, to be looked at twice."""
    sizes = {inside(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    for name, size in sizes.items():
        if size > LOOK_TWICE:
            print(f"{name}: {size} lines")
    assert {name: size for name, size in sizes.items() if size > TOO_LONG} == {}


def test_classes_are_small() -> None:
    """A class with more than 15 public methods is two classes."""
    crowded = {}
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                methods = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
                public = [name for name in methods if not name.startswith("_")]
                if len(public) > MOST_METHODS:
                    crowded[f"{inside(path)}:{node.name}"] = len(public)
    assert crowded == {}


def test_modules_are_named_for_what_they_hold() -> None:
    """No module or room is called utils, helpers, manager, misc or common."""
    assert [inside(path) for path in MODULES if VAGUE & set(path.relative_to(PACKAGE).with_suffix("").parts)] == []


def test_every_module_says_what_it_is_for() -> None:
    """Every module opens with a docstring."""
    assert [inside(path) for path in MODULES if not ast.get_docstring(tree(path))] == []


def test_tests_state_their_rule() -> None:
    """Every test has a sentence of docstring that states the rule it holds."""
    silent = [
        f"{inside(path)}:{node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_public_face_is_listed_and_small() -> None:
    """The package's root lists its names once, sorted, at most 20, all of them there and none beside them."""
    names = marketkeep.__all__
    assert list(names) == sorted(set(names))
    assert len(names) <= MOST_NAMES
    assert [name for name in names if not hasattr(marketkeep, name)] == []
    ours = {
        name
        for name, value in vars(marketkeep).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and str(getattr(value, "__module__", "")).startswith("marketkeep")
    }
    assert ours - set(names) == set()


def test_importing_the_package_is_quick() -> None:
    """Importing the package brings in none of the slow libraries."""
    assert imported_after("import marketkeep") == set()


@pytest.mark.parametrize("room", ["calendars", "checks", "gold", "derive", "query", "stores"])
def test_read_path_needs_no_pandas(room: str) -> None:
    """No module on the read path imports pandas, a calendar library or another slow one before it is asked to."""
    walk = (
        "import importlib, pkgutil\n"
        f"room = importlib.import_module('marketkeep.{room}')\n"
        "for module in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
    )
    assert imported_after(walk) == set()


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the installer's business: no committed file names a registry's host."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "conda" + "-forge.org"]
    options = ["--index" + "-url", "--extra-index" + "-url", "--find" + "-links", "--trusted" + "-host"]
    found = [
        (inside(path), text) for path, whole in committed() for text in (*hosts, *options) if text in whole.lower()
    ]
    assert found == []


def test_no_file_names_the_machine_it_was_written_on() -> None:
    """No committed file holds an absolute path of a developer's machine."""
    places = ["/" + "work" + "/", "/" + "root" + "/", "/" + "home" + "/", "/" + "Users" + "/"]
    assert [(inside(path), text) for path, whole in committed() for text in places if text in whole] == []


def test_constraints_are_exact_and_without_addresses() -> None:
    """constraints.txt pins names to versions and says nothing else."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 20
    assert [line for line in pins if line.count("==") != 1 or "/" in line or " " in line] == []


def test_dictionary_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/data-dictionary.md is what the tables and checks say."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import make_dictionary  # a developer's tool, importable only from here

    assert (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8") == make_dictionary.dictionary(), (
        "make docs"
    )
