"""
Settings: what a process is told from outside, read once at the faces (command line, API) and handed down.

Environment variables (`MARKETKEEP_...`) win over `marketkeep.toml` in the working folder, which wins over the
defaults. What decides gold is not here: that is the keep's own `Policy`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from marketkeep.errors import BadSetting

_SECRETS = ("key", "secret", "contact")


class SourceSettings(BaseModel):
    """What one source is told. `calls` in `seconds` and `quota` replace what the source itself declares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr | None = Field(default=None, description="The key, where the source needs one.")
    secret: SecretStr | None = Field(default=None, description="The key's secret, where the source needs one.")
    calls: int | None = Field(default=None, ge=1, description="How often it is asked in `seconds`, at most.")
    seconds: float | None = Field(default=None, gt=0, description="The time in which `calls` are made.")
    quota: int | None = Field(default=None, ge=0, description="How many calls a day (UTC) it gets, at most.")
    feed: str | None = Field(
        default=None, description="Which feed is asked for, where the source has several (Alpaca: sip)."
    )
    off: bool = Field(default=False, description="Leave it out, whatever it offers.")


class Settings(BaseSettings):
    """Each field is one setting; a wrong one is a `BadSetting` that names it."""

    model_config = SettingsConfigDict(
        env_prefix="MARKETKEEP_",
        env_nested_delimiter="__",
        toml_file="marketkeep.toml",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    data: str = Field(default="data", description="The keep: a folder, or s3://bucket/prefix.")
    workers: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Requests under way at once at each source; as many as its rate can use if not set.",
    )
    timeout_seconds: float = Field(default=30.0, gt=0, description="Time for one attempt of a request.")
    attempts: int = Field(default=4, ge=1, le=20, description="Attempts of a request, the first included.")
    max_bytes: int = Field(default=64 * 2**20, gt=0, description="Largest answer accepted.")
    pack_bytes: int = Field(
        default=256 * 2**20, gt=0, description="Size at which a landing pack is closed and a new one begun."
    )
    contact: SecretStr | None = Field(
        default=None, description="A name and mail address, for sources that ask whom to contact (the SEC requires it)."
    )
    rest_seconds: float = Field(
        default=60.0,
        gt=0,
        description="How long a source that keeps failing is rested; doubled each time, up to an hour.",
    )
    gateway: str | None = Field(
        default=None,
        description="Send every request to this address, the vendor's host as the path's first part (a caching proxy).",
    )
    cache: Path | None = Field(
        default=None,
        description="Folder for copies of what is read from a bucket; the user's cache folder if not set.",
    )
    cache_bytes: int = Field(default=10 * 2**30, ge=0, description="How large these copies may grow together.")
    fresh_seconds: float = Field(
        default=1.0, ge=0, description="How old what is read from a bucket may be, before it is asked for again."
    )
    lease_seconds: float = Field(
        default=60.0, ge=1, description="A writer of a bucket that was not heard of for so long is taken for dead."
    )
    in_flight: int = Field(default=128, ge=1, le=1024, description="Requests under way at once at a bucket.")
    retries: int = Field(
        default=8, ge=0, le=30, description="How often a request to a bucket is made again, within a minute."
    )
    sources: dict[str, SourceSettings] = Field(
        default_factory=dict, description="What each source is told: its key, its pace, whether it is used."
    )

    @field_validator("data", mode="before")
    @classmethod
    def _as_text(cls, data: object) -> object:
        """A path is a place too."""
        return str(data) if isinstance(data, Path) else data

    def source(self, name: str) -> SourceSettings:
        """What is set for one source; the defaults where nothing is."""
        return self.sources.get(name, SourceSettings())

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


def _is_open(parts: list[str]) -> bool:
    """Whether the value of a setting may be shown: a name that is not known may be that of a secret, mistyped."""
    match parts:
        case ["sources", _, name]:
            return name in SourceSettings.model_fields and name not in _SECRETS
        case [name]:
            return name in Settings.model_fields and name not in (*_SECRETS, "sources")
    return False


def read_settings(**given: object) -> Settings:
    """Read the settings once; `given` (from the command line) wins. Raises `BadSetting`."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        parts = [str(part) for part in first["loc"]]
        variable = "__".join(["MARKETKEEP_" + parts[0], *parts[1:]]).upper() if parts else "MARKETKEEP_..."
        told = repr(first.get("input")) if _is_open(parts) else "***"
        # Not chained: the library's own text tells the value whatever it is.
        raise BadSetting(f"setting {'.'.join(parts)} ({variable}) is {told}: {first['msg']}.") from None
    except SettingsError as error:
        raise BadSetting(f"{error}; set it part by part, as in MARKETKEEP_SOURCES__POLYGON__KEY.") from None
    except (OSError, ValueError) as error:
        raise BadSetting(f"marketkeep.toml cannot be read: {error}") from error
