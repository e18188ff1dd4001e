"""What mkdocs asks of us while it builds the site: links that leave docs/ go to the repository."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_LINK: Final = re.compile(r"(?P<open>\]\()(?P<target>\.\./[^)\s#]+)(?P<rest>[^)]*\))")


def outward(markdown: str, page: str, repository: str, root: Path = ROOT) -> str:
    """The page with links to files beside docs/ as links to the repository, where a site has nothing."""

    def replaced(found: re.Match[str]) -> str:
        path = normpath(f"{PurePosixPath('docs', page).parent}/{found['target']}")
        kind = "tree" if (root / path).is_dir() else "blob"
        return f"{found['open']}{repository.rstrip('/')}/{kind}/main/{path}{found['rest']}"

    fenced = re.split(r"(^ *```.*?^ *```)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if at % 2 else _LINK.sub(replaced, part) for at, part in enumerate(fenced))


def on_page_markdown(markdown: str, page: object, config: object, files: object) -> str:  # noqa: ARG001  mkdocs' names
    """Called for each page, before it is made into HTML."""
    source = getattr(getattr(page, "file", None), "src_uri", "")
    return outward(markdown, source, getattr(config, "repo_url", ""))
