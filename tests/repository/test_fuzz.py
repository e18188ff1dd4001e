"""What reads foreign bytes takes any: a short walk with the targets of `make fuzz`."""

import pytest

from fuzz.run import by_mutation
from fuzz.targets import TARGETS, Target


class Turns:
    """A clock that ends the walk after so many inputs: three readings for each."""

    def __init__(self, inputs: int) -> None:
        self.left = 3 * inputs

    def __call__(self) -> float:
        self.left -= 1
        return 0.0 if self.left > 0 else 1.0


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_whatever_it_is_fed(name: str) -> None:
    fed, fault = by_mutation(name, TARGETS[name], 0.5, seed=7, clock=Turns(150))
    assert fault == ""
    assert fed > 20


def test_a_reader_that_raises_would_be_noticed() -> None:
    def raises(data: bytes) -> None:
        assert len(data) < 40, "too long for it"

    fed, fault = by_mutation("diff", Target(raises, TARGETS["diff"].seeds), 0.5, seed=7, clock=Turns(500))
    assert "too long for it" in fault
    assert fed < 500
