"""The command line."""

import sys

from courier.route import Route


def main(argv=None):
    """Print the stops of a route, from the last one with `--back`; 2 when there are none."""
    words = sys.argv[1:] if argv is None else argv
    back = "--back" in words
    stops = [name for name, _ in Route([(word, 0) for word in words if word != "--back"]).stops]
    if not stops:
        print("no stops", file=sys.stderr)
        return 2
    for name in reversed(stops) if back else stops:
        print(name)
    return 0
