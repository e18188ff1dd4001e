"""A workflow or an action as jobs and steps, each once however often an alias repeats it, and what is in scope."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from cicd_agent.analysis.rules.taint import Environment, Level, Source, tainted
from cicd_agent.analysis.rules.yaml_source import Node, at, elements, items, scalar

_NOTHING = Level()
# echo "NAME=$OTHER" >> "$GITHUB_ENV"
_WRITTEN = re.compile(
    r"""\b([A-Za-z_][\w-]{0,99})=["']?\$\{?(\w{1,99})\}?["']?\s{0,9}>>\s{0,9}["']?\$\{?GITHUB_(ENV|OUTPUT)\b"""
)

_Scope = tuple[tuple[Level, ...], dict[str, Source]]
"""The variables of a step, from the nearest level to the farthest, and what earlier steps have put out."""


def jobs(root: Node | None) -> dict[str, Node]:
    """By name, of several the first."""
    names = {job: name for name, _, job in reversed([*items(at(root, "jobs"))])}
    return {name: job for job, name in reversed(names.items())}


def steps(root: Node | None) -> Iterator[Node]:
    lists = filter(None, [*(at(job, "steps") for job in jobs(root).values()), at(root, "runs", "steps")])
    yield from dict.fromkeys(step for each in dict.fromkeys(lists) for step in elements(each))


class Scopes:
    """What strangers fill of the contexts that each step has: `contexts` in every one, and of its variables.

    A string in an expression that `literal` matches counts as a text of theirs.
    What an alias puts into several jobs or steps has the variables of all of them.
    """

    def __init__(
        self, root: Node | None, contexts: Mapping[str, Source], literal: re.Pattern[str] | None = None
    ) -> None:
        self.root = root
        self.contexts = contexts
        self.literal = literal
        self.levels: dict[Node, Level] = {}
        self.tainted: dict[Node, bool] = {}
        self.inputs: dict[Node, dict[str, Node]] = {}
        self.everything = Level()
        self.needs: dict[str, Source] = {}

    def texts(self, find: Callable[["Scopes", Node], Iterable[Node]]) -> Iterator[tuple[Node, Node, Source]]:
        """What `find` finds in the steps, each once, with its step and the contexts there."""
        found: dict[Node, tuple[Node, _Scope]] = {}
        met: Counter[Node | None] = Counter()
        workflow = self._level(at(self.root, "env"), ((), {}))
        for name, job in [*jobs(self.root).items(), ("", at(self.root, "runs"))]:
            # The variables that earlier steps have written come before those of the job.
            outer = Level(), self._level(at(job, "env"), ((workflow,), {})), workflow
            written: dict[str, Source] = {}
            listed = at(job, "steps")
            for step in elements(listed) if met[listed] <= 1 else ():
                scope: _Scope = (self._level(at(step, "env"), (outer, written)), *outer), written
                for node in find(self, step):
                    if node in found:
                        found[node] = found[node][0], ((self.everything,), {})
                    else:
                        found[node] = step, scope
                        self._add_written(step, scalar(node), scope)
            met[listed] += 1
            _add_outputs(self.needs, name, self._level(at(job, "outputs"), (outer, written)).tainted)
        for node, (first, scope) in found.items():
            yield first, node, self._contexts(scope)

    def inputs_of(self, step: Node) -> Mapping[str, Node]:
        """Those it gives to its action, by name in lower case."""
        node = at(step, "with")
        if node is None:
            return {}
        if node not in self.inputs:
            self.inputs[node] = {name.lower(): value for name, _, value in items(node)}
        return self.inputs[node]

    def _level(self, node: Node | None, scope: _Scope) -> Level:
        if node is None:
            return _NOTHING
        if node not in self.levels:
            level = self.levels[node] = Level()
            contexts = self._contexts(scope)
            for name, _, value in items(node):
                if value not in self.tainted:
                    self.tainted[value] = any(True for _ in tainted(scalar(value), contexts))
                self._set(level, name, Source(is_text=True, origin=value) if self.tainted[value] else None)
        return self.levels[node]

    def _set(self, level: Level, name: str, source: Source | None) -> None:
        level.set(name, source)
        if source is not None:
            self.everything.set(name, source)

    def _add_written(self, step: Node, script: str, scope: _Scope) -> None:
        levels, written = scope
        for name, variable, file in _WRITTEN.findall(script) if "GITHUB_" in script else ():
            source = Environment(levels=levels).child(variable)
            if source is not None and file == "ENV":
                self._set(levels[1], name, source)
            elif source is not None:
                _add_outputs(written, scalar(at(step, "id")), {name.lower(): source})

    def _contexts(self, scope: _Scope) -> Source:
        levels, written = scope
        held: dict[str, Source] = {"env": Environment(levels=levels)} if any(each.tainted for each in levels) else {}
        held |= {"steps": Source(written)} if written else {}
        held |= {"needs": Source(self.needs)} if self.needs else {}
        return Source({**self.contexts, **held}, literal=self.literal)


def _add_outputs(owners: dict[str, Source], owner: str, outputs: dict[str, Source]) -> None:
    """Puts `outputs` into those of a step or job, in the form of the contexts `steps` and `needs`."""
    if outputs:
        source = owners.setdefault(owner.lower(), Source({"outputs": Source({})}))
        source.children["outputs"].children.update(outputs)
