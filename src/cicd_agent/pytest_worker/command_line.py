"""The arguments for pytest: the project's own, less what needs another runner or writes into the tree."""

from __future__ import annotations

import os
import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALONE = _words(
    "-x --exitfirst --lf --last-failed --ff --failed-first --nf --new-first --sw --stepwise --sw-skip --sw-reset "
    "--stepwise-skip --stepwise-reset --co --collect-only --collectonly --pdb --trace --cache-clear --no-cov "
    "--no-cov-on-fail --cov-branch --cov-append --cov -f --looponfail -d --self-contained-html --json-report "
    "--randomly-dont-reset-seed --randomly-dont-reorganize --random-order --strict --strict-config "
    "-q --quiet -v -vv -vvv --verbose -s -l --showlocals --full-trace --no-header --no-summary --setup-show"
)
"""Options without a value."""
_VALUED = _words(
    "-n --numprocesses --maxprocesses --max-worker-restart --dist --tx --rsyncdir --maxfail --cov-report --cov-config "
    "--cov-fail-under --cov-context --cov-precision --junitxml --junit-xml --junitprefix --html --css "
    "--json-report-file --report-log --resultlog --log-file --basetemp --pastebin --reruns --reruns-delay "
    "--only-rerun --rerun-except --randomly-seed --random-order-seed --random-order-bucket --count --tb --color "
    "--capture --show-capture --rootdir --durations --durations-min -r --cache-show --verbosity"
)
"""Options whose value may follow as an argument of its own."""
_SHORT = ("-n", "-r")
"""Those whose value may follow at once."""
_TAKE = _words("-k -m -c -o -W -p --ignore --ignore-glob --deselect --confcutdir --import-mode --override-ini")
"""Options that stay, with a value."""
_PLACES = frozenset(("-c", "--config-file", "--confcutdir", "--ignore"))
"""Options whose value is a path."""
_CLUSTER = re.compile("-[xvqsl]{2,}")
_PLUGINS = frozenset(("xdist", "xdist.plugin", "xdist.looponfail", "pytest_cov", "pytest_cov.plugin", "randomly"))
_PLUGINS |= frozenset(("pytest_randomly", "random_order", "rerunfailures", "pytest_rerunfailures", "reportlog"))

OUT = ("xdist", "xdist.looponfail", "pytest_cov", "randomly", "random_order", "rerunfailures")
"""Plugins that run tests elsewhere, in another order, again, or measure what we measure."""


def fitting(arguments: list[str]) -> list[str]:
    """Without what does not fit a run of ours."""
    kept: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, joined, _ = argument.partition("=")
        if argument in _ALONE or (joined and name in _ALONE) or _CLUSTER.fullmatch(argument):
            continue
        if name in _VALUED:
            if not joined:
                next(waiting, None)
        elif argument.startswith(_SHORT) and not argument.startswith("--"):
            continue
        elif argument == "-p":
            plugin = next(waiting, "")
            if plugin.rpartition(":")[2] not in _PLUGINS:
                kept += ["-p", plugin]
        elif argument in _TAKE:
            kept += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        else:
            kept.append(argument)
    return kept


def ours(top: str, cache: str) -> list[str]:
    """What a run of ours says to pytest whatever the project says."""
    line = [part for name in OUT for part in ("-p", "no:" + name)]
    line += ["-q", "--tb=no", "--no-header", "--no-summary", "--color=no", "--show-capture=no"]
    return [*line, "--rootdir=" + top, "-o", "cache_dir=" + cache]


def adapted(arguments: list[str], top: str, *, paths: bool) -> list[str]:
    """The project's, with paths from the root since the process may stand elsewhere.

    Without `paths` there are none that say what to collect.
    """
    line = []
    waiting = iter(fitting(arguments))
    for argument in waiting:
        if argument in _TAKE:
            value = next(waiting, "")
            line += [argument, absolute(value, top) if argument in _PLACES else value]
        elif argument.startswith("-"):
            name, joined, value = argument.partition("=")
            line.append(name + joined + absolute(value, top) if joined and name in _PLACES else argument)
        elif paths:
            line.append(absolute(argument, top))
    return line


def absolute(path: str, top: str) -> str:
    """A path of the tree from the root; a node id's as well. What is none stays as it is."""
    place = os.path.join(top, path.partition("::")[0])
    return os.path.join(top, path) if os.path.exists(place) else path
