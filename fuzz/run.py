"""Feeds each target for so long: by atheris where it is installed, else by mutations of the seeds, and says which."""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from fuzz.targets import MOST_BYTES, TARGETS, Target  # noqa: E402  after the path is set

PIECES = (
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"{",
    b"[",
    b'"',
    b"\\u0000",
    b"@@ -1 +1 @@\n",
    b"::",
    b"##[",
    b"<",
    b"&",
    b"1e999",
    b"-",
)


def changed(random: Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, cut, doubled, spliced and spoilt in a few places."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, 8)):
        at, end = sorted(random.randint(0, len(data)) for _ in range(2))
        match random.randint(0, 5):
            case 0:
                del data[at:end]
            case 1:
                data[at:at] = data[at:end] * random.randint(1, 4)
            case 2:
                data[at:at] = random.choice(PIECES) * random.choice((1, 1, 1, 50))
            case 3:
                data[at:end] = random.randbytes(min(end - at, 16))
            case 4:
                data[at:at] = random.choice(seeds)[: end - at]
            case _ if at < len(data):
                data[at] ^= 1 << random.randint(0, 7)
    return bytes(data[:MOST_BYTES])


def by_mutation(
    name: str, target: Target, seconds: float, seed: int, clock: Callable[[], float] = time.monotonic
) -> tuple[int, str]:
    """How many texts it was fed, and what went wrong; "" if nothing did."""
    random, end, fed = Random(seed), clock() + seconds, 0
    while clock() < end:
        data = changed(random, target.seeds)
        begun = clock()
        try:
            target.feed(data)
        except (Exception, RecursionError) as error:  # noqa: BLE001  whatever it is, it is what we look for
            return fed, f"{type(error).__name__}: {str(error)[:200]}; {kept(name, data)}"
        if (took := clock() - begun) > 10:  # noqa: PLR2004  an input of 100 kB
            return fed, f"{took:.0f} s for {len(data):,} bytes; {kept(name, data)}"
        fed += 1
    return fed, ""


def kept(name: str, data: bytes) -> str:
    """Where the input that did it can be found."""
    file = Path(tempfile.mkdtemp(prefix="cicd-agent-fuzz-")) / name
    file.write_bytes(data)
    return str(file)


def by_atheris(name: str, seconds: int) -> str:
    """The last lines of atheris, which ends its process; "" if it found nothing."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(TARGETS[name].seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        command = [
            sys.executable,
            str(ROOT / "fuzz/guided.py"),
            name,
            f"-max_total_time={seconds}",
            f"-max_len={MOST_BYTES}",
        ]
        told = subprocess.run(
            [*command, "-timeout=20", corpus], cwd=corpus, capture_output=True, text=True, check=False
        )
    print("\n".join(line for line in told.stderr.splitlines() if line.startswith("Done")))
    return "" if told.returncode == 0 else told.stderr[-3_000:]


def main(arguments: Sequence[str]) -> int:
    """Feed all targets or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations, where there is no atheris")
    asked = parser.parse_args(arguments)
    found = importlib.util.find_spec("atheris") is not None
    print("driver: atheris" if found else "driver: mutations of seeds, since atheris is not installed")
    faults = 0
    for name in asked.targets or TARGETS:
        print(f"{name}: ", end="", flush=True)
        if found:
            fault = by_atheris(name, asked.seconds)
        else:
            fed, fault = by_mutation(name, TARGETS[name], asked.seconds, asked.seed)
            print(f"{fed:,} inputs")
        if fault:
            faults += 1
            print(f"  FAULT {fault}")
    print(f"faults: {faults}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
