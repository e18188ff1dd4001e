"""Whether anything that runs has changed at all."""

import re
from posixpath import basename

from cicd_agent.analysis.risk.features import features
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds

# MDX is compiled; a page or a script in a folder of documents is served, and may be the product's.
_PROSE = frozenset({"md", "markdown", "rst", "adoc", "asciidoc", "org", "textile", "txt"})
_PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "pdf"})
_FOLDERS = frozenset({"doc", "docs", "documentation", "man", "manual", "changelog.d", "newsfragments", ".github"})
_ANYWHERE = frozenset({"readme", "changelog", "license", "licence", "copying", "contributing", "authors"})
_BUILDS = frozenset({"cmakelists.txt", "meson_options.txt"})
_DOCTEST = re.compile(r"\s*>>>(?:\s|$)|.*\bdoctest:")


def is_inert(change: Change) -> bool:
    """Whether all of the change is documentation, or comments beside it."""
    shape = features(change)
    if not (shape.documentation_only or shape.comment_only):
        return False
    paths = (path for file in change.files for path in (file.path, file.old_path))
    # What is documentation by its name has to be so by its place, too: a package may hold texts that it uses. What is
    # not documentation has changed in its comments only.
    is_for_people = all(PathKind.DOCS not in kinds(path) or _is_document(path) for path in paths)
    lines = (line.text for file in change.files for line in (*file.added, *file.deleted))
    is_known = all(file.excerpt_of is None for file in change.files)
    return is_for_people and is_known and not any(map(_DOCTEST.match, lines))


def _is_document(path: str) -> bool:
    *parents, name = path.lower().split("/")
    stem, suffix = name.partition(".")[0], name.rpartition(".")[2]
    if "." not in name:
        # A script may be called `install`; what is written large is there to be read.
        return basename(path).isupper()
    if name in _BUILDS:
        return False
    if not parents or stem in _ANYWHERE:
        return suffix in _PROSE
    return suffix in _PROSE | _PICTURES and not _FOLDERS.isdisjoint(parents)
