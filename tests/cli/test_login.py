"""Tokens and the way to a server: the same commands here and there."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from servicemap.tokens import new_secret
from tests.api.test_server import serving
from tests.cli.conftest import run_admin

COUNTY = "441802000000"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of an office computer without a database."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "home"), "url": f"sqlite:///{tmp_path / 'none.db'}"}


def issue(url: str, label: str, *more: str) -> str:
    return run_admin("token", "issue", label, *more, url=url).out.strip()


def log_in(server: str, token: str, home: dict[str, str]):
    return run_admin("login", server, input=f"{token}\n", **home)


def test_a_worker_logs_in_and_the_same_commands_go_to_the_server(city, reference, home, tmp_path):
    token = issue(reference, "清城区妇儿工委办", "--division", COUNTY)
    with serving(reference) as (_, port):
        server = f"http://127.0.0.1:{port}"

        done = log_in(server, token, home)
        listed = run_admin("division", "list", COUNTY, "--format", "json", **home)
        refused = run_admin("token", "list", **home)
        once = run_admin("--server", "local", "division", "list", **home)
        run_admin("logout", **home)
        after = run_admin("division", "list", **home)

    assert done.code == 0, done.err
    assert "清城区妇儿工委办，填报，清城区" in done.err
    assert len(listed.json) == 10
    assert (refused.code, "没有这项权限" in refused.err) == (1, True)
    assert (once.code, after.code) == (75, 75)  # there is no database here
    assert "不存在" in after.err


def test_the_token_lies_in_a_file_for_its_owner_alone(city, reference, home, tmp_path):
    token = issue(reference, "岗位")
    with serving(reference) as (_, port):
        log_in(f"http://127.0.0.1:{port}", token, home)

    path = tmp_path / "home" / "servicemap" / "login.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["token"] == token


def test_a_wrong_token_is_not_kept(city, reference, home, tmp_path):
    with serving(reference) as (_, port):
        unknown = log_in(f"http://127.0.0.1:{port}", new_secret(), home)
        cut = log_in(f"http://127.0.0.1:{port}", new_secret()[:-4], home)

    assert (unknown.code, "[token_unknown]" in unknown.err) == (1, True)
    assert (cut.code, "[token_incomplete]" in cut.err) == (1, True)
    assert not list(tmp_path.glob("home/**/*.json"))


@pytest.mark.parametrize(
    ("server", "code"),
    [
        ("http://map.example.gov.cn", "bad_server"),
        ("http://127.0.0.1.example.com", "bad_server"),
        ("ftp://127.0.0.1", "bad_server"),
        ("https://me:secret@map.example.gov.cn", "bad_server"),
        ("http://127.0.0.1:1", "server_not_reached"),
    ],
)
def test_a_token_never_goes_in_clear_and_a_server_that_is_away_has_a_word(home, server, code):
    ran = log_in(server, new_secret(), home)

    assert ran.code == (75 if code == "server_not_reached" else 1)
    assert f"[{code}]" in ran.err
    assert "smk_" not in ran.out + ran.err


def test_what_is_no_servicemap_has_a_word(home, tmp_path):
    (tmp_path / "api").mkdir()
    command = [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONUNBUFFERED": "1"}) as other:
        try:
            port = other.stdout.readline().split(" port ")[1].split()[0]
            ran = log_in(f"http://127.0.0.1:{port}", new_secret(), home)
        finally:
            other.terminate()

    assert (ran.code, "[not_a_registry]" in ran.err) == (1, True)


def test_every_community_gets_a_sealed_file_and_again_only_the_missing_ones(city, reference, tmp_path):
    folder = tmp_path / "令牌"
    town = "441802006000"
    arguments = ("token", "issue-all", "--division", town, "--folder", folder)

    first = run_admin(*arguments, url=reference)
    again = run_admin(*arguments, url=reference)
    files = sorted(folder.iterdir())
    kept = files[0].rename(tmp_path / "elsewhere")  # as if a kill had come before the file was written
    without = run_admin(*arguments, url=reference)
    kept.rename(files[0])

    listed = run_admin("token", "list", "--format", "json", url=reference).json
    assert (first.code, again.code, without.code) == (0, 3, 3)
    assert ("没有它的文件" in again.out, without.out.count("没有它的文件")) == (False, 1)
    assert len(files) == len(listed) > 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert len({file.read_text("utf-8-sig").split("smk_")[1][:20] for file in files}) == len(files)
    assert {row["role"] for row in listed} == {"editor"}
    assert all(row["division"].startswith("441802006") for row in listed)


def test_as_narrows_what_may_be_done_here(city, reference):
    issue(reference, "只看", "--role", "viewer")

    refused = run_admin("--as", "只看", "token", "list", url=reference)
    unknown = run_admin("--as", "没有", "token", "list", url=reference)

    assert (refused.code, "[forbidden]" in refused.err) == (1, True)
    assert (unknown.code, "[token_not_found]" in unknown.err) == (1, True)


def test_a_revoked_token_is_listed_as_such(city, reference):
    issue(reference, "岗位")
    number = run_admin("token", "list", "--format", "json", url=reference).json[0]["id"]

    ran = run_admin("token", "revoke", number, url=reference)
    again = run_admin("token", "revoke", number, url=reference)

    assert ran.out == "已收回 岗位\n"
    assert (again.code, "[token_not_found]" in again.err) == (1, True)
    assert run_admin("token", "list", "--format", "json", url=reference).json[0]["revoked_at"]


def test_a_login_that_is_broken_has_a_word_and_is_made_anew(city, reference, home, tmp_path):
    token = issue(reference, "岗位")
    path = tmp_path / "home" / "servicemap" / "login.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"server": "http')

    broken = run_admin("division", "list", **home)
    with serving(reference) as (_, port):
        again = log_in(f"http://127.0.0.1:{port}", token, home)

    assert (broken.code, "[bad_login]" in broken.err) == (1, True)
    assert again.code == 0, again.err


def test_a_post_whose_token_was_revoked_gets_a_new_file(city, reference, tmp_path):
    arguments = ("token", "issue-all", "--division", "441802006000", "--folder", tmp_path / "令牌")
    run_admin(*arguments, url=reference)
    row = run_admin("token", "list", "--format", "json", url=reference).json[0]
    run_admin("token", "revoke", row["id"], url=reference)
    [path] = (tmp_path / "令牌").glob(f"{row['division']}*")
    old = path.read_text("utf-8-sig")

    again = run_admin(*arguments, url=reference)

    assert (again.code, "发了 1 枚" in again.out) == (3, True), again.err
    assert path.read_text("utf-8-sig") != old
