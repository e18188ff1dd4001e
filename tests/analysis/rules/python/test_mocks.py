import ast

import pytest

from cicd_agent.analysis.rules.run import findings
from tests.support.samples.changes import change_of

START = "from unittest.mock import patch\nfrom shop import prices, rates\nfrom shop.prices import total\n\n\n"


def ids(text: str, path: str = "tests/test_prices.py") -> list[str]:
    ast.parse(START + text)
    return [found.id for found in findings(change_of((path, None, START + text)))]


@pytest.mark.parametrize(
    "body",
    [
        "    with patch('shop.prices.total', return_value=42):\n        assert prices.total([1]) == 42\n",
        "    with patch.object(prices, 'total') as x:\n        x.return_value=1\n        assert prices.total(1)\n",
        "    mocker.patch('shop.prices.total')\n    result = prices.total([1])\n    assert result == 42\n",
        "    monkeypatch.setattr(prices, 'total', lambda _: 42)\n    self.assertEqual(prices.total([1]), 42)\n",
    ],
)
def test_a_test_of_its_own_mock_is_found(body: str) -> None:
    assert ids(f"def test_total(self, mocker, monkeypatch):\n{body}") == ["mock-of-subject"]
    assert ids(f"def total(self, mocker, monkeypatch):\n{body}") == []


@pytest.mark.parametrize(
    "body",
    [
        "    with patch('shop.rates.rate', return_value=42):\n        assert prices.total([1]) == 42\n",
        "    with patch('shop.prices.total', return_value=42):\n        assert total([1]) == 42\n",
        "    with patch('shop.prices.total', return_value=42):\n        prices.total([1])\n",
        "    with patch('shop.prices.total', return_value=42):\n        assert rates.of(prices.total([1])) == 42\n",
        "    with patch('time.time', return_value=42):\n        assert time.time() == 42\n",
    ],
)
def test_a_test_that_calls_the_product_is_left_alone(body: str) -> None:
    assert ids(f"import time\n\n\ndef test_total():\n{body}") == []
