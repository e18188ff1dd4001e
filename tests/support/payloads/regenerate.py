"""Makes examples.json.gz out of the npm package @octokit/webhooks-examples: run it as a program."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@octokit/webhooks-examples@7.6.1"
TARGET = Path(__file__).with_name("examples.json.gz")
DROPPED = ("url", "node_id", "gravatar_id", "email")
"""Ends of the keys left out: nobody reads them, they are two thirds of the bytes, and addresses belong to people."""


def trimmed(value: object) -> object:
    if isinstance(value, dict):
        return {key: trimmed(item) for key, item in value.items() if not key.endswith(DROPPED)}
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return value


def examples(package: bytes) -> dict[str, list[object]]:
    """Every different example of every host (github.com and the enterprise servers), by event name."""
    found: dict[str, dict[str, object]] = {}
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for member in sorted(archive.getnames()):
            if member.endswith("/index.json") and (file := archive.extractfile(member)):
                for event in json.load(file):
                    for payload in map(trimmed, event["examples"]):
                        found.setdefault(event["name"], {})[json.dumps(payload, sort_keys=True)] = payload
    return {name: list(payloads.values()) for name, payloads in sorted(found.items())}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).glob("*.tgz")
        found = examples(package.read_bytes())
    text = json.dumps({"source": PACKAGE, "examples": found}, separators=(",", ":"), ensure_ascii=True)
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    count = sum(map(len, found.values()))
    sys.stdout.write(f"{count} examples of {len(found)} events, {TARGET.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
