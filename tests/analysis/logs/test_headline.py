"""The line to read first: the message before its place, its counter, its wrapper, its frames and its rulers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.headlines.learn import AGAINST, FOR, PRIOR
from cicd_agent.analysis.logs import headline
from cicd_agent.analysis.logs.extract import Problem
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.problems import rank
from cicd_agent.analysis.logs.reader import read
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.analysis.logs.score import score_lines

MATCHER = Matcher(load_tools())
PYTEST = """\
=================================== FAILURES ===================================
__________________________________ test_limit __________________________________

    def test_limit():
>       assert str(1) == "abc"
E       AssertionError: assert '1' == 'abc'

tests/test_limit.py:9: AssertionError
=========================== short test summary info ============================
FAILED tests/test_limit.py::test_limit - AssertionErr...
========================= 1 failed, 12 passed in 0.31s =========================
##[error]Process completed with exit code 1.
"""
SYNTAX = """\
Traceback (most recent call last):
  File "/src/app.py", line 3, in <module>
    import limits
  File "/src/limits.py", line 201
    def limit(n)
                ^
SyntaxError: expected ':'
##[error]Process completed with exit code 1.
"""
NODE = """\
node:internal/modules/cjs/loader:936
  throw err;
  ^

Error: Cannot find module './util'
Require stack:
- /src/index.js
    at Object.<anonymous> (/src/index.js:1:1)
    at Module._compile (node:internal/modules/cjs/loader:1105:14)
npm ERR! Test failed.  See above for more details.
##[error]Process completed with exit code 1.
"""
RUST = """\
   Compiling bill v0.1.0 (/src)
error[E0425]: cannot find value `totl` in this scope
  --> src/bill.rs:14:9
   |
14 |     totl
   |     ^^^^ not found in this scope

error: could not compile `bill` due to previous error
##[error]Process completed with exit code 101.
"""
CMAKE = """\
-- The C compiler identification is GNU 12.2.0
CMake Error at /usr/share/cmake/FindPackageHandleStandardArgs.cmake:138 (message):
  Could NOT find Halide (missing: HALIDE_ROOT_DIR HALIDE_LIBRARIES)
Call Stack (most recent call first):
  CMakeLists.txt:3 (find_package)

-- Configuring incomplete, errors occurred!
##[error]Process completed with exit code 1.
"""

SKIPPED = """\
Finished tests in 0.25s.

Skipped:
TestServe#test_reload [test/serve_test.rb:47]:
Refinements are not supported here

Failure:
TestCart#test_sum [test/cart_test.rb:31]:
Expected: 3
  Actual: 4

Skipped:
TestPosts#test_related [test/posts_test.rb:26]:
test disabled, expected a failure

9 tests, 15 assertions, 1 failures, 0 errors, 2 skips
##[error]Process completed with exit code 1.
"""
PASSED_STEP = """\
##[group]Run npm install
##[endgroup]
Error: Cannot find module './db.json'
    at Function.Module._load (module.js:276:25)
npm ERR! shasum check failed for typescript-2.6.1.tgz
added 12 packages
##[group]Run ./script/build
##[endgroup]
E: Failed to fetch http://deb.example.org/Packages  404  Not Found [IP: 192.0.2.7 80]
##[error]Process completed with exit code 1.
"""
PLACES = """\
Build started
  /src/lib/store.js:0:0: /src/node_modules/parser/token.js:56
      throw new Error("Unexpected token");

Error: Unexpected token ILLEGAL
##[error]Process completed with exit code 1.
"""


def first(log: str) -> Problem:
    return reduce([log.encode()], matcher=MATCHER).problems[0]


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (PYTEST, "E       AssertionError: assert '1' == 'abc'"),
        (SYNTAX, "SyntaxError: expected ':'"),
        (NODE, "Error: Cannot find module './util'"),
        (RUST, "error[E0425]: cannot find value `totl` in this scope"),
        (CMAKE, "Could NOT find Halide (missing: HALIDE_ROOT_DIR HALIDE_LIBRARIES)"),
        (PASSED_STEP, "E: Failed to fetch http://deb.example.org/Packages  404  Not Found [IP: 192.0.2.7 80]"),
        (PLACES, "Error: Unexpected token ILLEGAL"),
    ],
)
def test_the_message_comes_before_what_stands_around_it(log: str, message: str) -> None:
    assert first(log).text == message


def test_a_line_that_speaks_for_its_block_keeps_the_blocks_test_place_and_fingerprint() -> None:
    problem = first(PYTEST)
    assert problem.test == "test_limit"
    assert problem.own.strip("_ ") == "test_limit"
    assert problem.first < problem.line <= problem.last
    assert [(frame.path, frame.line) for frame in first(RUST).frames] == [("src/bill.rs", 14)]


def test_a_test_that_was_skipped_is_not_the_one_to_read_first() -> None:
    assert first(SKIPPED).line in range(7, 11)


@pytest.mark.parametrize(
    "text",
    ["Downloading https://example.org/error.tgz", "  at Object.<anonymous> (/src/index.js:1:1)", "src/a.c:3:", "====="],
)
def test_what_says_nothing_is_read_first_only_where_there_is_nothing_else(text: str) -> None:
    assert (
        first(f"{text}\nfatal: bad object\n##[error]Process completed with exit code 1.\n").text == "fatal: bad object"
    )


@pytest.mark.parametrize(
    "text", ["Warning: file is not formatted", "Parsing error: Unexpected token", "Missing semicolon"]
)
def test_a_message_may_begin_with_a_word_that_ends_like_progress(text: str) -> None:
    assert not headline._FORMS["progress"].search(text)


def test_each_weight_is_of_a_feature_that_there_is_and_has_the_sign_that_was_asked_for() -> None:
    weights = headline.weights()
    assert weights
    assert weights.keys() | FOR | AGAINST | PRIOR.keys() <= headline.names()
    assert all(value > 0 if name in FOR else value < 0 for name, value in PRIOR.items())
    assert not FOR & AGAINST
    assert all(weights.get(name, 0) >= 0 for name in FOR)
    assert all(weights.get(name, 0) <= 0 for name in AGAINST)


@given(st.lists(st.sampled_from([*PYTEST.splitlines(), *NODE.splitlines(), "", "x", "retrying"]), max_size=40))
def test_a_candidate_is_a_line_with_text_and_has_known_features(texts: list[str]) -> None:
    lines = list(read(["\n".join(texts).encode()]))
    blocks = list(MATCHER.blocks(lines))
    scores = score_lines(lines, blocks, None, frozenset())
    ranked = rank(lines, blocks, scores, None)
    found = headline.candidates(lines, blocks, scores, ranked)
    assert all(lines[index].text.strip() for index, _ in found)
    assert all(features.keys() <= headline.names() for _, features in found)
    chosen = headline.headline(lines, blocks, scores, ranked)
    assert chosen is None or chosen in dict(found)
