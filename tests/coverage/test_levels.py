"""One report of a city down to its towns says what the reports of its counties say."""

from servicemap import divisions
from servicemap.coverage.measure import measure
from tests.factories import TODAY

CITY = "441800000000"
FACTS = ("numerator", "denominator", "reported", "verified", "answered_none", "unanswered", "met", "needed")


def test_down_to_the_towns_is_what_each_county_reports(demo):
    city = divisions.get(CITY)

    def told(found) -> dict:
        return {
            (m.indicator.id, m.definition.id, m.division.id): [getattr(m, name) for name in FACTS]
            for m in found
        }

    whole = told(measure(city, TODAY, down_to="town"))

    apart = told(measure(city, TODAY))
    for county in divisions.children(city, TODAY):
        apart |= told(measure(county, TODAY))
    assert whole == apart
    assert len(whole) > 5_000
