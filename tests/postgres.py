"""A PostgreSQL to test on: the one that SERVICEMAP_TEST_POSTGRESQL_URL names (as a superuser), else a
cluster of the suite's own that lives as long as the session."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

OLDEST = 15
ABSENT = (
    f"PostgreSQL {OLDEST} 以上不在这台机器上：装上它，或在 SERVICEMAP_TEST_POSTGRESQL_URL 里给出一个"
    "超级用户的地址，这一项才会测"
)


@contextmanager
def server() -> Iterator[str | None]:
    """The URL of a server's maintenance database; None where there's no PostgreSQL."""
    given = os.environ.get("SERVICEMAP_TEST_POSTGRESQL_URL")
    programs = _programs()
    if given or programs is None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="servicemap-postgresql-"))  # a short path: a socket's has a limit
    user = _unprivileged()
    try:
        if user:
            shutil.chown(folder, user)
        with _cluster(programs, folder, user):
            yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _cluster(programs: Path, folder: Path, user: str | None) -> Iterator[None]:
    data = folder / "data"
    flags = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
    subprocess.run(
        [programs / "initdb", "-D", data, *flags], user=user, cwd=folder, check=True, capture_output=True
    )
    quick = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
    settings = (*quick, "listen_addresses=", f"unix_socket_directories={folder}", "max_connections=40")
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *(f"-c{setting}" for setting in settings)],
            user=user, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _await(f"postgresql://postgres@/postgres?host={folder}", process, folder / "log")
        yield
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
        process.wait(30)


def _await(url: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")


def _programs() -> Path | None:
    """The folder of initdb and postgres, new enough."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            words = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
            if int(words.stdout.split()[2].split(".")[0]) >= OLDEST:
                return folder
    return None


def _unprivileged() -> str | None:
    """Whom to be when we are root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def create_database(server_url: str, name: str, template: str = "template0") -> str:
    """Make a database like `template` and return its URL."""
    _on(server_url, f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, name: str) -> None:
    _on(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _on(server_url: str, statement: str) -> None:
    with closing(psycopg.connect(server_url, autocommit=True)) as connection:
        connection.execute(statement)
