"""The client's commands over HTTP, where nothing of the server and no fcntl can be imported."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.cli.test_import import GOOD, a_file
from tests.client.conftest import ROOT

# What an office PC does not have: on Windows fcntl and its like, and nowhere the server's packages.
MISSING = [
    *("fcntl", "grp", "pwd", "resource", "termios"),
    *("brotli", "environs", "flask", "flask_smorest", "geopy", "granian", "holidays"),
    *("marshmallow", "opencc", "peewee", "psycopg", "pypinyin", "werkzeug"),
]
CODE = (
    f"import sys; sys.modules.update(dict.fromkeys({MISSING!r}))\n"
    "from admin_cli.main import run; run(sys.argv[1:])"
)


def office(*arguments: object, **environ: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def row(name: str) -> dict[str, str]:
    return GOOD | {"名称": name, "外部编号": name}


@pytest.mark.parametrize("way", [["--help"], ["facility", "--help"], ["facility", "import", "--help"]])
def test_help_needs_neither_server_nor_its_packages(way):
    ran = office(*way)

    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    "command",
    [
        ["facility", "list"],
        ["facility", "types"],
        ["facility", "export"],
        ["facility", "hours", "周一至周五 8:30-12:00"],
        ["division", "list", "441800000000"],
        ["coverage", "report", "441800000000"],
        ["coverage", "gaps", "441802000000"],
    ],
)
def test_a_command_answers_over_http(server, command):
    ran = office(*command, SERVICEMAP_SERVER=server)

    assert ran.code == 0, ran.err
    assert len(ran.out.splitlines()) > 2


def test_a_table_is_imported_found_and_imported_again_over_http(server, tmp_path):
    file = a_file(tmp_path / "家长 学校&.csv", [row("经网络导入")])

    ran = [office("facility", "import", file, SERVICEMAP_SERVER=server) for _ in range(2)]

    assert [one.code for one in ran] == [0, 0], ran
    assert "新增 1" in ran[0].out
    assert "新增 0，更新 0，没有变化 1" in ran[1].out
    found = office("facility", "list", "--type", "家长学校", SERVICEMAP_SERVER=server)
    assert "经网络导入" in found.out


def test_a_division_list_is_imported_over_http(server, tmp_path):
    file = tmp_path / "区划.csv"
    file.write_bytes(
        "代码,名称,层级,上级代码\r\n441802006990,新社区,community,441802006000\r\n".encode("gb18030")
    )

    ran = office("division", "import", file, SERVICEMAP_SERVER=server)

    assert ran.code == 0, ran.err
    assert "新增 1" in ran.out


def test_a_mapping_file_is_read_by_the_client(server, tmp_path):
    (tmp_path / "mapping.yaml").write_text("source: x\ncolumns: {name: 叫什么}\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("叫什么,b\n甲,乙\n", encoding="utf-8")

    ran = office(
        "facility",
        "import",
        tmp_path / "a.csv",
        "--mapping",
        tmp_path / "mapping.yaml",
        SERVICEMAP_SERVER=server,
    )

    assert "[missing_type]" in ran.out


@pytest.mark.parametrize(
    ("server", "code", "exit_code"),
    [
        ("http://map.example.cn", "bad_server", 1),
        ("http://127.0.0.1.example.cn", "bad_server", 1),
        ("https://", "bad_server", 1),
        ("ftp://127.0.0.1", "bad_server", 1),
        ("http://127.0.0.1:x", "bad_server", 1),
        ("http://127.0.0.1:9", "server_not_reached", 75),
    ],
)
def test_a_server_that_cannot_be_or_is_not_there_is_named(server, code, exit_code):
    ran = office("facility", "list", SERVICEMAP_SERVER=server)

    assert ran.code == exit_code
    assert f"[{code}]" in ran.err
    assert "Traceback" not in ran.err


def test_a_page_that_asks_to_log_in_to_the_net_is_not_taken_for_the_registry():
    with socket.create_server(("127.0.0.1", 0)) as portal:
        command = [sys.executable, "-c", CODE, "facility", "list"]
        environ = {**os.environ, "SERVICEMAP_SERVER": f"http://127.0.0.1:{portal.getsockname()[1]}"}
        with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE) as process:
            with portal.accept()[0] as asking:
                asking.recv(65536)
                asking.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
            said = process.stderr.read().decode()

    assert "[not_a_registry]" in said


@pytest.mark.parametrize(
    "command", [["facility", "list"], ["db", "status"], ["seed", "load"], ["serve"], ["dump", "build"]]
)
def test_what_needs_the_server_says_that_only_the_client_is_here(command):
    ran = office(*command, SERVICEMAP_SERVER="")

    assert ran.code == 1
    assert "[client_only]" in ran.err


def test_a_fault_of_the_client_is_written_down_in_the_persons_folder(server, tmp_path):
    broken = CODE.replace("import run;", "import run; import admin_cli.facility as f; f.show = None;")

    ran = subprocess.run(
        [sys.executable, "-c", broken, "facility", "types"],
        cwd=ROOT,
        env={**os.environ, "SERVICEMAP_SERVER": server, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "Traceback" in (tmp_path / "servicemap-admin.log").read_text(encoding="utf-8")


def asked(answer: str, file: Path, server: str) -> Ran:
    command = [sys.executable, "-c", CODE, "facility", "import", "--ask", str(file)]
    environ = {**os.environ, "SERVICEMAP_SERVER": server}
    done = subprocess.run(
        command, input=answer.encode(), cwd=ROOT, env=environ, capture_output=True, timeout=60, check=False
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_nothing_is_written_unless_the_answer_is_yes(server, tmp_path):
    file = a_file(tmp_path / "问.csv", [row("问过再写")])

    no, gone, yes = (asked(answer, file, server) for answer in ("n\n", "", "y\n"))

    assert [ran.code for ran in (no, gone, yes)] == [1, 1, 0]
    assert all("预案：1 行：新增 1" in ran.out for ran in (no, gone, yes))
    assert "什么都没有写入" in no.err
    assert "完成：1 行：新增 1" in yes.out
