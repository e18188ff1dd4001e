"""One test is called differently by each tool, and by the same tool in each of its lines: whether two names are one."""

import re

_UNITTEST = re.compile(r"^(\w+) \(([\w.]+)\)$")
_BETWEEN = re.compile(r"::|\s[>›]\s|[/\\.#$]|\s-\s")
_LONGEST = 500


def parts(test: str) -> tuple[str, ...]:
    """What the name is made of, the test itself last: `tests/test_x.py::TestY::test_z[1]`, `test_z (test_x.TestY)`."""
    name, bracket, parameters = test[:_LONGEST].strip().partition("[")
    if match := _UNITTEST.match(name.strip()):
        inner = match[2].split(".")
        return (*inner, *([] if inner[-1] == match[1] else [match[1]]))
    found = [part.strip() for part in _BETWEEN.split(name)]
    found = [part for part in found if part and part != "py"]
    if found and bracket:
        found[-1] = f"{found[-1]}[{parameters}"
    return tuple(found)


def same(one: str, other: str) -> bool:
    """Whether one name is the end of the other: the shorter one leaves the file or the class out."""
    short, long = sorted((parts(one), parts(other)), key=len)
    return bool(short) and long[-len(short) :] == short


def base(job: str) -> str:
    """A job's name without the values of its matrix: `unit` of `unit (3.12, ubuntu)`."""
    return job.partition(" (")[0].strip() or job
