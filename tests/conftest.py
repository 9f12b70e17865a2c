"""Every test's ground: a fresh registry on each engine, and the rule that CI skips nothing."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from seed.demo import load_demo
from seed.reference import load_reference
from servicemap import db
from servicemap import registry as registries
from servicemap.config import Settings
from tests import postgres
from tests.factories import TODAY

SHARED = Path(__file__).parents[2] / "shared"
CI = os.environ.get("CI") == "true"
_names = (f"servicemap_test_{os.getpid()}_{number}" for number in count(1))


# Engines


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with postgres.server() as url:
        if url is None:
            pytest.skip(postgres.ABSENT)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that a test runs on; whatever needs it runs once on each."""
    return request.param


@contextmanager
def bound_to(url: str) -> Iterator[str]:
    """Bind this process to the database at `url` and connect; a SQLite file that is not there is made."""
    db.open_database(url)
    if db.is_sqlite():
        db.sqlite_path().touch()
    db.connect()
    try:
        yield url
    finally:
        db.database.close()


@pytest.fixture
def empty(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables (of SQLite: of no file yet)."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server, name = request.getfixturevalue("postgresql_server"), next(_names)
    yield postgres.create_database(server, name)
    postgres.drop_database(server, name)


# What a registry begins with; each is made once a session and engine, and copied for every test.


def _with_reference(url: str) -> None:
    registries.create()
    load_reference()


def _with_demo(url: str) -> None:
    registries.create(demo=True)
    load_reference()
    load_demo(Settings(database_url=url), TODAY)


FILLINGS: dict[str, Callable[[str], Any]] = {
    "nothing": lambda url: registries.create(),
    "reference": _with_reference,
    "demo": _with_demo,
}


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """filling → the path of its template."""

    @cache
    def template(filling: str) -> Path:
        path = tmp_path_factory.mktemp("template") / f"{filling}.db"
        with bound_to(f"sqlite:///{path}") as url:
            FILLINGS[filling](url)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path

    return template


@pytest.fixture(scope="session")
def postgresql_templates(postgresql_server: str) -> Iterator[Callable[[str], str]]:
    """filling → the name of its template."""
    made = []

    @cache
    def template(filling: str) -> str:
        made.append(next(_names))
        with bound_to(postgres.create_database(postgresql_server, made[-1])) as url:
            FILLINGS[filling](url)
        return made[-1]

    yield template
    for name in made:
        postgres.drop_database(postgresql_server, name)


@contextmanager
def fresh(filling: str, engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new registry with this filling, which this process is bound and connected to."""
    if engine == "sqlite":
        template = request.getfixturevalue("sqlite_templates")(filling)
        path = shutil.copy(template, tmp_path / "registry.db")
        with bound_to(f"sqlite:///{path}") as url:
            yield url
        return
    server, name = request.getfixturevalue("postgresql_server"), next(_names)
    template = request.getfixturevalue("postgresql_templates")(filling)
    with bound_to(postgres.create_database(server, name, template)) as url:
        yield url
    postgres.drop_database(server, name)


@pytest.fixture
def registry(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh registry that this process is bound and connected to; its URL."""
    with fresh("nothing", engine, request, tmp_path) as url:
        yield url


@pytest.fixture
def reference(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same with the reference data of seed/."""
    with fresh("reference", engine, request, tmp_path) as url:
        yield url


@pytest.fixture
def demo(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same with the demo, as of factories.TODAY."""
    with fresh("demo", engine, request, tmp_path) as url:
        yield url


@pytest.fixture
def settings(registry: str, tmp_path: Path) -> Settings:
    """Of a server that lets everybody ask as often as they like."""
    return Settings(
        database_url=registry,
        rate_file=str(tmp_path / "rate"),
        reads_per_minute=0,
        writes_per_minute=0,
        feedback_per_day=0,
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """small_disk(bytes): a folder that holds no more."""
    folders: list[Path] = []

    def mounted(size: int) -> Path:
        folder = tmp_path / f"disk-{len(folders)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("这台机器不许挂载 tmpfs")
        folders.append(folder)
        return folder

    yield mounted
    if not db.database.is_closed():
        db.database.close()
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def in_processes() -> Callable[..., list[Any]]:
    """run(function, url, n): call the module's function(url, 0 … n - 1) in n processes that begin together."""

    def run(function: Callable[[str, int], Any], url: str, number: int) -> list[Any]:
        context = get_context("spawn")
        together = context.Barrier(number)
        with ProcessPoolExecutor(number, context, together.wait, (60,)) as pool:
            return list(pool.map(partial(function, url), range(number)))

    return run


# The rule of CI: nothing is skipped, except what needs ../shared where that folder does not exist.


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not SHARED.exists():
        for item in items:
            if item.get_closest_marker("shared_data"):
                item.add_marker(pytest.mark.skip(reason="../shared 不在这台机器上"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    excused = item.get_closest_marker("shared_data") and not SHARED.exists()
    return report if excused else _without_skips(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _without_skips((yield))


def _without_skips(report: Any) -> Any:
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI 不许跳过：{report.longrepr[2]}"
    return report
