"""
The book of sources: those that come with marketkeep and those of other packages, and the client that reaches them as
the settings say.

Only the pipeline knows both a source and the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from importlib.metadata import entry_points

from marketkeep.config import Settings, SourceSettings
from marketkeep.errors import BadInput, BadSetting
from marketkeep.http import Client, Credential, HttpSettings, HttpxTransport, Meter, Transport, YahooTransport
from marketkeep.model import Rate, Source
from marketkeep.sources import BUILTIN

GROUP = "marketkeep.sources"
"""The group of entry points under which other packages offer sources: each loads a source, or makes one when called."""

_SECRETS = ("key", "secret", "contact")


@lru_cache(maxsize=1)
def known_sources() -> tuple[Source, ...]:
    """
    Every source there is, marketkeep's own first.

    Raises `BadSetting` when one of another package cannot be loaded or takes a name that is taken.
    """
    found = list(BUILTIN)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            loaded = point.load()
            one: Source = loaded() if callable(loaded) else loaded
            taken = one.name in {other.name for other in found}
        except Exception as error:  # another package's code may fail in any way
            raise BadSetting(f"source {point.name!r} ({point.value}) cannot be loaded: {error}") from error
        if taken:
            raise BadSetting(f"source {point.name!r} ({point.value}) is called {one.name!r}, which is taken.")
        found.append(one)
    return tuple(found)


def find_source(name: str) -> Source:
    """The source of that name. Raises `BadInput` naming those there are."""
    for one in known_sources():
        if one.name == name:
            return one
    raise BadInput(f"there is no source {name!r}; known are {', '.join(one.name for one in known_sources())}.")


def _variable(source: Source, need: str) -> str:
    """The environment variable that sets what a source needs."""
    return "MARKETKEEP_CONTACT" if need == "contact" else f"MARKETKEEP_SOURCES__{source.name.upper()}__{need.upper()}"


def _told(source: Source, told: SourceSettings) -> Source:
    """A source that asks for the feed that is set. Raises `BadSetting` when it has no choice of feeds."""
    if told.feed is None:
        return source
    try:
        return replace(source, feed=told.feed)  # type: ignore[type-var]  # a source with a choice is a dataclass
    except TypeError:
        raise BadSetting(f"setting sources.{source.name}.feed: {source.name} has no choice of feeds.") from None


@dataclass(frozen=True, slots=True)
class SourceBook:
    """The sources as one keep may use them: `settings` give keys, paces and what is left out."""

    settings: Settings
    sources: tuple[Source, ...]

    @classmethod
    def open(cls, settings: Settings, names: Iterable[str] = ()) -> SourceBook:
        """
        The book of the sources named, of all when none are.

        Raises `BadInput` for an unknown name, `BadSetting` when one is named that lacks what it needs, or when a source
        is set that does not exist.
        """
        known = {one.name for one in known_sources()}
        if unknown := sorted(set(settings.sources) - known):
            raise BadSetting(
                f"setting sources names {', '.join(unknown)}; known sources are {', '.join(sorted(known))}."
            )
        wanted = tuple(find_source(name) for name in names)
        book = cls(settings, tuple(_told(one, settings.source(one.name)) for one in wanted or known_sources()))
        for one in wanted:
            if why := book.unusable(one):
                raise BadSetting(f"source {one.name} cannot be used: {why}.")
        return book

    def of(self, source: Source) -> SourceSettings:
        """What is set for a source."""
        return self.settings.source(source.name)

    def unusable(self, source: Source) -> str | None:
        """Why a source cannot be used, as the end of a sentence; None when it can."""
        if self.of(source).off:
            return "it is switched off in the settings"
        lacking = self.lacking(source)
        if not lacking:
            return None
        verb = "is" if len(lacking) == 1 else "are"
        return f"{' and '.join(lacking)} {verb} not set" + (f" ({source.access.site})" if source.access.site else "")

    def lacking(self, source: Source) -> list[str]:
        """The environment variables that must be set before a source can be used, and are not."""
        return [_variable(source, need) for need in source.access.needs if self.secret(source, need) is None]

    def secret(self, source: Source, need: str) -> str | None:
        """What is set of `key`, `secret` or `contact` for a source; the contact is the same for all."""
        told = self.settings.contact if need == "contact" else getattr(self.of(source), need)
        # A variable that is there and empty is how many a shell says that there is none.
        return (told.get_secret_value().strip() or None) if told is not None else None

    @property
    def usable(self) -> tuple[Source, ...]:
        """The sources that can be asked."""
        return tuple(one for one in self.sources if self.unusable(one) is None)

    def quotas(self) -> dict[str, int]:
        """By source, how many calls a day it gets, where that is limited."""
        told = {one.name: self.of(one).quota for one in self.sources}
        declared = {one.name: one.quota for one in self.sources}
        return {
            name: quota
            for name in declared
            if (quota := told[name] if told[name] is not None else declared[name]) is not None
        }

    def rates(self) -> dict[str, Rate]:
        """By source, how often it is asked."""
        return {
            one.name: Rate(self.of(one).calls or one.rate.calls, self.of(one).seconds or one.rate.seconds)
            for one in self.sources
        }

    def client(self, clock: Callable[[], datetime], meter: Meter | None = None) -> Client:
        """A client for these sources; close it, or use it in a `with`."""
        settings = self.settings
        http = HttpSettings(
            timeout_seconds=settings.timeout_seconds,
            connect_seconds=min(settings.timeout_seconds, HttpSettings().connect_seconds),
            attempts=settings.attempts,
            max_bytes=settings.max_bytes,
        )
        gateway = settings.gateway.rstrip("/") if settings.gateway else None
        transports: dict[str, Transport] = {
            "http": HttpxTransport(http.user_agent),
            "yahoo": YahooTransport(gateway and f"{gateway}/query2.finance.yahoo.com"),
        }
        return Client(
            http,
            clock=clock,
            transports=transports,
            credentials={one.name: self._credential(one) for one in self.usable},
            rates=self.rates(),
            gateway=gateway,
            meter=meter,
        )

    def _credential(self, source: Source) -> Credential:
        secrets = {name: value for name in _SECRETS if (value := self.secret(source, name))}
        # A source whose key is optional sends what depends on it only where it is set.
        filled = [
            tuple(
                (name, template.format_map(secrets))
                for name, template in pairs
                if all(f"{{{need}}}" not in template or need in secrets for need in _SECRETS)
            )
            for pairs in (source.access.headers, source.access.params)
        ]
        return Credential(filled[0], filled[1], secrets=tuple(secrets.values()))
