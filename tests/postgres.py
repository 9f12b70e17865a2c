"""A PostgreSQL to test on: the one that SERVICEMAP_TEST_POSTGRESQL_URL names (as a superuser), else a
cluster of the suite's own that lives as long as the session, in memory where there is enough: a database for
each test is hundreds of small files. The benchmark makes its own here too, on the disk."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

OLDEST = 15
ABSENT = (
    f"PostgreSQL {OLDEST} 以上不在这台机器上：装上它，或在 SERVICEMAP_TEST_POSTGRESQL_URL 里给出一个"
    "超级用户的地址，这一项才会测"
)


QUICK = {
    "max_connections": "40",
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "256MB",
}
MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3  # bytes that a session may fill


@contextmanager
def server() -> Iterator[str | None]:
    """The URL of a server's maintenance database; None where there's no PostgreSQL."""
    if given := os.environ.get("SERVICEMAP_TEST_POSTGRESQL_URL"):
        yield given
        return
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    with cluster(QUICK, within=MEMORY if in_memory else None) as url:
        yield url


@contextmanager
def cluster(
    settings: Mapping[str, str], *, postgis: bool = False, within: Path | None = None
) -> Iterator[str | None]:
    """The URL of a new cluster's maintenance database, gone at the end; None where there's no PostgreSQL
    (or none that has PostGIS, where that is needed)."""
    programs = _programs(postgis=postgis)
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp("", "servicemap-pg-", within))  # a short path: a socket's has a limit
    user = _unprivileged()
    try:
        if user:
            shutil.chown(folder, user)
        with _running(programs, folder, user, settings):
            yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(programs: Path, folder: Path, user: str | None, settings: Mapping[str, str]) -> Iterator[None]:
    data = folder / "data"
    flags = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
    subprocess.run(
        [programs / "initdb", "-D", data, *flags], user=user, cwd=folder, check=True, capture_output=True
    )
    local = {**settings, "listen_addresses": "", "unix_socket_directories": str(folder)}
    with open(folder / "log", "w") as log:
        # a group of its own: a Ctrl-C is for the suite, which then ends it
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *(f"-c{name}={value}" for name, value in local.items())],
            user=user, cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _await(f"postgresql://postgres@/postgres?host={folder}", process, folder / "log")
        yield
    finally:
        process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
        process.wait(60)


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


def _programs(*, postgis: bool) -> Path | None:
    """The folder of initdb and postgres, new enough."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            words = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
            new_enough = int(words.stdout.split()[2].split(".")[0]) >= OLDEST
            if new_enough and (not postgis or _has_postgis(folder)):
                return folder
    return None


def _has_postgis(programs: Path) -> bool:
    shared = subprocess.run([programs / "pg_config", "--sharedir"], capture_output=True, text=True)
    return Path(shared.stdout.strip(), "extension/postgis.control").exists()


def _unprivileged() -> str | None:
    """Whom to be when we are root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def create_database(server_url: str, name: str, template: str = "template0") -> str:
    """Make a database like `template` and return its URL."""
    # each is slow where the other is quick
    strategy = "file_copy" if str(MEMORY) in server_url else "wal_log"
    _on(server_url, f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' STRATEGY {strategy}")
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, name: str) -> None:
    _on(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _on(server_url: str, statement: str) -> None:
    with closing(psycopg.connect(server_url, autocommit=True)) as connection:
        connection.execute(statement)
