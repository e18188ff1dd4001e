"""Builds the image with Docker or Podman, judges its size, and writes its bill of materials beside it.

The wheels are fetched first, by their hashes and in a container of the base: the build itself needs no package index.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / ".cicd-agent/image"
WHEELS = ROOT / "image/wheels"
LOCKS = ("requirements.lock", "requirements-fleet.lock")
LOCAL_BASE = "cicd-agent-base"
BASE_PACKAGES = "python3,python3-venv,git,ca-certificates"
SBOM = "/usr/share/cicd-agent/sbom.cdx.json"
MOST_BYTES = 200_000_000
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


class NotBuilt(Exception):
    """Why there is no image, in one line."""


@dataclass(frozen=True)
class Engine:
    """`docker` or `podman`, which take the same arguments."""

    program: str

    def run(self, *arguments: str, network: str = "none") -> list[str]:
        """The command that runs something in a container, and removes that."""
        return [self.program, "run", "--rm", f"--network={network}", *arguments]

    def has(self, image: str) -> bool:
        """Whether an image is on this machine."""
        return not quiet([self.program, "image", "inspect", image])[0]


def quiet(command: Sequence[str]) -> tuple[int, str]:
    """Exit code of a program, and what it printed or why it failed."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()


def must(command: Sequence[str], what: str, env: Mapping[str, str] | None = None) -> None:
    """Run a program whose words the reader sees, or say what did not work."""
    if code := subprocess.run(command, check=False, env=env).returncode:
        raise NotBuilt(f"{what} failed (exit {code}); its words stand above")


def engine() -> Engine:
    """What can build here. Raises NotBuilt."""
    for program in ("docker", "podman"):
        if shutil.which(program) and not quiet([program, "info"])[0]:
            return Engine(program)
    raise NotBuilt("neither Docker nor Podman answers here. Start one of them.")


def base(builder: Engine, wanted: str) -> str:
    """The base to build on: the one named, else the public one, else one made here where no registry can be reached."""
    if wanted:
        return wanted
    public = public_base()
    if builder.has(public) or not quiet([builder.program, "pull", public])[0]:
        return public
    if builder.has(LOCAL_BASE):
        return LOCAL_BASE
    archive = MADE / "base.tar"
    if not archive.exists():
        if not shutil.which("mmdebstrap"):
            raise NotBuilt("no registry can be reached, and mmdebstrap is not there. Install it, or name a BASE.")
        print("==> a base of Debian's packages", flush=True)
        part = archive.with_suffix(".part.tar")
        options = ["--quiet", "--variant=minbase", f"--include={BASE_PACKAGES}"]
        must(["mmdebstrap", *options, suite(), str(part)], "mmdebstrap")
        part.rename(archive)
    must([builder.program, "import", str(archive), LOCAL_BASE], "the import of the base")
    return LOCAL_BASE


def public_base() -> str:
    """What the Dockerfile names, by its digest in the commit of a release."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    return next(line.removeprefix("ARG PYTHON_IMAGE=") for line in lines if line.startswith("ARG PYTHON_IMAGE="))


def suite() -> str:
    """The release of Debian to take: this machine's own, or the one whose Python is new enough for sure."""
    lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return fields["VERSION_CODENAME"] if fields.get("ID") == "debian" and "VERSION_CODENAME" in fields else "bookworm"


def fetch(builder: Engine, image: str, lock: str, network: str) -> None:
    """Fetch the locked wheels for the Python of the base, with this machine's own trust in its network."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    WHEELS.mkdir()
    trust = ["--volume", f"{AUTHORITIES}:{AUTHORITIES}:ro"] if AUTHORITIES.exists() else []
    proxies = [part for name in os.environ if name.lower().endswith("_proxy") for part in ("--env", name)]
    pip = (
        "python3 -m venv /tmp/venv && /tmp/venv/bin/python -m pip --quiet --disable-pip-version-check download"
        f" --require-hashes --only-binary :all: --dest /wheels --requirement /{lock}"
    )
    mounts = ["--volume", f"{WHEELS}:/wheels", "--volume", f"{ROOT / lock}:/{lock}:ro"]
    variables = ["--env", f"PIP_CERT={AUTHORITIES}"] if trust else []
    inside = [*trust, *proxies, *variables, *mounts, "--entrypoint", "/bin/sh", image, "-c", pip]
    must(builder.run(*inside, network=network), "the download of the wheels")


def labels() -> dict[str, str]:
    """What only this checkout knows of itself."""
    source = (ROOT / "src/cicd_agent/__init__.py").read_text("utf-8")
    version = source.split('__version__ = "')[1].split('"')[0]
    code, commit = quiet(["git", "-C", str(ROOT), "rev-parse", "HEAD"])
    return {"VERSION": version, "REVISION": "" if code else commit}


def unpacked(builder: Engine, image: str) -> int:
    """Bytes of the image's files. What an engine says of its size may be that of the compressed layers."""
    code, container = quiet([builder.program, "create", "--network=none", image])
    if code:
        raise NotBuilt(f"no container can be made of {image} ({container})")
    try:
        with (
            subprocess.Popen([builder.program, "export", container], stdout=subprocess.PIPE) as exported,
            tarfile.open(fileobj=exported.stdout, mode="r|") as archive,
        ):
            count = sum(member.size for member in archive)
        if exported.returncode:
            raise NotBuilt("the files of the image could not be read")
        must(
            [builder.program, "cp", f"{container}:{SBOM}", str(MADE / "sbom.cdx.json")], "reading the bill of materials"
        )
    finally:
        quiet([builder.program, "rm", "--force", container])
    return count


def build(tag: str, lock: str, wanted: str, network: str) -> None:
    """The whole work."""
    builder = engine()
    MADE.mkdir(parents=True, exist_ok=True)
    image = base(builder, wanted)
    print(f"==> {tag} on {image}, by {builder.program}", flush=True)
    try:
        fetch(builder, image, lock, network)
        arguments = {"PYTHON_IMAGE": image, "LOCK": lock, "WHEELS": WHEELS.name, **labels()}
        # The base that is made here has all that it takes: its build proves that nothing else is fetched.
        must(
            [
                *(builder.program, "build", f"--network={'none' if image == LOCAL_BASE else network}", "--tag", tag),
                *(part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")),
                str(ROOT),
            ],
            "the build",
        )
    finally:
        shutil.rmtree(WHEELS, ignore_errors=True)
    size = unpacked(builder, tag)
    parts = len(json.loads((MADE / "sbom.cdx.json").read_text("utf-8"))["components"])
    print(f"{tag}: {size / 1e6:.0f} MB unpacked, {parts} components in {MADE.relative_to(ROOT)}/sbom.cdx.json")
    if size > MOST_BYTES:
        raise NotBuilt(f"the image is larger than {MOST_BYTES / 1e6:.0f} MB. See benchmarks/image_size.py for why.")


def main() -> int:
    """Exit code: 0, or 1 with the reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default="cicd-agent")
    parser.add_argument("--lock", default="requirements-fleet.lock", choices=LOCKS)
    parser.add_argument("--base", default="", help="image to build on, best by its digest")
    parser.add_argument("--network", default="default", help="network of the download, and of a build on another base")
    asked = parser.parse_args()
    try:
        build(asked.tag, asked.lock, asked.base, asked.network)
    except (NotBuilt, OSError) as problem:
        print(f"image: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
