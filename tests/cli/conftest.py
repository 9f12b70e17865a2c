"""The command line as people run it: another process, its exit code, what it prints."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Admin = Callable[..., Ran]


def run_admin(*arguments: object, url: str, input: str | None = None, **environ: str) -> Ran:
    """`environ` is added to this process' own; the login of whoever runs the tests is left out."""
    apart = {"XDG_CONFIG_HOME": "/nowhere", "SERVICEMAP_SERVER": "", "SERVICEMAP_TOKEN": ""}
    apart["PYTHONDONTWRITEBYTECODE"] = ""  # else where it is set every command compiles the whole house anew
    done = subprocess.run(
        [sys.executable, "-m", "admin_cli.main", *map(str, arguments)],
        env={**os.environ, **apart, "SERVICEMAP_DATABASE_URL": url, **environ},
        input=input and input.encode(),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=300,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def admin(registry: str) -> Admin:
    """admin("facility", "list", …) on an empty registry of each engine."""
    return lambda *arguments, **environ: run_admin(*arguments, url=registry, **environ)


@pytest.fixture
def city(reference: str) -> Admin:
    """The same on a registry with the reference data of 清远."""
    return lambda *arguments, **environ: run_admin(*arguments, url=reference, **environ)
