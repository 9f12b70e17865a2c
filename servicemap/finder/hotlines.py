"""热线: the numbers to call, which come first in every answer about protection."""

from datetime import date

from servicemap import db


def hotlines(today: date) -> list[int]:
    """The ids of the facilities of type hotline that are reached by phone and open today, by id: those of
    seed/hotlines.yaml in its order, then a city's own. One query."""
    day = today.isoformat()
    rows = db.query(
        "SELECT f.id FROM facility_type t JOIN role r ON r.type_id = t.id JOIN facility f ON f.id = r.facility_id"
        " WHERE t.key = 'hotline' AND f.delivery = 'phone'"
        " AND (r.opened_on IS NULL OR r.opened_on <= ?) AND (r.closed_on IS NULL OR r.closed_on > ?)"
        " AND NOT EXISTS (SELECT 1 FROM suspension s WHERE s.facility_id = f.id AND s.from_on <= ?"
        " AND (s.to_on IS NULL OR s.to_on > ?)) ORDER BY f.id",
        (day, day, day, day),
    )
    return list(dict.fromkeys(row[0] for row in rows))
