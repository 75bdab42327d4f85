"""
Which bucket is meant, and how it is spoken to: the URL, the options, and what AWS's usual places say.

Keys, region and endpoint come from the environment (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL_S3 and all else
that obstore reads) and then from the profile in ~/.aws. A secret in an address is refused, never shown.
"""

from __future__ import annotations

import os
import re
from configparser import ConfigParser, Error
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.store import S3Store

from marketkeep.errors import BadInput, BadSetting
from marketkeep.files.bucket_options import Options

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3CredentialProvider

_URL = re.compile(r"s3:/{1,2}(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?P<prefix>/.*)?")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_NEEDS_BOTO = ("role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file")


def split_url(url: str) -> tuple[str, str]:
    """
    Bucket and prefix (without `/` at either end) of s3://bucket/prefix.

    A path made of such a URL, which lost a slash, is understood too. Raises `BadInput` for anything else.
    """
    if "@" in url.removeprefix("s3:").lstrip("/").partition("/")[0]:
        raise BadInput("s3://...@...: keys do not belong in the address; set AWS_ACCESS_KEY_ID and its secret.")
    found = _URL.fullmatch(url)
    if found is None or "?" in url or "#" in url:
        raise BadInput(f"{url.partition('?')[0]!r} is not a place in a bucket; write it as s3://bucket/prefix")
    prefix = [part for part in (found["prefix"] or "").split("/") if part]
    if {".", ".."} & set(prefix):
        raise BadInput(f"{url!r}: a prefix has no part called . or ..")
    return found["bucket"], "/".join(prefix)


def endpoint() -> str | None:
    """The address of the server, where it is not AWS itself. Raises `BadSetting` without telling a secret in it."""
    told = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None) or _profile().get(
        "endpoint_url"
    )
    if told is None:
        return None
    if not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#@\s]*)?", told):
        raise BadSetting("AWS_ENDPOINT_URL is not an address such as https://host:port, without user and password.")
    return told.rstrip("/")


def make_store(bucket: str, prefix: str, options: Options, *, bulk: bool = True) -> S3Store:
    """The client for one prefix of a bucket; without `bulk` every removal is a request of its own."""
    config: S3Config = {"disable_bulk_delete": True} if not bulk else {}
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=30),
        # Of the whole answer: a large file over a slow line is no fault, and one that stalls meets read_timeout.
        "timeout": timedelta(minutes=15),
    }
    profile = _profile()
    address = endpoint()
    if address is not None:
        config["endpoint"] = address
        client["allow_http"] = address.startswith("http://")
    if "region" in profile and not any(os.environ.get(name) for name in _REGIONS):
        config["region"] = profile["region"]
    provider = _credentials(config, profile)
    retry: RetryConfig = {
        "max_retries": options.retries,
        "retry_timeout": timedelta(minutes=1),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
    }
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options=client,
            retry_config=retry,
            credential_provider=provider,
        )
    except Exception as error:  # noqa: BLE001
        # Of many kinds, and the library's text may hold the value of any setting.
        raise BadSetting(f"AWS_...: the settings for s3://{bucket} cannot be used ({type(error).__name__}).") from None


def secrets() -> tuple[str, ...]:
    """The values that must not be shown, whatever a server or a library says."""
    named = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN", "AWS_ACCESS_KEY_ID")
    held = [os.environ.get(name, "") for name in named]
    profile = _profile()
    held += [profile.get(name.removeprefix("AWS_").lower().join(("aws_", "")), "") for name in named]
    return tuple(value for value in held if len(value) > 3)


def _credentials(config: S3Config, profile: dict[str, str]) -> S3CredentialProvider | None:
    """Put the profile's keys into `config` where the environment has none, or hand back who gets them."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return None
    if profile.get("aws_access_key_id") and profile.get("aws_secret_access_key"):
        config["access_key_id"] = profile["aws_access_key_id"]
        config["secret_access_key"] = profile["aws_secret_access_key"]
        if profile.get("aws_session_token"):
            config["session_token"] = profile["aws_session_token"]
        return None
    asked = [name for name in _NEEDS_BOTO if profile.get(name)]
    if not asked:
        return None
    if find_spec("boto3") is None:
        raise BadSetting(
            f"AWS_PROFILE: the profile asks for {asked[0]}, which needs boto3 (pip install boto3); or set "
            "AWS_ACCESS_KEY_ID and its secret."
        )
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415  # optional

    return Boto3CredentialProvider()


def _profile() -> dict[str, str]:
    """What ~/.aws says for the profile: the credentials file wins over the config file, as with AWS's own tools."""
    name = os.environ.get("AWS_PROFILE") or "default"
    home = Path.home() / ".aws"
    config = _sections(Path(os.environ.get("AWS_CONFIG_FILE") or home / "config"))
    keys = _sections(Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"))
    section = name if name == "default" else f"profile {name}"
    if os.environ.get("AWS_PROFILE") and section not in config and name not in keys:
        raise BadSetting(f"AWS_PROFILE is {name!r}, which is neither in ~/.aws/config nor in ~/.aws/credentials.")
    return {**config.get(section, {}), **keys.get(name, {})}


def _sections(path: Path) -> dict[str, dict[str, str]]:
    # No interpolation: a secret may hold a percent sign. Nested settings (s3 = ...) stay one value of several lines.
    parser = ConfigParser(interpolation=None, default_section="\0", strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (Error, UnicodeDecodeError):
        raise BadSetting(f"{path} cannot be read: it is not a file of AWS settings.") from None
    return {name: dict(parser[name]) for name in parser.sections()}
