"""A PostgreSQL with PostGIS of the benchmark's own, set up as an administrator would, gone at the end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

# tuned for reading a registry that fits into memory; nothing here outlives the run, so nothing is synced
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "2GB",
    "effective_cache_size": "4GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",  # one question, one process: its CPU is what counts
    "jit": "off",
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
}


@contextmanager
def cluster() -> Iterator[str | None]:
    """The URL of a database that knows PostGIS; None where that isn't installed."""
    programs = _programs()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="servicemap-bench-"))  # a short path: a socket's has a limit
    user = _unprivileged()
    if user:
        shutil.chown(folder, user)
    url = f"postgresql://postgres@/postgres?host={folder}"
    process = None
    try:
        initdb = [programs / "initdb", "-D", folder / "data", "--no-sync", "--auth=trust", "--locale=C"]
        initdb += ["--username=postgres", "--encoding=UTF8"]
        subprocess.run(initdb, user=user, cwd=folder, check=True, capture_output=True)
        settings = SETTINGS | {"unix_socket_directories": str(folder)}
        command = [programs / "postgres", "-D", folder / "data"]
        command += [f"-c{name}={value}" for name, value in settings.items()]
        with open(folder / "log", "w") as log:
            # a group of its own: a Ctrl-C is for the benchmark, which then ends it
            process = subprocess.Popen(
                command, user=user, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
        _await(url)
        yield url
    finally:
        if process:
            process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
            process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder of the newest initdb and postgres that have PostGIS."""
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in reversed(folders):
        asked = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True)
        if asked.returncode == 0 and Path(asked.stdout.strip(), "extension/postgis.control").exists():
            return folder
    return None


def _unprivileged() -> str | None:
    """Whom to be when we are root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _await(url: str) -> None:
    for _ in range(300):
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start")
