"""The settings of what asks a model."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, SecretStr

from cicd_agent.settings.section import Group, ModeName, Section, file_only, input_only, setting


class Api(StrEnum):
    """Which dialect the model server speaks."""

    AUTO = "auto"
    RESPONSES = "responses"
    CHAT = "chat"


class Provider(StrEnum):
    """Whether a model is asked."""

    AUTO = "auto"
    OPENAI = "openai"
    NONE = "none"


class TokenPrice(Group):
    """US dollars per million tokens; without a price of their own, cached tokens cost what others do."""

    input: Annotated[float, Field(ge=0)]
    cached_input: Annotated[float | None, Field(ge=0)] = None
    output: Annotated[float, Field(ge=0)]


class ModelSettings(Section):
    """Which model is asked, and what that may cost."""

    openai_api_key: SecretStr = input_only("Key of the model server; without one only the rules speak.", SecretStr(""))
    base_url: str = input_only("URL of an OpenAI-compatible server, OpenAI's own when empty.", "")
    model_headers: SecretStr = input_only(
        "Additional HTTP headers for the model server, one `Name: value` a line.", SecretStr("")
    )
    api: Api = setting("Dialect that the model server speaks.", Api.AUTO)
    provider: Provider = setting(
        "Whether a model is asked: `auto` asks when there is a key, `none` says that rules are enough.", Provider.AUTO
    )
    model: str = setting("Model that is asked.", "gpt-5.5")
    fast_model: str = setting(
        "Model for what needs no judgement; with `base-url`, `model` unless this is set.", "gpt-5-mini"
    )
    fallback_model: str = setting("Model that is asked when the other is not available, in modes that only advise.", "")
    service_tier: str = setting(
        "Service tier to ask the server for, such as `flex`; nothing is asked for when empty.", ""
    )
    max_cost_usd: float | None = setting("Most that one run may spend, in US dollars.", None, ge=0)
    max_input_tokens: int = setting("Most tokens that one run may send to the model.", 150_000, gt=0)
    max_rounds: int = setting("Most requests that one question may take.", 8, ge=1, le=20)
    cache_dir: str = input_only(
        "Directory that keeps answers and reviewed files between runs, so that nothing is asked twice.", ""
    )
    instructions: str = setting(
        "What the model should know about this repository, in your words.", "", max_length=8_000
    )
    models: dict[ModeName, str] = file_only(
        "Model by mode, in place of the file's `model`; an input `model` comes before both.", {}, keys="modes"
    )
    prices: dict[str, TokenPrice] = file_only(
        "Price of a model in US dollars per million tokens, before the table that comes with the program.",
        {},
        keys="models",
    )
    cache_max_mb: float = file_only(
        "Most megabytes of answers kept in `cache-dir`, and that one run puts into Redis.", 50, gt=0, le=10_000
    )
    cache_max_days: float = file_only("Days after which a kept answer is asked again.", 30, gt=0, le=365)
    daily_cost_usd: float | None = file_only(
        "Most that this repository may spend in 24 hours, in US dollars; no model is asked beyond it.", None, ge=0
    )
