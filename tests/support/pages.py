"""Pages as GitHub's Markdown, where a test is about what people read there."""

from collections.abc import Callable
from typing import ParamSpec

from cicd_agent.rendering.github_markdown import github_markdown
from cicd_agent.rendering.page import Page

P = ParamSpec("P")


def markdown(make: Callable[P, Page]) -> Callable[P, str]:
    return lambda *given, **more: github_markdown(make(*given, **more))
