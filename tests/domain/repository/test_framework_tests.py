"""Which texts are tests, whatever their names: by the framework that they name, and by what they define most."""

import pytest

from cicd_agent.domain.repository.framework_tests import holds_tests
from cicd_agent.domain.repository.paths import PathKind, kinds

_PYTEST = "import pytest\n\n\nclass TestSum:\n    def test_one(self):\n        assert 1 == 1\n"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("collect.py", _PYTEST, True),
        ("collect.py", _PYTEST + "\n\ndef sum_of(a): ...\n\n\nclass Sum: ...\n", False),
        ("plugin.py", "import pytest\n\n\ndef pytest_collect_file(path): ...\n", False),
        ("client.py", "from unittest import mock\n\n\nclass Client:\n    def test_connection(self): ...\n", False),
        ("pool.py", "def test_connection(pool): ...\n", False),
        ("sum.ts", "import { sum } from './sum'\ndescribe('sum', () => {\n  it('adds', () => {})\n})\n", True),
        ("sum.ts", "export const describe = (a) => a\nexport function test(a) {}\n", False),
        ("Sum.kt", "import org.junit.jupiter.api.Test\nclass Sums {\n  @Test\n  fun adds() {}\n}\n", True),
        ("Sums.cs", "using Xunit;\npublic class Sums {\n  [Fact]\n  public void Adds() {}\n}\n", True),
        ("sums.rb", "RSpec.describe Sum do\n  it 'adds' do\n  end\nend\n", True),
        ("Sums.php", "class Sums extends TestCase {\n  public function testAdds() {}\n}\n", True),
        ("sums.cc", "#include <gtest/gtest.h>\nTEST(Sum, Adds) {}\n", True),
        ("sums.swift", "import XCTest\nclass Sums: XCTestCase {\n  func testAdds() {}\n}\n", True),
        ("sums.dart", "import 'package:test/test.dart';\nvoid main() {\n  test('adds', () {});\n}\n", True),
        ("sums.exs", 'defmodule Sums do\n  use ExUnit.Case\n  test "adds" do\n  end\nend\n', True),
        ("sums.md", _PYTEST, False),
        ("sums.py", "", False),
    ],
)
def test_tests_are_known_by_their_framework(name: str, text: str, *, expected: bool) -> None:
    assert holds_tests(f"checks/{name}", text) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("integration_tests/conf.py", True),
        ("src/Shop.Tests/Cart.cs", True),
        ("app/src/androidTest/kotlin/A.kt", True),
        ("src/sum_tests.py", True),
        ("test/sum.bats", True),
        ("django/test/client.py", False),
        ("numpy/testing/utils.py", False),
        ("src/contests/a.py", False),
    ],
)
def test_conventions_of_names_are_enough(path: str, *, expected: bool) -> None:
    assert (PathKind.TEST in kinds(path)) is expected
