"""A real file that nobody here wrote, into a registry that is neither one city's nor twelve digits'."""

import json
import shutil
from pathlib import Path

import pytest
from geopy.distance import geodesic

from tests.cli.conftest import run_admin
from tests.conftest import SHARED

NURSERIES = SHARED / "data" / "import" / "sapporo_nurseryFacilities.geojson"
WARDS = ("中央", "北", "東", "白石", "豊平", "南", "西", "厚別", "手稲", "清田")
DIVISIONS = "code,name,level,parent_code\n01100,札幌市,city,\n" + "".join(
    f"{1101 + number:05d},札幌市{ward}区,county,01100\n" for number, ward in enumerate(WARDS)
)
MAPPING = f"""\
source: sapporo-papamama
datum: wgs84
columns:
  name: Name
  external_id: HID
  type: {{column: Type, values: {{認可保育所: 托育机构, 認可外: 托育机构, 幼稚園: 幼儿园}}}}
  division: {{column: Add1, values: {{
    {", ".join(f"札幌市{ward}区: '{1101 + number:05d}'" for number, ward in enumerate(WARDS))}}}}}
  address: [Add1, Add2]
  phone: TEL
  hours: {{columns: [Open, Close], join: "-"}}
  places_registered: {{column: Full, values: {{NA: ""}}}}
"""


@pytest.fixture
def sapporo(empty: str, tmp_path: Path):
    (tmp_path / "divisions.csv").write_text(DIVISIONS, encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")

    def admin(*arguments: object):
        return run_admin(*arguments, url=empty)

    assert admin("db", "create", "--extent", "140.9,42.7,141.6,43.3").code == 0
    assert admin("seed", "load").code == 0  # for the types
    assert admin("division", "import", tmp_path / "divisions.csv").code == 0
    return admin


@pytest.mark.shared_data
def test_528_real_nurseries_are_created_once_and_found_in_the_order_of_their_distances(
    sapporo, tmp_path, empty
):
    file = shutil.copy(NURSERIES, tmp_path)  # a result is written beside it
    arguments = ("facility", "import", file, "--mapping", tmp_path / "mapping.yaml", "--format", "json")
    first, again = sapporo(*arguments), sapporo(*arguments)

    assert (first.code, again.code) == (3, 0), first.err  # like names on one spot: two licences of one house
    assert first.json["created"] == 528
    assert {key: again.json[key] for key in ("created", "updated", "unchanged", "rejected")} == {
        "created": 0,
        "updated": 0,
        "unchanged": 528,
        "rejected": 0,
    }
    lat, lng = 43.0621, 141.3544  # 札幌駅
    found = nearby(empty, lat, lng)
    features = json.loads(NURSERIES.read_text(encoding="utf-8"))["features"]
    exact = sorted(
        (geodesic((lat, lng), feature["geometry"]["coordinates"][::-1]).m, feature["properties"]["Name"])
        for feature in features
    )
    expected = [(metres, name) for metres, name in exact if metres <= 5000]
    assert len(found) == len(expected) > 100
    for item, (metres, _) in zip(found, expected, strict=True):
        assert item["distance_m"] == pytest.approx(metres, rel=1e-4)
    assert sorted(item["name"] for item in found) == sorted(" ".join(name.split()) for _, name in expected)


def nearby(url: str, lat: float, lng: float) -> list[dict]:
    from servicemap.app import create_app
    from servicemap.config import Settings

    client = create_app(Settings(database_url=url)).test_client()
    items, cursor = [], None
    while True:
        query = {"lat": lat, "lng": lng, "datum": "wgs84", "radius_m": 5000, "limit": 100}
        page = client.get(
            "/api/v1/facilities", query_string=query | ({"cursor": cursor} if cursor else {})
        ).json
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items
