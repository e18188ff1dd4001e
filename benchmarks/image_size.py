"""What the image is made of: its size by parts, largest first, from the files themselves."""

import argparse
import re
import subprocess
import tarfile
from collections import Counter

PACKAGE = re.compile(r".*/site-packages/([^/]+)")


def part(name: str) -> str:
    """What a file belongs to: a Python package, else its folder."""
    if found := PACKAGE.match(name):
        return found[1]
    return "/".join(name.split("/")[:3])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default="cicd-agent")
    parser.add_argument("--engine", default="docker")
    asked = parser.parse_args()
    made = subprocess.run(
        [asked.engine, "create", "--network=none", asked.image], check=True, capture_output=True, text=True
    )
    container = made.stdout.strip()
    sizes: Counter[str] = Counter()
    files = 0
    try:
        with (
            subprocess.Popen([asked.engine, "export", container], stdout=subprocess.PIPE) as exported,
            tarfile.open(fileobj=exported.stdout, mode="r|") as archive,
        ):
            for member in archive:
                sizes[part(member.name)] += member.size
                files += 1
    finally:
        subprocess.run([asked.engine, "rm", "--force", container], check=True, capture_output=True)
    print(f"{asked.image}: {sizes.total() / 1e6:.1f} MB in {files} files and folders; of that")
    for name, size in sizes.most_common(15):
        print(f"  {size / 1e6:6.1f} MB  {name}")


if __name__ == "__main__":
    main()
