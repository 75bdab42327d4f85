"""Settings: environment over file over defaults, parts of parts, and no secret in whatever is said about them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marketkeep.config import Settings, SourceSettings, read_settings
from marketkeep.errors import BadSetting

SAFE = "s3cret-of-the-test"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no setting of whoever runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith("MARKETKEEP_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong() -> str:
    """What is said of settings that are wrong, with all that led to it."""
    with pytest.raises(BadSetting) as raised:
        read_settings()
    error: BaseException | None = raised.value
    told = str(error)
    while (error := error.__cause__) is not None:
        told += f" / {error}"
    return told


def test_variables_reach_a_sources_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    MARKETKEEP_SOURCES__NAME__PART sets one part of one source, in any case; the other parts keep their defaults.
    """
    monkeypatch.setenv("MARKETKEEP_SOURCES__ALPHA_VANTAGE__KEY", SAFE)
    monkeypatch.setenv("MARKETKEEP_SOURCES__ALPHA_VANTAGE__CALLS", "3")
    monkeypatch.setenv("MARKETKEEP_SOURCES__ALPHA_VANTAGE__SECONDS", "1.5")
    monkeypatch.setenv("marketkeep_sources__yahoo__off", "true")
    monkeypatch.setenv("MARKETKEEP_CONTACT", "Tester tester@example.org")
    told = read_settings()
    assert told.sources == {
        "alpha_vantage": SourceSettings(key=SAFE, calls=3, seconds=1.5),
        "yahoo": SourceSettings(off=True),
    }
    assert told.source("alpha_vantage").quota is None
    assert told.source("never told") == SourceSettings()
    assert told.contact is not None
    assert told.contact.get_secret_value() == "Tester tester@example.org"


def test_environment_wins_over_the_file_part_by_part(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What the file says of a source holds but for the parts that the environment sets; what is passed wins over both.
    """
    (alone / "marketkeep.toml").write_text(
        f'contact = "{SAFE}"\nattempts = 2\n'
        '[sources.polygon]\nkey = "from the file"\ncalls = 5\n[sources.sec]\nquota = 8\n'
    )
    monkeypatch.setenv("MARKETKEEP_SOURCES__POLYGON__KEY", SAFE)
    monkeypatch.setenv("MARKETKEEP_ATTEMPTS", "3")
    told = read_settings(attempts=7, data=None)
    assert told.sources == {"polygon": SourceSettings(key=SAFE, calls=5), "sec": SourceSettings(quota=8)}
    assert (told.attempts, told.data) == (7, "data")
    assert read_settings().attempts == 3


def test_settings_never_print_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Keys, secrets and the contact show as stars in whatever is printed of the settings.
    """
    for name in ("CONTACT", "SOURCES__ALPACA__KEY", "SOURCES__ALPACA__SECRET"):
        monkeypatch.setenv(f"MARKETKEEP_{name}", SAFE)
    told = read_settings()
    for text in (repr(told), str(told), told.model_dump_json(), repr(told.model_dump()), repr(told.source("alpaca"))):
        assert SAFE not in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SOURCES__POLYGON__KYE", "setting sources.polygon.kye (MARKETKEEP_SOURCES__POLYGON__KYE) is ***"),
        ("SOURCES__POLYGON", "setting sources.polygon (MARKETKEEP_SOURCES__POLYGON) is ***"),
        ("SOURCES__POLYGON__KEY__AGAIN", "setting sources.polygon.key (MARKETKEEP_SOURCES__POLYGON__KEY) is ***"),
        ("SOURCES", "set it part by part, as in MARKETKEEP_SOURCES__POLYGON__KEY"),
    ],
)
def test_mistyped_variable_is_told_without_its_value(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A variable that is called otherwise than it should be is named; its value may be a key and is not.
    """
    monkeypatch.setenv(f"MARKETKEEP_{name}", SAFE)
    told = wrong()
    assert said in told
    assert SAFE not in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[sources.polygon]\nkye = "{SAFE}"', "sources.polygon.kye"),
        (f'[sources]\npolygon = "{SAFE}"', "sources.polygon"),
        (f'sources = ["{SAFE}"]', "setting sources "),
        (f'[sources.polygon]\nkey = ["{SAFE}"]', "sources.polygon.key"),
        (f'polygon_key = "{SAFE}"', "setting polygon_key"),
        (f"key {SAFE}", "marketkeep.toml cannot be read: "),
        (f'contact = "{SAFE}', "marketkeep.toml cannot be read: "),
    ],
)
def test_mistake_in_the_file_is_told_without_its_value(text: str, said: str, alone: Path) -> None:
    """
    A line of the file that is wrong is told by its name or place; its value may be a key and is not.
    """
    (alone / "marketkeep.toml").write_text(text)
    told = wrong()
    assert said in told
    assert SAFE not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOURCES__YAHOO__CALLS", "0"),
        ("SOURCES__YAHOO__SECONDS", "0"),
        ("SOURCES__YAHOO__QUOTA", "-1"),
        ("SOURCES__YAHOO__OFF", "perhaps"),
        ("REST_SECONDS", "0"),
        ("WORKERS", "65"),
    ],
)
def test_wrong_value_is_told_with_its_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A value that a setting must not have is told, with the variable that sets it.
    """
    monkeypatch.setenv(f"MARKETKEEP_{name}", value)
    assert f"(MARKETKEEP_{name}) is '{value}': " in wrong()


def test_defaults_need_nothing() -> None:
    """
    Without variables and file no source is told anything, and nothing is secret.
    """
    told = read_settings()
    assert told == Settings()
    assert (told.sources, told.contact, told.gateway) == ({}, None, None)
