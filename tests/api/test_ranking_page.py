"""The published ranking as a page, and as SDMX-CSV: only what was published, no village's name, readable on a phone."""

import csv
import io
from pathlib import Path

import pytest

from servicemap import db
from tests import browser
from tests.api.test_server import serving
from tests.api.test_snapshots import CITY, PUBLISHED, QINGCHENG, other, published, tree  # noqa: F401
from tests.factories import NORTH_GATE, TODAY, a_place


@pytest.fixture(autouse=True)
def key(tree):  # noqa: F811
    """The indicator is ranked."""
    db.execute("UPDATE indicator SET is_key = ?", (True,))


COMMUNITIES = ("北门", "南门", "茶场")


def test_before_publication_the_page_holds_nothing(client, admin):
    assert "还没有公布过" in client.get("/ranking").text
    assert client.get("/ranking/2026").status_code == 404
    assert client.get(f"{PUBLISHED}/2026/sdmx.csv").status_code == 404


def test_the_page_ranks_the_counties_and_names_no_village(client, admin, other):  # noqa: F811
    published(admin, other)

    text = client.get("/ranking/2026").text

    assert "清城区" in text
    assert "50.0%" in text
    assert "英德市" in text
    assert not any(name in text for name in COMMUNITIES)
    assert 'href="/ranking/2026/441800000000/1"' in client.get("/ranking").text
    assert client.get("/ranking/2026?from=wechat").text == text


def test_what_was_replaced_or_retracted_says_so(client, admin, other):  # noqa: F811
    number = published(admin, other)
    published(admin, other)
    replaced = client.get(f"/ranking/2026/{CITY}/1").text
    admin.post(f"/api/v1/snapshots/{number}/retract", json={"reason": "分母<b>有误"})

    retracted = client.get(f"/ranking/2026/{CITY}/1").text

    assert "现在有效的是" in replaced
    assert "50.0%" in replaced
    assert "分母&lt;b&gt;有误" in retracted
    assert "50.0%" not in retracted


def test_a_county_alone_shows_its_own_figures_without_a_ranking(client, admin, other):  # noqa: F811
    published(admin, other, division=QINGCHENG)

    text = client.get("/ranking/2026").text

    assert "50.0%" in text
    assert "位次" not in text


def test_a_live_change_moves_no_byte_of_the_page(client, admin, other):  # noqa: F811
    published(admin, other)
    before = client.get("/ranking/2026").data
    a_place("后来的", division="441802001002")

    assert client.get("/ranking/2026").data == before


def test_sdmx_holds_an_observation_a_line_exact_and_of_counties_only(client, admin, other):  # noqa: F811
    published(admin, other)

    answer = client.get(f"{PUBLISHED}/2026/sdmx.csv")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert [(row["REF_AREA"], row["OBS_VALUE"], row["EXACT"], row["OBS_STATUS"]) for row in rows] == [
        ("441800000000", "33.3333", "100/3", "A"),
        ("441802000000", "50.0", "50", "A"),
        ("441881000000", "0.0", "0", "A"),
    ]
    assert {(row["FREQ"], row["TIME_PERIOD"], row["UNIT_MEASURE"], row["ACTION"]) for row in rows} == {
        ("A", "2026", "PT", "I")
    }


def test_on_a_phone_nothing_is_cut_off_and_no_name_is_markup(registry, client, admin, other, tmp_path: Path):  # noqa: F811
    db.execute("UPDATE division SET name = '<i>清城</i>\"区' WHERE padded_code = ?", (QINGCHENG,))
    published(admin, other)
    with serving(registry) as (_, port), browser.phone(tmp_path / "profile") as phone:
        if phone is None:
            pytest.skip(browser.ABSENT)
        phone.get(f"http://127.0.0.1:{port}/ranking/2026")

        text = phone.find_element("tag name", "body").text
        wide = phone.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        drawn = phone.execute_script("return document.querySelectorAll('svg > rect').length")
        loaded = phone.execute_script("return performance.getEntriesByType('resource').length")

    assert "<i>清城</i>" in text
    assert wide[0] <= wide[1]
    assert drawn == 2
    assert loaded == 0
    assert NORTH_GATE not in text
    assert str(TODAY) in text
