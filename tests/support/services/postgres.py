"""A PostgreSQL server that lives as long as the tests of one process, and a database of its own for whoever asks."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")
_USERS = ("postgres", "nobody")
_SHARED = "shared"
# Nothing of it outlives the tests: it need not wait for the disk. What is killed in them is never the server.
_SETTINGS = {
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "listen_addresses": "",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


class NoServerError(Exception):
    """PostgreSQL is not installed here, or does not start; says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, which listens on a socket in its folder; everybody on this machine may be its superuser."""

    folder: Path
    programs: Path

    def url(self, database: str, user: str = "postgres", password: str = "") -> str:
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@/{database}?host={self.folder}"

    def schema(self) -> str:
        """The URL of a new and empty schema: as good as a database of its own, and made at once."""
        name = f"t{secrets.token_hex(6)}"
        url = self.url(_SHARED)
        self.run(f"CREATE SCHEMA {name}", url=url)
        return f"{url}&options=-csearch_path%3D{name}"

    def database(self, name: str) -> str:
        """The URL of a new and empty database, which sorts words as people do where the server can."""
        new = f"CREATE DATABASE {name} TEMPLATE template0"
        try:
            self.run(f"{new} LOCALE_PROVIDER icu ICU_LOCALE 'en'")
        except psycopg.Error:
            self.run(new)
        return self.url(name)

    def run(self, *statements: str, url: str = "") -> list[tuple[object, ...]]:
        """What the last of them returns."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            found: list[tuple[object, ...]] = []
            for statement in statements:
                cursor = connection.execute(statement.encode())
                found = cursor.fetchall() if cursor.description else []
            return found

    def halt(self) -> None:
        _run([self.programs / "pg_ctl", "stop", "-D", self.folder / "data", "-m", "immediate"], self.folder)

    def resume(self) -> None:
        log = self.folder / "log"
        _run([self.programs / "pg_ctl", "start", "-D", self.folder / "data", "-w", "-t", "30", "-l", log], self.folder)

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)


def start(*settings: str) -> Server:
    """Begin one, with more settings (`name=value`). Raises NoServerError."""
    programs = _programs()
    # The path of a socket may have some hundred characters, and not one more.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = Server(folder, programs)
    try:
        if os.geteuid() == 0:
            os.chown(folder, *_other())
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], folder)
        told = [f"{name}={value}" for name, value in _SETTINGS.items()] + list(settings)
        with (data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, _, value in (each.partition("=") for each in told))
            file.write(f"unix_socket_directories = '{folder}'\n")
        server.resume()
        server.database(_SHARED)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server


def _run(command: Sequence[str | Path], folder: Path) -> None:
    """Not as root, under which the server refuses to run."""
    root = os.geteuid() == 0
    user, group = _other() if root else (None, None)
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        user=user,
        group=group,
        extra_groups=[] if root else None,
    )
    if done.returncode:
        raise NoServerError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-500:]}")


def _programs() -> Path:
    """Where they are: Debian does not put them on the PATH."""
    for place in (shutil.which("initdb"), *(str(p) for top in _PLACES for p in sorted(Path(top).glob("*/bin/initdb")))):
        if place and (Path(place).parent / "pg_ctl").exists():
            return Path(place).resolve().parent
    raise NoServerError("PostgreSQL is not installed")


def _other() -> tuple[int, int]:
    for name in _USERS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise NoServerError("no user but root is there to run PostgreSQL")
