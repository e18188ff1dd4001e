from tally import parse_amount, total


def test_total_adds():
    assert total([1, 2, 3]) == 6


def test_total_of_nothing():
    assert total([]) == 0


def test_parse_amount_reads_cents():
    assert parse_amount("12.34") == 1234
