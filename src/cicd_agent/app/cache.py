"""What is kept between runs, where, and under which secret: in a directory, in a Redis that a fleet shares, or both."""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cicd_agent.adapters.cache.redis_url import Address, parse_address
from cicd_agent.agent.messages import Model
from cicd_agent.app.security.signing import Sealing
from cicd_agent.errors import ConfigError
from cicd_agent.settings.schema import Settings

if TYPE_CHECKING:
    from cicd_agent.adapters.cache.answers import AnswerCache
    from cicd_agent.adapters.cache.blob_store import BlobStore, LayeredStore, Limits, Namespace
    from cicd_agent.adapters.cache.redis import RedisServer

_NOT_SHARED = "answers are not shared by REDIS_URL"


def _stays_open(_close: Callable[[], None]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where answers are kept between runs, and who is told when that goes wrong. `now` is in seconds since 1970.

    A run that `remembers` leaves for the next one what was reviewed; a dry run does not. `closing` is given what ends
    the line to Redis.
    """

    folder: Path | None
    now: Callable[[], float]
    note: Callable[[str], None]
    remembers: bool = True
    redis_url: str = field(default="", repr=False)
    ca_bundle: str = ""
    closing: Callable[[Callable[[], None]], object] = _stays_open


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run may keep, under its secret: unknown to whoever writes the evidence, and the same in the next run.

    Without `keeping` nothing is kept, and the secret is of this run alone.
    """

    settings: Settings
    secret: bytes = field(repr=False)
    keeping: Keeping | None = None
    server: "RedisServer | None" = None

    def answers(self, models: Sequence[Model], redact: Callable[[str], str]) -> "Mapping[str, AnswerCache]":
        """What caches the answers of each model, by its name."""
        if self.keeping is None:
            return {}
        from cicd_agent.adapters.cache.answers import ANSWERS, AnswerCache  # noqa: PLC0415  a run without never pays

        store, limits = self._store(self.keeping, ANSWERS)
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
            now=self.keeping.now,
        )
        return {model.name: cache(model) for model in models}

    def sealing(self, redact: Callable[[str], str]) -> Sealing:
        """What loads and saves the incremental state of a pull request."""
        if self.keeping is None:
            return Sealing()
        from cicd_agent.adapters.cache.incremental_state import STATE, StateCache  # noqa: PLC0415  see answers

        # An answer is the same wherever it lies; of states, the one that all machines write is the newest.
        store, _ = self._store(self.keeping, STATE, nearest_first=False)
        drawer = StateCache(store, secret=hmac.digest(self.secret, b"memory", "sha256"))
        return Sealing(drawer, redact, keeps=self.keeping.remembers)

    def _store(
        self, keeping: Keeping, namespace: "Namespace", *, nearest_first: bool = True
    ) -> "tuple[LayeredStore, Limits]":
        from cicd_agent.adapters.cache.blob_store import LayeredStore, Limits  # noqa: PLC0415  see answers

        limits = Limits.of(namespace, self.settings.cache_max_mb, self.settings.cache_max_days)
        stores: list[BlobStore] = []
        if keeping.folder is not None:
            from cicd_agent.adapters.cache.folder import FolderStore  # noqa: PLC0415  see answers

            stores.append(FolderStore(keeping.folder, namespace, limits, now=keeping.now, note=keeping.note))
        if self.server is not None:
            from cicd_agent.adapters.cache.redis import RedisStore  # noqa: PLC0415  a package that may not be there

            stores.append(RedisStore(self.server, namespace, limits))
        return LayeredStore(stores if nearest_first else stores[::-1], keeping.note), limits


def kept(settings: Settings, keeping: Keeping | None) -> Kept:
    """What a run with these settings may keep. Raises ConfigError when the directory cannot be used.

    A Redis that cannot be used is noted: it is never more than a saving.
    """
    if keeping is None:
        return Kept(settings, _own_secret(settings) or os.urandom(32))
    address = _address(keeping)
    own = _own_secret(settings) or (_stretched(address.password, b"cicd-agent redis") if address else b"")
    if not own and address:
        keeping.note(f"{_NOT_SHARED}: there is no `openai-api-key`, and no password in the URL, to sign them with")
        address = None
    server = _server(address, settings, keeping) if address else None
    if keeping.folder is None:
        return Kept(settings, own or os.urandom(32), keeping if server else None, server)
    if not own:
        from cicd_agent.adapters.cache.folder import installation_secret  # noqa: PLC0415  see Kept.answers

        own = installation_secret(keeping.folder, keeping.note)
    return Kept(settings, own, keeping, server)


def _address(keeping: Keeping) -> Address | None:
    if not keeping.redis_url:
        return None
    try:
        return parse_address(keeping.redis_url)
    except ConfigError as error:
        keeping.note(f"{_NOT_SHARED}: {error}")
        return None


def _server(address: Address, settings: Settings, keeping: Keeping) -> "RedisServer | None":
    if find_spec("redis") is None:
        keeping.note(f"{_NOT_SHARED}: its client is not installed. Install cicd-agent[redis]")
        return None
    from cicd_agent.adapters.cache.redis import RedisServer  # noqa: PLC0415  a package that may not be there

    max_bytes = settings.cache_max_mb * 1_000_000
    server = RedisServer(address, ca_bundle=keeping.ca_bundle, max_bytes=max_bytes, note=keeping.note)
    keeping.closing(server.close)
    return server


def _own_secret(settings: Settings) -> bytes:
    """What the key of the model's server makes, b"" without one.

    GitHub's identity changes with every run and is no such secret: then what a directory keeps, or the password of the
    Redis, has to do.
    """
    return _stretched(settings.openai_api_key.get_secret_value(), b"cicd-agent")


def _stretched(key: str, salt: bytes) -> bytes:
    """Slow to compute: a tape shows a digest of it, and the keys of home-made servers can be guessed."""
    return hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32) if key else b""
