"""The night's cron line makes the files for offline use."""

import json

from tests.factories import a_place


def test_a_dump_is_built_where_the_setting_says(admin, tmp_path):
    a_place()

    ran = admin("dump", "build", SERVICEMAP_DUMP_FOLDER=str(tmp_path / "offline"))

    assert (ran.code, ran.err) == (0, "")
    assert "1 个服务点" in ran.out
    [folder] = [path for path in (tmp_path / "offline").iterdir() if path.is_dir()]
    index = json.loads((folder / "index.json").read_text())
    assert {path.name for path in folder.iterdir()} == {
        "index.json",
        *(file["name"] for file in index["files"]),
    }


def test_a_dump_is_built_into_another_folder(admin, tmp_path):
    ran = admin("dump", "build", "--into", tmp_path / "usb" / "offline")

    assert ran.code == 0
    assert [path.name for path in (tmp_path / "usb" / "offline").glob("*/*.gz")]


def test_a_dump_of_nothing_is_refused_with_a_word(admin, tmp_path):
    ran = admin("dump", "build", SERVICEMAP_DATABASE_URL=f"sqlite:///{tmp_path / 'none.db'}")

    assert ran.code == 75
    assert "db create" in ran.err
