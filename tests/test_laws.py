"""The laws of the whole house."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from admin_cli.main import cli
from servicemap.config import Settings

ROOT = Path(__file__).parents[1]
README, COMMANDS, RUNNING = (
    (ROOT / path).read_text(encoding="utf-8") for path in ("README.md", "docs/commands.md", "docs/running.md")
)


def commands(
    command: click.Command = cli, path: str = "servicemap-admin"
) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), f"{path} {name}")
    else:
        yield path, command


ALL_COMMANDS = dict(commands())


def test_imports_point_down_only():
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("path", ALL_COMMANDS)
def test_every_command_has_help_and_stands_in_the_documents(path):
    command = ALL_COMMANDS[path]

    assert re.search("[\u4e00-\u9fff]", command.help or "")
    assert f"`{path}`" in COMMANDS
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_stands_in_the_documents(name):
    assert f"`SERVICEMAP_{name.upper()}`" in RUNNING


def test_every_make_target_that_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"`?make ([a-z]+)", README)) <= targets


def test_help_waits_neither_for_the_web_framework_nor_for_the_database():
    code = (
        "import sys\nfrom admin_cli.main import run\n"
        "try: run(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('flask', 'peewee', 'openpyxl', 'httpx', 'geopy') if m in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout.rstrip().endswith("[]")


def test_importing_the_package_imports_nothing():
    code = (
        "import sys; before = set(sys.modules); import servicemap; print(sorted(set(sys.modules) - before))"
    )

    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "['servicemap']"


def test_no_file_names_a_machines_path_or_a_package_registrys_host():
    hosts = ["pypi." + "org", "python" + "hosted", "npm" + "js.", "deb." + "debian", "registry." + "npm"]
    paths = ["/" + "home/", "/" + "work/", "/" + "root/"]
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)

    for name in filter(None, tracked.stdout.split("\0")):
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace") if (ROOT / name).exists() else ""
        assert not [word for word in (*hosts, *paths) if word in text], name


def test_every_dependency_is_pinned_with_a_hash():
    for name, few in (("run.txt", 20), ("dev.txt", 20), ("client.txt", 11)):
        text = (ROOT / "requirements" / name).read_text()
        pins = re.findall(r"^[a-z0-9-]+==", text, re.M)
        assert len(pins) > few
        assert text.count("--hash=sha256:") >= len(pins)
        assert "index-url" not in text


def words_of(path: Path) -> Iterator[str]:
    """The texts that people may see: all of the command line and the client, in the rooms those of errors."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    if path.is_relative_to(ROOT / "servicemap"):
        nodes = [
            node
            for node in ast.walk(nodes[0])
            if isinstance(node, ast.Call)
            and re.search("(Error|Problem|wrong|refused)$", ast.unparse(node.func))
        ]
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def test_our_words_hold_no_character_that_a_gbk_terminal_lacks():
    lacking = {}
    words = 0

    for folder in ("admin_cli", "client", "servicemap"):
        for path in (ROOT / folder).rglob("*.py"):
            for text in words_of(path):
                words += 1
                if bad := [char for char in text if char.encode("gbk", "ignore") == b""]:
                    lacking[path.name, text] = bad

    assert lacking == {}
    assert words > 1000


def test_the_client_needs_what_the_server_has_at_the_same_versions():
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text()
        return set(re.findall(r"^[a-z0-9-]+==[^ ;]+", text, re.M))

    assert len(pins("client.txt")) == 14
    assert pins("client.txt") <= pins("run.txt")
