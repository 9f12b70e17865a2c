"""servicemap-admin import: what was imported, and taking it back."""

import pytest

from tests.cli.test_import import GOOD, HOTLINES, a_file


@pytest.fixture
def wrong(city, tmp_path):
    """A registry with one place imported by mistake, and what was exported before."""
    before = city("facility", "export").out
    assert city("facility", "import", a_file(tmp_path / "wrong.csv", [GOOD | {"名称": "错的"}])).code == 0
    return before


def test_imports_are_listed_and_one_is_shown(city, wrong, tmp_path):
    city("facility", "import", a_file(tmp_path / "bad.csv", [GOOD | {"名称": ""}]))

    listed = city("import", "list", "--format", "json").json
    shown = city("import", "show", 2)

    assert [(row["id"], row["file_name"], row["state"]) for row in listed] == [
        (2, "bad.csv", "planned"),
        (1, "wrong.csv", "applied"),
    ]
    assert listed[1]["counts"]["created"] == 1
    assert "bad.csv" in shown.out
    assert "第 2 行 名称: 没有填名称" in shown.out


def test_an_undo_is_looked_at_first_and_then_closes_what_came_in(city, wrong):
    look = city("import", "undo", 1, "--dry-run")
    assert "预案：恢复 0，关闭 1，不动 0" in look.out
    assert len(city("facility", "list", "--format", "json").json) == HOTLINES + 1

    done = city("import", "undo", 1)
    again = city("import", "undo", 1)

    assert (done.code, "完成：恢复 0，关闭 1，不动 0" in done.out) == (0, True), done.err
    assert len(city("facility", "list", "--format", "json").json) == HOTLINES
    assert city("import", "list", "--format", "json").json[0]["state"] == "undone"
    assert (again.code, "[already_undone]" in again.err) == (1, True)


def test_what_stays_is_listed_and_said_by_the_exit_code(city, wrong, tmp_path):
    code = city("facility", "list", "--type", "家长学校", "--format", "json").json[0]["code"]
    mended = a_file(tmp_path / "mended.csv", [GOOD | {"名称": "改对了", "编号": code}])
    assert city("facility", "import", mended).code == 0

    ran = city("import", "undo", 1)

    assert ran.code == 3
    assert f"不动 {code} 改对了: 导入后有人改过" in ran.err
    assert len(city("facility", "list", "--format", "json").json) == HOTLINES + 1


def test_an_export_after_an_undo_comes_back_without_a_word(city, wrong, tmp_path):
    city("import", "undo", 1)
    after = city("facility", "export").out

    (tmp_path / "again.csv").write_text(after, encoding="utf-8")
    ran = city("facility", "import", tmp_path / "again.csv")

    assert after == wrong
    assert (ran.code, "新增 0，更新 0" in ran.out) == (0, True), ran.err


def test_the_plan_names_fields_and_types_in_chinese(city, wrong):
    look = city("import", "undo", 1, "--dry-run")

    assert "家长学校 关闭原因：空 → 导入撤销" in look.out
