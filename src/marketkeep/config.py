"""
Settings: what a process is told from outside, read once at the faces (command line, API) and handed down.

Environment variables (`MARKETKEEP_...`) win over `marketkeep.toml` in the working folder, which wins over the
defaults. What decides gold is not here: that is the keep's own `Policy`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from marketkeep.errors import BadSetting


class Settings(BaseSettings):
    """Each field is one setting; a wrong one is a `BadSetting` that names it."""

    model_config = SettingsConfigDict(
        env_prefix="MARKETKEEP_",
        toml_file="marketkeep.toml",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    data: Path = Field(Path("data"), description="Folder of the keep.")
    workers: int = Field(4, ge=1, le=64, description="Requests under way at once; each source's rate holds besides.")
    timeout_seconds: float = Field(30.0, gt=0, description="Time for one attempt of a request.")
    attempts: int = Field(4, ge=1, le=20, description="Attempts of a request, the first included.")
    max_bytes: int = Field(64 * 2**20, gt=0, description="Largest answer accepted.")
    pack_bytes: int = Field(
        256 * 2**20, gt=0, description="Size at which a landing pack is closed and a new one begun."
    )
    yahoo_per_second: int = Field(5, ge=1, le=1000, description="How often Yahoo is asked in a second, at most.")
    yahoo_base: str | None = Field(None, description="Ask this address instead of Yahoo's (a proxy or a test server).")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was passed wins over the environment, which wins over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(**given: object) -> Settings:
    """Read the settings once; `given` (from the command line) wins. Raises `BadSetting`."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSetting(
            f"setting {name} (MARKETKEEP_{name.upper()}) is {first.get('input')!r}: {first['msg']}."
        ) from error
    except (OSError, ValueError) as error:
        raise BadSetting(f"marketkeep.toml cannot be read: {error}") from error
