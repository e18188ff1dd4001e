"""The cache between runs, and its secret: in a directory, in a Redis that a fleet shares, or both."""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cicd_agent.adapters.cache.redis_url import Address, parse_address
from cicd_agent.agent.messages import Model
from cicd_agent.domain.evidence import Evidence
from cicd_agent.errors import ConfigError
from cicd_agent.settings.schema import Settings

if TYPE_CHECKING:
    from cicd_agent.adapters.cache.answers import AnswerCache
    from cicd_agent.adapters.cache.blob_store import BlobStore, LayeredStore, Limits, Namespace
    from cicd_agent.adapters.cache.incremental_state import StateCache
    from cicd_agent.adapters.cache.redis import RedisServer

_NOT_SHARED = "answers are not shared by REDIS_URL"


@dataclass(frozen=True, slots=True)
class IncrementalState:
    """What runs on one pull request save for each other: nothing without a `store`. A dry run never `writes`."""

    store: "StateCache | None" = None
    redact: Callable[[str], str] = str
    writes: bool = True

    def load(self, evidence: Evidence, about: str) -> Evidence:
        lines = self.store.read(about) if self.store and about else ()
        return replace(evidence, memory="\n".join(lines))

    def save(self, lines: Sequence[str], about: str) -> None:
        """Leave the lines that redaction does not change, also beside each other; without any, what there is."""
        if self.store is None or not self.writes or not about:
            return
        harmless = list(lines)
        while harmless:
            redacted = self.redact("\n".join(harmless)).split("\n")
            if redacted == harmless:
                break
            # Were the lines no longer the same in number, none could be told from another.
            pairs = zip(harmless, redacted, strict=True) if len(redacted) == len(harmless) else ()
            harmless = [line for line, shown in pairs if line == shown]
        if harmless:
            self.store.write(about, harmless)


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """Where answers are cached. `note` is called with what goes wrong, `now` is in seconds since 1970.

    A run that `saves_state` leaves for the next one what was reviewed; a dry run does not. `on_close` is called with
    what closes the connection to Redis.
    """

    folder: Path | None
    now: Callable[[], float]
    note: Callable[[str], None]
    saves_state: bool = True
    redis_url: str = field(default="", repr=False)
    ca_bundle: str = ""
    on_close: Callable[[Callable[[], None]], object] = lambda _close: None


@dataclass(frozen=True, slots=True)
class Cache:
    """What a run may cache, under a secret that the next run has, too; without `config` nothing."""

    settings: Settings
    secret: bytes = field(repr=False)
    config: CacheConfig | None = None
    server: "RedisServer | None" = None

    def answers(self, models: Sequence[Model], redact: Callable[[str], str]) -> "Mapping[str, AnswerCache]":
        """A cache for the answers of each model, by its name."""
        if self.config is None:
            return {}
        from cicd_agent.adapters.cache.answers import ANSWERS, AnswerCache  # noqa: PLC0415  a run without never pays

        store, limits = self._store(self.config, ANSWERS)
        cache = partial(
            AnswerCache,
            store=store,
            secret=hmac.digest(self.secret, b"answers", "sha256"),
            scope={
                "server": self.settings.base_url,
                "api": self.settings.api.value,
                "tier": self.settings.service_tier,
                "headers": self.settings.model_headers.get_secret_value(),
            },
            seconds=limits.seconds,
            redact=redact,
            now=self.config.now,
        )
        return {model.name: cache(model) for model in models}

    def incremental_state(self, redact: Callable[[str], str]) -> IncrementalState:
        if self.config is None:
            return IncrementalState()
        from cicd_agent.adapters.cache.incremental_state import STATE, StateCache  # noqa: PLC0415  see answers

        # An answer is the same wherever it lies; of states, the one that all machines write is the newest.
        store, _ = self._store(self.config, STATE, nearest_first=False)
        state = StateCache(store, secret=hmac.digest(self.secret, b"memory", "sha256"))
        return IncrementalState(state, redact, writes=self.config.saves_state)

    def _store(
        self, config: CacheConfig, namespace: "Namespace", *, nearest_first: bool = True
    ) -> "tuple[LayeredStore, Limits]":
        from cicd_agent.adapters.cache.blob_store import LayeredStore, Limits  # noqa: PLC0415  see answers

        limits = Limits.of(namespace, self.settings.cache_max_mb, self.settings.cache_max_days)
        stores: list[BlobStore] = []
        if config.folder is not None:
            from cicd_agent.adapters.cache.folder import FolderStore  # noqa: PLC0415  see answers

            stores.append(FolderStore(config.folder, namespace, limits, now=config.now, note=config.note))
        if self.server is not None:
            from cicd_agent.adapters.cache.redis import RedisStore  # noqa: PLC0415  a package that may not be there

            stores.append(RedisStore(self.server, namespace, limits))
        return LayeredStore(stores if nearest_first else stores[::-1], config.note), limits


def open_cache(settings: Settings, config: CacheConfig | None) -> Cache:
    """Raises ConfigError when the directory cannot be used. A Redis that cannot is noted: it only saves."""
    if config is None:
        return Cache(settings, _own_secret(settings) or os.urandom(32))
    address: Address | None = None
    if config.redis_url:
        try:
            address = parse_address(config.redis_url)
        except ConfigError as error:
            config.note(f"{_NOT_SHARED}: {error}")
    own = _own_secret(settings) or (_stretched(address.password, b"cicd-agent redis") if address else b"")
    if not own and address:
        config.note(f"{_NOT_SHARED}: there is no `openai-api-key`, and no password in the URL, to sign them with")
        address = None
    server = _server(address, settings, config) if address else None
    if config.folder is None:
        return Cache(settings, own or os.urandom(32), config if server else None, server)
    if not own:
        from cicd_agent.adapters.cache.folder import installation_secret  # noqa: PLC0415  see Cache.answers

        own = installation_secret(config.folder, config.note)
    return Cache(settings, own, config, server)


def _server(address: Address, settings: Settings, config: CacheConfig) -> "RedisServer | None":
    if find_spec("redis") is None:
        config.note(f"{_NOT_SHARED}: its client is not installed. Install cicd-agent[redis]")
        return None
    from cicd_agent.adapters.cache.redis import RedisServer  # noqa: PLC0415  a package that may not be there

    max_bytes = settings.cache_max_mb * 1_000_000
    server = RedisServer(address, ca_bundle=config.ca_bundle, max_bytes=max_bytes, note=config.note)
    config.on_close(server.close)
    return server


def _own_secret(settings: Settings) -> bytes:
    """From the key of the model's server, b"" without one: GitHub's identity changes with every run, and is none."""
    return _stretched(settings.openai_api_key.get_secret_value(), b"cicd-agent")


def _stretched(key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32) if key else b""
