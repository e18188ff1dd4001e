# project: relay
# path: relay/machine.py
# function: workers
# kind: another machine
# falls: stable

from relay.machine import workers


def test_as_many_as_there_are_processors():
    assert workers(0) == PROCESSORS_HERE
    assert workers(4) == 4
