from unittest.mock import patch

from billing.invoices import pages_of


def test_pages_end_with_the_one_that_is_not_full():
    with patch("billing.invoices.invoices_of", side_effect=[["a", "b"], ["c"]]) as read:
        assert list(pages_of(None, 7, size=2)) == [["a", "b"], ["c"]]
    assert [call.args[2] for call in read.call_args_list] == [1, 2]
