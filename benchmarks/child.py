"""Run a command from a small process and write what it used: `python child.py USAGE COMMAND…`.

A process begins with the peak memory of the one that started it: started from here, that is a few megabytes.
"""

import json
import os
import sys


def main(usage: str, *command: str) -> int:
    """Write CPU seconds (of all its children too) and peak megabytes of the largest of them; its exit code."""
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(pid, 0)
    unit = 1 if sys.platform == "darwin" else 1024
    with open(usage, "w", encoding="utf-8") as file:  # noqa: PTH123  pathlib would be a third of this process
        json.dump({"seconds": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss * unit / 1e6}, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
