"""An office PC: only the client's packages, and a server that is reached over HTTP."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.test_server import serving
from tests.cli.conftest import run_admin

ROOT = Path(__file__).parents[2]
NO_NETWORK = "没有网络，收不到客户端的包"


@pytest.fixture(scope="module")
def server(
    sqlite_templates: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a real server with the reference data, and in the environment the token of a post that
    may everything."""
    database = shutil.copy(sqlite_templates("reference"), tmp_path_factory.mktemp("served") / "registry.db")
    url = f"sqlite:///{database}"
    token = run_admin("token", "issue", "办公室", "--role", "admin", url=url).out.strip()
    with serving(url) as (_, port), pytest.MonkeyPatch.context() as environment:
        environment.setenv("SERVICEMAP_TOKEN", token)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make client` collects, under a path that quoting must survive."""
    path = tmp_path_factory.mktemp("office") / "办公 客户端 a&b!%PATH%^'x"
    made = subprocess.run(
        [sys.executable, ROOT / "client" / "collect.py", path], capture_output=True, text=True, check=False
    )
    if made.returncode and any(
        word in made.stderr for word in ("NewConnectionError", "No matching dist", "ConnectTimeout")
    ):
        pytest.skip(NO_NETWORK)
    assert made.returncode == 0, made.stderr
    return path


@pytest.fixture(scope="session")
def office_python(folder: Path) -> Path:
    """The interpreter that install.py made there, with no network to help."""
    ran = subprocess.run(
        [sys.executable, folder / "install.py"],
        env={"PATH": os.environ["PATH"], "PIP_INDEX_URL": "http://127.0.0.1:9/"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder / ".venv" / "bin" / "python"
