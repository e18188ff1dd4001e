"""The tests that failed in a log: how many, and which of them failed alike."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from cicd_agent.analysis.logs.extract import AlikeTests, FailedTest, FailedTests
from cicd_agent.analysis.logs.matcher import Block
from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.template import coarse_template
from cicd_agent.analysis.logs.test_results import FailedCounts
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.domain.text.words import clip

_FORMS = load_patterns(__package__, "failed_tests")
_CUT = ("...", "…")
_SHOWN = 3
_MAX_MESSAGE, _MAX_NAME = 300, 300
_MAX_NAMES = 5_000
"""Names that are kept, so that the tests of several jobs can be told apart."""
_MAX_TITLE_LINES = 4

Listing = Mapping[str, FailedTest]


def failed_tests(lines: Sequence[Line], blocks: Sequence[Block], counts: FailedCounts) -> FailedTests:
    """Of a log, by its runners' sums and the tests that it lists, each once however often it is named."""
    listings: dict[str, dict[str, FailedTest]] = defaultdict(dict)
    for block in (block for block in blocks if "test" in block.groups):
        for key, test in _read(block, lines):
            known = listings[block.message.start].get(key)
            if known is None or (not known.message and test.message):
                listings[block.message.start][key] = test
    best: Listing = max(listings.values(), key=_worth, default={})
    total = counts.total(len(best))
    tests = tuple(_with_messages(best, listings.values()))
    # What some other tool lists is no proof that as many tests failed as it names.
    return FailedTests(total, tuple(each.name for each in tests[:_MAX_NAMES]), tuple(alike(tests[:_MAX_NAMES])))


def _worth(listing: Listing) -> tuple[int, int]:
    return len(listing), sum(bool(each.message) for each in listing.values())


def _read(block: Block, lines: Sequence[Line]) -> Iterator[tuple[str, FailedTest]]:
    """The tests of a message, each with the key by which it is known again in messages of the same form."""
    number, name = lines[block.headline].number, block.groups["test"]
    within = [line.text for line in lines[block.first : block.last + 1]]
    if _FORMS["go"].match(within[0]):
        yield from _subtests(within, number)
        return
    start = next((at for at, text in enumerate(within) if name in text), 0)
    key = _FORMS["time"].sub("", name)
    if numbered := _FORMS["numbered"].match(within[start]):
        # Mocha writes the suite behind the number, and the test below it.
        key = f"{numbered[0]}{key}"
        name = " ".join([name, *_title(within[start + 1 : start + 1 + _MAX_TITLE_LINES])])
    yield key, _test(_FORMS["time"].sub("", name).rstrip(":"), _message(within[start:]), number)


def _test(name: str, message: str, number: int) -> FailedTest:
    return FailedTest(clip(name, _MAX_NAME), clip(message, _MAX_MESSAGE), number)


def _subtests(within: Sequence[str], number: int) -> Iterator[tuple[str, FailedTest]]:
    """Those of a test of Go, or the test itself where it has none."""
    names = [(at, match["name"]) for at, text in enumerate(within) if (match := _FORMS["go"].match(text))]
    parents = {name.rpartition("/")[0] for _, name in names if name}
    for (at, name), (end, _) in pairwise([*names, (len(within), "")]):
        if name and name not in parents:
            yield name, _test(name, _message(within[at:end]), number + at)


def _title(below: Sequence[str]) -> Iterator[str]:
    end = next((at for at, text in enumerate(below) if text.rstrip().endswith(":") and text.startswith("  ")), -1)
    if end >= 0 and all(text.strip() and not _FORMS["error"].match(text) for text in below[: end + 1]):
        yield from (text.strip() for text in below[: end + 1])


def _message(texts: Sequence[str]) -> str:
    """What is said of a test that failed, in one line."""
    if summary := _FORMS["summary"].match(texts[0]):
        return summary["message"]
    below = texts[1:]
    if marked := next((text for text in below if text.startswith("E  ")), ""):
        return marked[1:].strip()
    errors = [at for at, text in enumerate(below) if _FORMS["error"].match(text)]
    if errors:
        # Of a chain of Python's exceptions the last is what the test ended with; elsewhere the first is.
        at = errors[-1] if any(text.startswith("Traceback ") for text in below) else errors[0]
        return _with_next(below, at)
    said = (at for at, text in enumerate(below) if text.strip() and not _FORMS["silent"].match(text))
    at = next(said, -1)
    return _FORMS["place"].sub("", _with_next(below, at)) if at >= 0 else ""


def _with_next(texts: Sequence[str], at: int) -> str:
    """The line, with the one below it where it only leads to that: `Errno::ECONNREFUSED:`."""
    text = texts[at].strip()
    if (panic := _FORMS["panic"].search(text)) and panic["message"]:
        return panic["message"]
    next_ = next((at for at in range(at + 1, min(at + 4, len(texts))) if texts[at].strip()), None)
    if next_ is None:
        return text
    if _FORMS["label"].match(text):
        return _with_next(texts, next_)
    following = texts[next_].strip()
    if panic:
        return following
    return f"{text} {following}" if text.endswith(":") else text


def _with_messages(best: Listing, listings: Iterable[Listing]) -> Iterator[FailedTest]:
    """The tests, each with the longest message that any form gives it: a summary is cut to the width of a terminal."""
    whole: dict[str, list[str]] = defaultdict(list)
    for listing in listings:
        if listing is not best:
            for each in listing.values():
                if each.message and not each.message.endswith(_CUT):
                    whole[_short(each.name)].append(each.message)
    for test in best.values():
        if test.message and not test.message.endswith(_CUT):
            yield test
        else:
            found = whole.get(_short(test.name), [])
            beginning = test.message.removesuffix("...").removesuffix("…")
            same = next((at for at, message in enumerate(found) if message.startswith(beginning)), -1)
            # Each is used once: tests of the same name in two files have reports in the same order.
            yield FailedTest(test.name, found.pop(same) if same >= 0 else test.message, test.line)


def _short(name: str) -> str:
    head, bracket, parameters = name.partition("[")
    return re.split(r"::|\s[>›]\s|[./#\\]", head.partition(" (")[0])[-1] + bracket + parameters


def alike(tests: Sequence[FailedTest]) -> Iterator[AlikeTests]:
    """Those that say the same but for ids, addresses and numbers, the most frequent first; at least two of each."""
    whole: dict[str, list[FailedTest]] = defaultdict(list)
    cut: list[FailedTest] = []
    for test in tests:
        if test.message.endswith(_CUT):
            cut.append(test)
        elif test.message:
            whole[coarse_template(test.message)].append(test)
    for test in cut:
        beginning = test.message.rstrip(".…")
        key = next((key for key, group in whole.items() if group[0].message.startswith(beginning)), "")
        # Of what is left of a line, the exception is all that can be compared.
        whole[key or f"{test.message.partition(':')[0]}:"].append(test)
    groups = sorted(whole.values(), key=lambda group: -len(group))
    for group in groups:
        if len(group) > 1:
            yield AlikeTests(group[0].message, len(group), tuple(group[:_SHOWN]))
