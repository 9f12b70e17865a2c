"""The folder for office PCs: it installs without a network, and its files can be trusted with any path."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from admin_cli.drop import dropped
from tests.cli.test_import import a_file
from tests.client.conftest import ROOT
from tests.client.test_over_http import row


def test_two_alone_are_not_pure_python_and_every_wheel_has_its_hash(folder):
    wheels = [path.name for path in (folder / "wheels").iterdir()]
    pins = (folder / "requirements.txt").read_text()

    binary = {name.split("-")[0] for name in wheels if not name.endswith("-none-any.whl")}
    assert binary == {"pyyaml", "python_calamine"}
    assert len(wheels) == pins.count("--hash=sha256:")
    assert len(pins.splitlines()) == 15  # ours, and 14 more


def test_the_client_installs_alone_and_works_over_http(office_python, server, tmp_path):
    file = a_file(tmp_path / "三 所.csv", [row("装好的客户端")])

    def ran(*arguments: str) -> str:
        command = [office_python, "-m", "admin_cli.main", *arguments]
        environ = {**os.environ, "SERVICEMAP_SERVER": server}
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        ).stdout

    installed = subprocess.run(
        [office_python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True
    ).stdout.lower()
    assert not re.search("flask|peewee|marshmallow|granian|geopy", installed)
    assert "退出码" in ran("--help")
    assert "0.1.0" in ran("--version")
    assert "新增 1" in ran("facility", "import", str(file))
    assert "装好的客户端" in ran("facility", "list", "--type", "家长学校")


def test_the_shell_file_takes_any_name_and_asks_before_it_writes(office_python, folder, server, tmp_path):
    names = ["a&b!.csv", "百分 100%.csv", "-n.csv", "$(x) 'y'.csv"]
    files = [a_file(tmp_path / name, [row(name)]) for name in names]

    ran = subprocess.run(
        [folder / "导入.sh", *files],
        input="\n" + "y\n" * len(files),
        env={**os.environ, "SERVICEMAP_SERVER": server},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("预案：1 行：新增 1") == ran.stdout.count("完成：1 行：新增 1") == len(names)


def test_a_damaged_wheel_is_not_installed(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".venv"))
    with next(copy.glob("wheels/idna-*")).open("ab") as wheel:
        wheel.write(b"x")

    ran = subprocess.run([sys.executable, copy / "install.py"], capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert "没有装成" in ran.stderr
    assert not (copy / ".venv" / "installed").exists()


# The batch file cannot be run here; what can be known of it is.

BATCH = (ROOT / "client" / "import.bat").read_bytes()
LINES = BATCH.decode("ascii").split("\r\n")


def test_the_batch_file_is_ascii_with_crlf():
    assert BATCH.isascii()
    assert BATCH.count(b"\n") == BATCH.count(b"\r\n") == len(LINES) - 1
    assert BATCH.endswith(b"exit\r\n")


def test_the_batch_file_keeps_the_window_and_takes_no_path_apart_itself():
    commands = [line for line in LINES if not line.startswith("rem ")]
    order = [commands.index(line) for line in ("setlocal DisableDelayedExpansion", 'pushd "%~dp0"',
             "setlocal EnableDelayedExpansion", 'set "SERVICEMAP_DROPPED=!cmdcmdline!"', "pause", "exit")]  # fmt: skip

    assert order == sorted(order)
    assert commands[-3:] == ["pause", "exit", ""]
    assert set(re.findall(r"%\S*", "\n".join(commands))) == {'%~dp0"', "%PY%"}
    for label in re.findall(r"goto (\w+)", "\n".join(commands)):
        assert f":{label}" in commands


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ('C:\\Windows\\system32\\cmd.exe /c ""D:\\客户端\\导入.bat" "', []),
        ('cmd.exe /c ""D:\\客 户\\导入.bat" D:\\表.xlsx "', ["D:\\表.xlsx"]),
        ('cmd.exe /c ""D:\\导入.bat" "D:\\我的 表.xlsx""', ["D:\\我的 表.xlsx"]),
        ('cmd.exe /c ""D:\\导入.bat" D:\\a&b!.xlsx"', ["D:\\a&b!.xlsx"]),
        (
            'cmd.exe /c ""D:\\导入.BAT" "D:\\a & b.xlsx" D:\\100%PATH%^.xlsx "\\\\srv\\共 享\\x.csv""',
            ["D:\\a & b.xlsx", "D:\\100%PATH%^.xlsx", "\\\\srv\\共 享\\x.csv"],
        ),
        ('"C:\\Windows\\system32\\cmd.exe" ', []),
        ("", []),
    ],
)
def test_the_line_of_a_drop_is_taken_apart(line, files):
    assert dropped(line) == files
