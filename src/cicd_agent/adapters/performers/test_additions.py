"""Compares files of tests as they should be with the commit that they would stand on, as it is in git."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.analysis.python_tests.insertion import added_lines, alteration
from cicd_agent.domain.effects import TextFile
from cicd_agent.domain.ports.commits import Commits, NewFile, Node
from cicd_agent.domain.test_delivery import LARGEST, gain, objection, stray
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count

FOLDER = "040000"
FILES = frozenset({"100644", "100755"})


@dataclass(frozen=True, slots=True)
class Additions:
    """What is to be written, none when all of it stands there already, or the `objection` against all of it."""

    files: tuple[NewFile, ...] = ()
    objection: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands under a path, why nothing may be written there, and the names in its folder."""

    node: Node | None
    problem: str = ""
    beside: tuple[str, ...] = ()


@dataclass
class Standing:
    """The files of one commit, whose tree is `tree`, read folder by folder: a link leads nowhere."""

    commits: Commits
    tree: str
    _folders: dict[str, Mapping[str, Node]] = field(default_factory=dict, init=False)

    def additions(self, files: Sequence[TextFile], redact: Callable[[str], str]) -> Additions:
        """What of the files is new; an objection when they are more than tests added to those that are there."""
        new, befores, afters = list[NewFile](), list[str](), list[str]()
        for file in files:
            found = self._find(file.path)
            node, problem, before = found.node, found.problem, None
            if node is not None and not problem:
                before, problem = self._text(node)
            problem = problem or alteration(before, file.text) or _secret(before or "", file.text, redact)
            if problem:
                return Additions(objection=f"`{file.path}` is not written: {problem}")
            if not node and (problem := objection(file.path, existing=False) or stray(file.path, found.beside)):
                return Additions(objection=problem)
            if before != file.text:
                new.append(NewFile(file, node.mode if node else "100644"))
                befores.append(before or "")
                afters.append(file.text)
        return Additions(tuple(new), gain(befores, afters))

    def _find(self, path: str) -> _Found:
        """What stands under a path."""
        *folders, name = path.split("/")
        tree = self.tree
        for step in folders:
            node, problem = self._step(tree, step)
            if node is None or problem:
                return _Found(None, problem)
            if node.mode != FOLDER:
                return _Found(None, f"`{step}` is a link, a submodule or a file")
            tree = node.sha
        node, problem = self._step(tree, name)
        if node is not None and node.mode not in FILES:
            problem = "it is a link, a submodule or a folder"
        return _Found(node, problem, tuple(self._folders[tree]))

    def _step(self, tree: str, name: str) -> tuple[Node | None, str]:
        """What stands under a name in a folder. Another spelling of it is the same file to some systems."""
        if tree not in self._folders:
            self._folders[tree] = self.commits.folder(tree)
        names = self._folders[tree]
        node = names.get(name)
        twin = next((one for one in names if one != name and one.casefold() == name.casefold()), "")
        return node, f"there is `{visible_line(twin)}`, which differs in case only" if twin else ""

    def _text(self, node: Node) -> tuple[str | None, str]:
        if node.size > LARGEST:
            return None, f"the file as it is now has {count(node.size, 'byte')}"
        try:
            return self.commits.content(node.sha).decode(), ""
        except UnicodeDecodeError:
            return None, "the file as it is now is not valid UTF-8"


def _secret(before: str, after: str, redact: Callable[[str], str]) -> str:
    """What may not be told is no test's business, and a mask in its place would change the test."""
    added = "\n".join(added_lines(before, after) or ())
    return "it holds what looks like a secret" if redact(added) != added else ""
