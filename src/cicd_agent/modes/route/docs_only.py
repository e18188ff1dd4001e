"""Whether nothing that runs has changed, so that no test has to: only what is sure to be words for people."""

import re
from posixpath import basename

from cicd_agent.analysis.risk.features import features
from cicd_agent.domain.change import Change
from cicd_agent.domain.diff import FileDiff
from cicd_agent.domain.paths import PathKind, kinds

# MDX is compiled; a page or a script in a folder of documents is served, and may be the product's.
_PROSE = frozenset({"md", "markdown", "rst", "adoc", "asciidoc", "org", "textile", "txt"})
_PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "pdf"})
_PLACES = frozenset({"doc", "docs", "documentation", "man", "manual", "changelog.d", "newsfragments", ".github"})
_ANYWHERE = frozenset({"readme", "changelog", "license", "licence", "copying", "contributing", "authors"})
_BUILDS = frozenset({"cmakelists.txt", "meson_options.txt"})
_DOCTEST = re.compile(r"\s*>>>(?:\s|$)|.*\bdoctest:")


def is_inert(change: Change) -> bool:
    """Whether all of the change is documentation, or comments beside it."""
    shape = features(change)
    if not (shape.documentation_only or shape.comment_only):
        return False
    return all(_is_for_people(file) for file in change.files) and not any(map(_has_doctest, change.files))


def _is_for_people(file: FileDiff) -> bool:
    """Whether a file that is documentation by its name is so by its place, too: a package may hold texts that it uses.

    What is not documentation has changed in its comments only.
    """
    return all(PathKind.DOCS not in kinds(path) or _is_document(path) for path in (file.path, file.old_path))


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
    return suffix in _PROSE | _PICTURES and not _PLACES.isdisjoint(parents)


def _has_doctest(file: FileDiff) -> bool:
    return any(_DOCTEST.match(line.text) for lines in (file.added, file.deleted) for line in lines)
