"""Links to the maps: each in its own datum, whatever the name holds."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicemap.geo import distance_from, to_wgs84
from servicemap.links import route_links
from tests.factories import LAT, LNG

NAMES = [
    "北门社区家长学校", "A & B", "1#楼", "100%", "哪里?", '"引号"', "it's", "a=b&c=d", "a+b", "甲,乙", "(一期)", "😀家",
    "行\n尾", "/../", "a;b|c", "<script>", "",
]  # fmt: skip


def parameters(link: str) -> dict[str, str]:
    """What the page reads from its address; each name once."""
    return {
        key: values[0] if len(values) == 1 else str(values)
        for key, values in parse_qs(urlsplit(link).query, keep_blank_values=True).items()
    }


def metres_off(lng: str, lat: str, datum: str) -> float:
    return distance_from(LNG, LAT)(*to_wgs84(float(lng), float(lat), datum))


def test_each_map_gets_the_position_in_its_own_datum():
    links = route_links(LNG, LAT, "北门社区家长学校")

    lng, lat, _ = parameters(links["amap"])["to"].split(",")
    assert metres_off(lng, lat, "gcj02") < 0.2
    lat, lng = parameters(links["tencent"])["tocoord"].split(",")
    assert metres_off(lng, lat, "gcj02") < 0.2
    lat, lng = parameters(links["baidu"])["location"].split(",")
    assert metres_off(lng, lat, "bd09") < 0.2
    lat, lng = links["geo"].removeprefix("geo:").partition("?")[0].split(",")
    assert metres_off(lng, lat, "wgs84") < 0.2


def test_the_datum_is_said_where_the_map_asks():
    links = route_links(LNG, LAT, "北门社区家长学校")

    assert parameters(links["amap"])["coordinate"] == "gaode"
    assert parameters(links["tencent"])["coord_type"] == "2"
    assert parameters(links["baidu"])["coord_type"] == "bd09ll"


@pytest.mark.parametrize("name", NAMES)
def test_any_name_arrives_whole(name):
    links = route_links(LNG, LAT, name)

    assert parameters(links["tencent"])["to"] == name
    assert parameters(links["baidu"])["title"] == name
    assert parameters(links["amap"])["to"].split(",")[2:] == [name.replace(",", "，")]
    assert unquote(links["geo"].partition("(")[2][:-1]) == name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_no_name_adds_a_parameter_or_breaks_the_address(name):
    links, plain = route_links(LNG, LAT, name), route_links(LNG, LAT, "x")

    for map_, link in links.items():
        assert link.isascii()
        assert link.isprintable()
        assert " " not in link
        assert parameters(link).keys() == parameters(plain[map_]).keys()
        assert not urlsplit(link).fragment


def test_the_pages_are_https_and_one_is_for_the_phones_own_map():
    links = route_links(LNG, LAT, "北门社区家长学校")

    assert list(links) == ["amap", "tencent", "baidu", "geo"]
    assert all(link.startswith("https://") for map_, link in links.items() if map_ != "geo")


def test_outside_of_china_only_the_phones_own_map_is_right():
    assert list(route_links(141.3545, 43.0621, "札幌")) == ["geo"]


def test_a_place_without_a_position_has_no_links():
    assert route_links(None, None, "家庭教育热线") == {}
