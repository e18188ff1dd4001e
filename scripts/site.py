"""What mkdocs asks of us while it builds the site: links that leave docs/ go to the repository, and diagrams are drawn.

What draws them is a copy of ours, from tools/site. Where there is none (no Node), a diagram stays its text: the theme
would have every reader fetch it from unpkg.com.
"""

import re
from collections.abc import MutableMapping
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
DRAWER: Final = ROOT / "tools/site/node_modules/mermaid/dist/mermaid.min.js"
_PLACE: Final = "assets/mermaid.min.js"
_LINK: Final = re.compile(r"(?P<open>\]\()(?P<target>\.\./[^)\s#]+)(?P<rest>[^)]*\))")


def outward(markdown: str, page: str, repository: str, root: Path = ROOT) -> str:
    """The page with links to files beside docs/ as links to the repository, where a site has nothing."""

    def replaced(found: re.Match[str]) -> str:
        path = normpath(f"{PurePosixPath('docs', page).parent}/{found['target']}")
        if path.startswith("docs/"):
            return found[0]
        kind = "tree" if (root / path).is_dir() else "blob"
        return f"{found['open']}{repository.rstrip('/')}/{kind}/main/{path}{found['rest']}"

    fenced = re.split(r"(^ *```.*?^ *```)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if at % 2 else _LINK.sub(replaced, part) for at, part in enumerate(fenced))


def on_page_markdown(markdown: str, page: object, config: object, files: object) -> str:  # noqa: ARG001  mkdocs' names
    """Called for each page, before it is made into HTML."""
    source = getattr(getattr(page, "file", None), "src_uri", "")
    return outward(markdown, source, getattr(config, "repo_url", ""))


def on_config(config: MutableMapping[str, Any]) -> None:
    """Called once, before anything is read: a block of mermaid becomes a diagram where that can be drawn."""
    if not DRAWER.is_file():
        return
    from pymdownx.superfences import (  # type: ignore[import-untyped]  # noqa: PLC0415  mkdocs alone has it
        fence_code_format,
    )

    fence = {"name": "mermaid", "class": "mermaid", "format": fence_code_format}
    config["mdx_configs"].setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    config["extra_javascript"].append(_PLACE)


def on_files(files: Any, config: Any) -> None:
    """Called once, with all that will be there."""
    if DRAWER.is_file():
        from mkdocs.structure.files import File  # noqa: PLC0415  see above

        files.append(File.generated(config, _PLACE, abs_src_path=str(DRAWER)))
