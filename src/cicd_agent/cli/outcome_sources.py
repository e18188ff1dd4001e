"""Opens what commands that learn from outcomes may read: the checkout, and its repository on GitHub."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.app.context import first_settings, open_forge
from cicd_agent.app.options import RunOptions
from cicd_agent.domain.text.json_view import as_repo
from cicd_agent.errors import ConfigError
from cicd_agent.insights.accuracy.deployment_outcome import OutcomeSources
from cicd_agent.settings.environment import Environment

OpenSources = Callable[[RunOptions, Environment, ExitStack], OutcomeSources]


def open_sources(options: RunOptions, environment: Environment, closing: ExitStack) -> OutcomeSources:
    """The checkout, and the repository on GitHub where a token and its name are there."""
    settings = first_settings(options, environment)
    root = Path.cwd() / (options.repo_dir or environment.workspace or ".")
    notices: list[str] = []
    repository: GitRepository | None = None
    try:
        repository = GitRepository(root, environment.system, server=environment.server_url, scratch=environment.scratch)
    except ConfigError as error:
        notices.append(str(error))
    top = repository.top if repository else None
    token, name = settings.github_token.get_secret_value(), as_repo(environment.run.repository)
    if not (token and name):
        needed = {"GITHUB_TOKEN": token, "GITHUB_REPOSITORY": name}
        missing = " and ".join(variable for variable, value in needed.items() if not value)
        notices.append(f"deployments were not read: set {missing} for that")
        return OutcomeSources(repository, top, None, tuple(notices))
    forge = open_forge(token, name, environment, closing)
    return OutcomeSources(
        repository,
        top,
        forge.gates,
        tuple(notices),
        forge.discussions,
        partial(repository.ensure, token=token) if repository else None,
        forge.text_at,
        forge.runs,
    )
