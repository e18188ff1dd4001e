"""The arguments for pytest: the project's own, less what needs another runner or writes into the tree."""

from __future__ import annotations

import os
import re
import shlex

from .protocol import read_table

_TABLE = read_table("options")
_DROPPED, _VALUED, _OPTIONAL, _RETAINED, _WITH_PATH = (
    frozenset(" ".join(_TABLE[kind]).split())
    for kind in ("without_value", "with_value", "optional_value", "retained", "with_path")
)
"""Options that do not fit, without a value and with one, which may follow as an argument; and those that stay."""
_SHORT = ("-n", "-r")
"""Options whose value may follow at once."""
_CLUSTER = re.compile("-[xvqsl]+")
_PLUGINS = re.compile(
    r"(?:no:)?(?:xdist|cov|pytest_cov|(?:pytest_)?randomly|random_order|(?:pytest_)?rerunfailures|reportlog"
    r"|cacheprovider|terminal)\b.*"
)

OUT = ("xdist", "xdist.looponfail", "pytest_cov", "randomly", "random_order", "rerunfailures")
"""Plugins that run tests elsewhere, in another order, again, or measure what we measure."""


def fitting(arguments: list[str]) -> list[str]:
    """Without what does not fit a run of ours."""
    retained: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, joined, _ = argument.partition("=")
        if argument == "--":
            return [*retained, argument, *rest]
        if argument in {"-p", "-o", "--override-ini"} and rest:
            value = _fitting_value(argument, rest.pop(0))
            retained += [argument, value] if value else []
        elif argument.startswith("-p") and not argument.startswith("--"):
            retained += [argument] if _fitting_value("-p", argument[2:]) else []
        elif argument in _RETAINED:
            retained += [argument, *rest[:1]]
            del rest[:1]
        elif name in _VALUED:
            if not joined and not (name in _OPTIONAL and rest and rest[0].startswith("-")):
                del rest[:1]
        elif not (
            name in _DROPPED or argument.startswith(_SHORT) or name.startswith("--cov-") or _CLUSTER.fullmatch(argument)
        ):
            retained.append(argument)
    return retained


def _fitting_value(option: str, value: str) -> str:
    """The value of -p or -o, "" where it is ours to decide."""
    if option == "-p":
        return "" if _PLUGINS.fullmatch(value) else value
    name, _, text = value.partition("=")
    if name.strip() != "addopts":
        return value
    try:
        words = fitting(shlex.split(text))
    except ValueError:
        return ""
    return "addopts=" + shlex.join(words)


def ours(top: str, cache: str) -> list[str]:
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
        if argument in _RETAINED:
            value = next(waiting, "")
            line += [argument, absolute(value, top) if argument in _WITH_PATH else value]
        elif argument.startswith("-"):
            name, joined, value = argument.partition("=")
            line.append(name + joined + absolute(value, top) if joined and name in _WITH_PATH else argument)
        elif paths:
            line.append(absolute(argument, top))
    return line


def absolute(path: str, top: str) -> str:
    """A path of the tree from the root; a node id's as well. What is none stays as it is."""
    location = os.path.join(top, path.partition("::")[0])
    return os.path.join(top, path) if os.path.exists(location) else path
