"""
Write constraints.txt: the exact version of every package that `marketkeep[dev]` needs, as this environment has them.

Names and versions only, never an address. It installs nothing: to move forward, upgrade in .venv, run the tests,
then `make constraints`.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TARGET = Path(__file__).parents[1] / "constraints.txt"
HEADER = """\
# Exact versions that work together, made by `make constraints` from what .venv holds; do not edit by hand.
# To move forward: upgrade in .venv, run the tests, make this file again.
"""


def needed(name: str, extras: frozenset[str]) -> dict[str, str]:
    """Name and version of all that `name` with `extras` needs here, itself excluded."""
    pins: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, extras)]
    while waiting:
        if (current := waiting.pop()) in seen:
            continue
        seen.add(current)
        try:
            package = distribution(current[0])
        except PackageNotFoundError:
            # An extra of some dependency that is not installed is not needed either.
            continue
        pins[canonicalize_name(current[0])] = package.version
        for text in package.requires or ():
            requirement = Requirement(text)
            wanted = (requirement.marker is None) or any(
                requirement.marker.evaluate({"extra": extra}) for extra in (current[1] or {""})
            )
            if wanted:
                waiting.append((requirement.name, frozenset(requirement.extras)))
    del pins[canonicalize_name(name)]
    # It comes with every environment, and pinning it would tie down what builds packages.
    pins.pop("setuptools", None)
    return pins


def main() -> None:
    """Write the file anew."""
    pins = needed("marketkeep", frozenset({"dev"}))
    TARGET.write_text(HEADER + "".join(f"{name}=={version}\n" for name, version in sorted(pins.items())))


if __name__ == "__main__":
    main()
