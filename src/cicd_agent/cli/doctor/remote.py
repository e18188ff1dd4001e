"""The part of the check-up that asks others: GitHub, the model's server, Docker; it only reads, and side by side."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import cicd_agent
from cicd_agent.adapters.github.transport import probe
from cicd_agent.adapters.models.client import Unanswered, listed, parse_headers
from cicd_agent.adapters.runner.docker import why_not
from cicd_agent.agent.prices import price_of
from cicd_agent.app.context import RunContext
from cicd_agent.app.model_router import price_table
from cicd_agent.cli.doctor.checkup import Check, Health
from cicd_agent.domain.parallel import abreast
from cicd_agent.errors import AgentError
from cicd_agent.modes import contract_of
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import ModeName, Provider, Settings

_GITHUB: Final = "GitHub"
_UNAUTHORISED: Final = 401
_FORBIDDEN: Final = frozenset({403, 404})


def remote_checks(
    mode: ModeName, context: RunContext | None, settings: Settings, environment: Environment
) -> Sequence[tuple[str, tuple[Check, ...]]]:
    """The groups of checks that wait for somebody."""
    tasks: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        (_GITHUB, lambda: _github(mode, context, settings, environment)),
        ("Model", lambda: _model(mode, settings, environment)),
        ("Runtime", lambda: _runtime(mode, environment)),
        ("Told", lambda: _told(settings)),
    ]
    found = abreast([lambda make=make: tuple(make()) for _, make in tasks], len(tasks))  # type: ignore[misc]
    return [(title, checks) for (title, _), checks in zip(tasks, found, strict=True)]


def _github(
    mode: ModeName, context: RunContext | None, settings: Settings, environment: Environment
) -> Iterator[Check]:
    token = settings.github_token.get_secret_value()
    repo = (context.event.repo if context else "") or environment.run.repository
    if not token:
        words = "no token: a local run needs none; in a job it is the input `github-token`"
        yield Check("token", Health.FAIL if environment.on_actions else Health.SKIP, words)
        return
    if not repo:
        yield Check("token", Health.SKIP, "nobody says which repository it is for", "Set GITHUB_REPOSITORY")
        return
    wanted = contract_of(mode).needed
    sha = (context.event.sha if context else "") or environment.run.sha
    names = [each.name for each in wanted]
    try:
        found = probe(names, repo, sha, token, environment.api_url, ca_bundle=environment.ca_bundle)
    except AgentError as error:
        yield Check("token", Health.FAIL, error.what, error.remedy)
        return
    lost = next((refused for refused in found.values() if refused and refused.status in {0, _UNAUTHORISED}), None)
    if lost:
        yield Check(
            "GitHub", Health.FAIL, f"{environment.api_url}: {lost.what} ({lost.why})".rstrip("( )"), lost.remedy
        )
        return
    yield Check("GitHub", Health.OK, f"{environment.api_url} answers for {repo}")
    for each in wanted:
        refused = found.get(each.name)
        line = f"{each.name}: {each.access}"
        if refused is not None and refused.status in _FORBIDDEN:
            yield Check(each.name, Health.FAIL, f"the token cannot read it: {each.why}", f"Give the job `{line}`")
        elif refused is not None:
            yield Check(each.name, Health.WARN, f"not known: {refused.what}", refused.remedy)
        elif each.access == "write":
            words = f"can be read; whether `{line}` is there cannot be told without writing"
            yield Check(each.name, Health.OK, words)
        else:
            yield Check(each.name, Health.OK, f"can be read: {each.why}")


def _model(mode: ModeName, settings: Settings, environment: Environment) -> Iterator[Check]:
    if mode == "route":
        yield Check("model", Health.SKIP, "`route` asks none")
        return
    key = settings.openai_api_key.get_secret_value()
    if settings.provider is Provider.NONE:
        yield Check("model", Health.SKIP, "`provider: none`: rules only")
        return
    if not key and not settings.base_url:
        if environment.workload and environment.workload.known:
            yield Check("model", Health.OK, "OpenAI, by the identity of this job; it is not asked here")
            return
        words = "no key: rules only, which is a way to work; every run says `degraded=true`"
        yield Check("model", Health.WARN, words, "Set `openai-api-key`, or `provider: none` to say you mean it")
        return
    model = settings.models.get(mode, settings.model)
    yield _server(model, settings, key)
    if price_of(model, price_table(settings)) is None:
        words = f"no price is known of {model}: `max-input-tokens` holds a run, not `max-cost-usd`"
        yield Check("price", Health.WARN, words, "Say it under `prices` in the config file")


def _server(model: str, settings: Settings, key: str) -> Check:
    host = urlsplit(settings.base_url).hostname or "api.openai.com"
    try:
        headers = parse_headers(settings.model_headers.get_secret_value())
        names = listed(settings.base_url, key, headers)
    except AgentError as error:
        return Check("model", Health.FAIL, error.what, error.remedy)
    except Unanswered as unanswered:
        if unanswered.refused:
            return Check("model", Health.FAIL, f"{host} does not take the key", "Look at the secret, and at `base-url`")
        if unanswered.unlisted:
            return Check("model", Health.OK, f"{host} is there; it has no list of models")
        return Check("model", Health.FAIL, f"{host}: {unanswered}", "Look at `base-url`, HTTPS_PROXY and SSL_CERT_FILE")
    if names and model not in names:
        words = f"{host} is there, and does not list {model}"
        return Check("model", Health.WARN, words, "Set `model` to one that it has")
    return Check("model", Health.OK, f"{model} at {host}")


def _runtime(mode: ModeName, environment: Environment) -> Iterator[Check]:
    image = Path(cicd_agent.__file__).resolve().parents[2] / "launch/image.txt"
    released = image.is_file() and bool(image.read_text("utf-8", "replace").strip())
    why = why_not({**environment.tools, **environment.system})
    if mode == "gen-tests":
        yield Check("runtime", Health.OK, "host: gen-tests needs the project's Python and the sandbox")
    elif why:
        yield Check("runtime", Health.OK, f"host: {why}")
    elif not released:
        yield Check("runtime", Health.OK, "host: Docker answers, and this version has no released image")
    else:
        yield Check("runtime", Health.OK, "container: Docker answers, and an image is released")


def _told(settings: Settings) -> Iterator[Check]:
    webhook = settings.slack_webhook_url.get_secret_value()
    if webhook:
        parts = urlsplit(webhook)
        if parts.scheme == "https" and parts.hostname:
            yield Check("Slack", Health.OK, f"a webhook at {parts.hostname}; nothing is sent there now")
        else:
            yield Check("Slack", Health.FAIL, "`slack-webhook-url` is no https address", "Copy it again")
    elif settings.slack_token.get_secret_value():
        if settings.slack_channel:
            yield Check("Slack", Health.OK, "a token and a channel; nothing is sent there now")
        else:
            yield Check("Slack", Health.FAIL, "`slack-token` without a channel", "Set `slack-channel`")
