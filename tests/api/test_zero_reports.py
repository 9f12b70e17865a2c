"""零报告 over HTTP."""

from tests.factories import a_tree, a_type

URL, CITY, SOUTH = "/api/v1/zero-reports", "441800000000", "441802001002"


def test_over_http_it_is_said_and_listed(admin):
    a_tree()
    a_type()

    said = admin.post(URL, json={"division": SOUTH, "types": ["家长学校"], "on": "2026-11-01"})
    wrong = admin.post(URL, json={"division": SOUTH, "types": ["没有的类型"]})
    listed = admin.get(URL, query_string={"division": CITY}).json["items"]

    assert (said.status_code, said.json["added"], wrong.status_code) == (201, 1, 422)
    assert [(row["division"], row["type"], row["reported_on"], row["stands"]) for row in listed] == [
        (SOUTH, "parent_school", "2026-11-01", True)
    ]
