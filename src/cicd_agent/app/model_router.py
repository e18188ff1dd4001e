"""Which models a run asks, and what that may cost: in the run, and in a day of the repository."""

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Answer, Model, Question
from cicd_agent.agent.prices import PRICES, Price, price_of
from cicd_agent.agent.tools.tool import Tool
from cicd_agent.app.cache import CacheConfig, IncrementalState, open_cache
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.words import count
from cicd_agent.errors import BudgetExhausted, Exit, ModelUnavailable, StoreRefused
from cicd_agent.insights.cost.spending import spent
from cicd_agent.modes.protocol import Mode
from cicd_agent.rendering.money import NANO
from cicd_agent.settings.environment import Workload
from cicd_agent.settings.loader import Loaded
from cicd_agent.settings.schema import OFF, Settings, TokenPrice, minutes, usd

RESERVE = 20.0
"""Seconds of `timeout-minutes` that are kept for carrying out the plan."""
MAX_PARALLEL = 4
"""Questions that are asked at the same time: the machine only waits for the network."""
RETRIES = 8
"""Requests of a run beyond its rounds: those that failed and were sent again, or that taught us what a server takes."""

Tools = tuple[Tool[Any], ...]


class AnswerStore(Protocol):
    """A cache of a model's answers: those to a question are saved when it came to a good end, else discarded."""

    def save(self) -> None: ...

    def discard(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ModelRouter:
    """Which model a question goes to. Without a `model` to none, and `silence` says why ("" when that is meant).

    `fast` is for what needs no judgement; `fallback` for when the other is not available. `answer_caches` are by the
    model's name. `watch` may replace the tools, by what records them or what was recorded.
    """

    model: Model | None
    budget: Budget
    key: bytes
    redact: Callable[[str], str]
    silence: str = ""
    silence_exit: Exit = Exit.OK
    """What `on-unavailable: fail` makes of the silence; OK where no model is configured."""
    fast: Model | None = None
    fallback: Model | None = None
    max_rounds: int = 20
    side_by_side: int = MAX_PARALLEL
    answer_caches: Mapping[str, AnswerStore] = field(default_factory=dict)
    watch: Callable[[Tools, str], tuple[Tools, str]] = lambda tools, limit: (tools, limit)
    incremental_state: IncrementalState = field(default_factory=IncrementalState)

    def with_models(self, wrap: Callable[[Model], Model]) -> "ModelRouter":
        """The same, with something around each model."""
        models: dict[str, Any] = {
            name: wrap(model) for name in ("model", "fast", "fallback") if (model := getattr(self, name))
        }
        return replace(self, **models)

    def put(self, question: Question[Any], model: Model, budget: Budget | None = None) -> Answer[Any]:
        """One question to one model, within the run's budget or a part of it."""
        budget = budget or self.budget
        answer = ask(question, model, budget, key=self.key, redact=self.redact, max_rounds=self.max_rounds)
        if answers := self.answer_caches.get(model.name):
            (answers.discard if answer.failure else answers.save)()
        return answer


def budget(settings: Settings, mode: str, clock: Callable[[], float]) -> Budget:
    """What the settings let a run of this mode spend."""
    return Budget(
        requests=settings.max_rounds + RETRIES,
        input_tokens=settings.max_input_tokens,
        seconds=max(minutes(settings, mode) * 60 - RESERVE, 1.0),
        clock=clock,
        usd=usd(settings, mode),
        prices=price_table(settings),
    )


def price_table(settings: Settings) -> dict[str, Price]:
    return {**PRICES, **{name: _price(price) for name, price in settings.prices.items()}}


def open_router(
    mode: Mode[Any],
    loaded: Loaded,
    workload: Workload | None,
    clock: Callable[[], float],
    redact: Callable[[str], str],
    *,
    cache: CacheConfig | None = None,
    account: Mapping[str, str] | None = None,
    quota: Callable[[Sequence[str]], str] = lambda _: "",
) -> ModelRouter:
    """`quota` says of models why none of them is asked today, `account` are headers of every request.

    Raises ConfigError when an input makes no sense.
    """
    settings, limits = loaded.settings, budget(loaded.settings, mode.name, clock)

    def without_model(silence: str, code: Exit = Exit.OK) -> ModelRouter:
        """What is saved then is what rules have found, and no answers."""
        saves = cache is not None and mode.saves_rule_state
        state = open_cache(settings, cache).incremental_state(redact) if saves else IncrementalState()
        return ModelRouter(None, limits, b"", redact, silence=silence, silence_exit=code, incremental_state=state)

    if settings.model == OFF or not _is_configured(settings, workload):
        return without_model("")
    try:
        reach = _reach(settings, workload, account or {})
        model = reach(settings.model)
    except ModelUnavailable as error:
        return without_model(str(error), error.exit)
    # The default's name means something at OpenAI only.
    quick = settings.fast_model if "fast_model" in settings.model_fields_set or not settings.base_url else model.name
    fast = reach(quick) if quick and quick != model.name else None
    fallback = reach(settings.fallback_model) if settings.fallback_model and not mode.fails_closed else None
    models = [each for each in (model, fast, fallback) if each]
    if silence := quota([each.name for each in models]):
        return without_model(silence, Exit.BUDGET)
    opened = open_cache(settings, cache)
    caches = opened.answers(models, redact)
    return ModelRouter(
        caches.get(model.name, model),
        limits,
        hmac.digest(opened.secret, b"fence", "sha256"),
        redact,
        fast=fast and caches.get(fast.name, fast),
        fallback=fallback and caches.get(fallback.name, fallback),
        max_rounds=settings.max_rounds,
        answer_caches=caches,
        incremental_state=opened.incremental_state(redact),
    )


def _is_configured(settings: Settings, workload: Workload | None) -> bool:
    """Whether somebody has said which model to ask, or in whose name."""
    named = settings.base_url or settings.openai_api_key.get_secret_value()
    return bool(named) or (workload is not None and _names_account(workload))


def _names_account(workload: Workload) -> bool:
    return bool(workload.identity_provider_id or workload.service_account_id)


def _price(price: TokenPrice) -> Price:
    cached = price.input if price.cached_input is None else price.cached_input
    return Price(price.input, cached, price.output, dearer_above=None)


def _reach(settings: Settings, workload: Workload | None, account: Mapping[str, str]) -> Callable[[str], Model]:
    """How a model of the settings' server is reached; ModelUnavailable when there is no server to ask."""
    from cicd_agent.adapters.models.client import (  # noqa: PLC0415  a run without a model never pays for it
        Identity,
        connect,
        parse_headers,
    )

    api_key = settings.openai_api_key.get_secret_value()
    if api_key or workload is None or not _names_account(workload):
        workload = None
    elif not workload.known and not settings.base_url:
        raise ModelUnavailable(
            "only one of OPENAI_IDENTITY_PROVIDER_ID and OPENAI_SERVICE_ACCOUNT_ID is set",
            remedy="Set both, or `openai-api-key`",
        )
    identity = Identity(workload) if workload is not None and workload.known else None
    headers = {**account, **parse_headers(settings.model_headers.get_secret_value())}

    return lambda name: connect(
        api_key=api_key,
        base_url=settings.base_url,
        api=settings.api,
        model=name,
        headers=headers,
        service_tier=settings.service_tier,
        identity=identity,
    )


DAY: Final = 86_400
MAX_ENTRIES: Final = 50_000
"""Entries that are counted; a repository with more in a day has reached any limit."""


@dataclass(frozen=True, slots=True)
class Used:
    """What the runs of a day took: how many asked a model, billionths of a dollar, and how many costs are estimates."""

    runs: int = 0
    nano: int = 0
    estimated: int = 0


# Whoever sets a limit on money wants it to hold: a run whose cost nobody knows counts with the most that it may spend,
# and without an audit log that lasts no model is asked at all.
def used_up(
    models: Sequence[str], settings: Settings, store: Callable[[], Store], chain: str, now: Callable[[], float]
) -> str:
    """Why none of the models is asked today, "" when nothing is against it. Without a limit `store` is not opened."""
    limits = {"daily-cost-usd": settings.daily_cost_usd, "daily-runs": settings.daily_runs}
    named = [name for name, limit in limits.items() if limit is not None]
    if not named:
        return ""
    prices = price_table(settings)
    unpriced = next((name for name in models if price_of(name, prices) is None), "")
    if settings.daily_cost_usd is not None and unpriced:
        return _refusal(f"nobody knows what `{unpriced}` costs", "which `daily-cost-usd` counts", "Give `prices`")
    try:
        query = EntryQuery(repository=chain, kind=Kind.RUN, since=int(now()) - DAY, limit=MAX_ENTRIES)
        return _over(used(store().find(query), settings), settings)
    except StoreRefused as error:
        remedy = "Set `state-dir` to a directory that is kept, or DATABASE_URL; or take the limit out"
        return _refusal(f"`{named[0]}` cannot be counted", str(error), remedy)


def used(rows: Iterable[Row], settings: Settings) -> Used:
    """Adds up the entries of a day. What cannot be read counts as a run whose cost nobody knows."""
    entries = runs = nano = estimated = 0
    counted: set[str] = set()
    for row in rows:
        entries += 1
        run = spent(row)
        if run is not None and run.duplicate_key:
            key = f"{run.mode}\n{run.duplicate_key}"
            if key in counted:
                continue  # a later job of the same run, which tells of the same money
            counted.add(key)
        runs += run is None or (run.asked and any(part.used.requests != 0 for part in run.parts))
        cost = run.cost if run else None
        if cost is None:
            estimated += 1
            cost = round(usd(settings, run.mode if run else row.columns.mode) * NANO)
        nano += cost
    if entries >= MAX_ENTRIES:
        return Used(MAX_ENTRIES, MAX_ENTRIES * NANO, estimated)
    return Used(runs, nano, estimated)


def _over(day: Used, settings: Settings) -> str:
    """Which limit is reached, "" when none is."""
    money, runs = settings.daily_cost_usd, settings.daily_runs
    if money is not None and day.nano >= round(money * NANO):
        guessed = f", {count(day.estimated, 'unknown cost')} at `max-cost-usd`" if day.estimated else ""
        why = f"${day.nano / NANO:.2f} of `daily-cost-usd` {money:g} in 24 hours{guessed}"
    elif runs is not None and day.runs >= runs:
        why = f"{day.runs:,} of `daily-runs` {runs:,} in 24 hours"
    else:
        return ""
    return _refusal("the day's limit of this repository is reached", why, "Wait for older runs to pass, or raise it")


def _refusal(what: str, why: str, remedy: str) -> str:
    return str(BudgetExhausted(f"No model was asked: {what}", why=why, remedy=remedy))
