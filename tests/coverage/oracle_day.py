"""A day of the registry as loops over the plain tables that a person can follow: which places were there, open and
looked at, and whom they covered. Shares no code with what it checks."""

from datetime import date
from typing import Any

from servicemap import db

ORDER = ("province", "city", "county", "town", "community")
RULES = (
    *("closed", "opened", "suspended", "stood", "links", "linked_from", "linked_to", "retired", "own_level"),
    *(
        "latest_places",
        "title_expires",
        "unknown_fee",
        "latest_population",
        "same_place",
        "reviewed",
        "looked",
    ),
    *("above_covers_nothing", "looked_lately", "voided", "contact_only", "virtual", "kinds", "town_kinds"),
    *(
        "classes",
        "members",
        "months",
        "held",
        "zero_ended",
        "all_had_none",
        "goes_on",
        "ended_where_it_stood",
    ),
)
TABLES = (
    *("division", "facility", "facility_type", "role", "role_serves", "suspension", "review", "verification"),
    *("former_division", "zero_report", "role_places", "population", "title"),
    *("succession", "denominator_member"),
)


class Day:
    """The registry as it was on a day; `public`: as everybody may know it; `without`: a rule that is forgotten."""

    def __init__(self, on: date, *, public: bool = False, without: str = "") -> None:
        self.on, self.public = on.isoformat(), public
        self.rules = set(RULES) - {without}
        self.year_before = f"{on.year - 1}{on.isoformat()[4:]}"
        for name in TABLES:
            setattr(self, name, _rows(name))
        self.divisions = {
            each["id"]: each
            for each in self.division
            if not self.has("retired") or self.within(each["valid_from"], each["valid_to"])
        }
        self.types = {each["id"]: each for each in self.facility_type}
        self.places_of = {each["id"]: each for each in self.facility}

    def has(self, rule: str) -> bool:
        return rule in self.rules

    def within(self, begins: str | None, ends: str | None) -> bool:
        """From the first day to the one before the last."""
        return (begins is None or begins <= self.on) and (ends is None or self.on < ends)

    # Where a place stood, and which divisions hold that

    def line(self, id_: int | None) -> list[dict[str, Any]]:
        """The division and those above it, as far as they were there."""
        found = []
        while id_ in self.divisions:
            found.append(self.divisions[id_])
            id_ = found[-1]["parent_id"]
        return found

    def at_level(self, id_: int | None, level: str) -> int | None:
        for each in self.line(id_):
            if each["level"] == level:
                return int(each["id"])
        return None

    def stood(self, place: dict[str, Any], on: str = "") -> int:
        day = on or self.on
        moves = [m for m in self.former_division if m["facility_id"] == place["id"] and m["to_on"] > day]
        if moves and self.has("stood"):
            return int(min(moves, key=lambda move: move["to_on"])["division_id"])
        return int(place["division_id"])

    def hides(self, place: dict[str, Any]) -> bool:
        return self.public and self.has("contact_only") and place["visibility"] == "contact_only"

    def at(self, place: dict[str, Any]) -> int | None:
        """Where it may be known to stand."""
        stood = self.stood(place)
        if not self.hides(place):
            return stood
        above = [each for each in self.line(stood) if each["level"] not in ("town", "community")]
        return int(above[0]["id"]) if above else None

    # Which roles are there

    def is_open(self, role: dict[str, Any]) -> bool:
        opened = role["opened_on"] if self.has("opened") else None
        closed = role["closed_on"] if self.has("closed") else None
        return self.within(opened, closed)

    def is_suspended(self, place: dict[str, Any]) -> bool:
        return self.has("suspended") and any(
            each["facility_id"] == place["id"] and self.within(each["from_on"], each["to_on"])
            for each in self.suspension
        )

    def active(self, rule: dict[str, Any], key: str = "types") -> list[dict[str, Any]]:
        return [
            role
            for role in self.role
            if self.types[role["type_id"]]["key"] in rule[key]
            and self.is_open(role)
            and not self.is_suspended(self.places_of[role["facility_id"]])
            and (key != "types" or self.is_right(role["facility_id"], rule))
        ]

    def is_right(self, facility: int, rule: dict[str, Any]) -> bool:
        """Looked at within the months, and holder of the title, where the rule asks for them."""
        if "verified_within_months" in rule and self.has("months"):
            assert rule["verified_within_months"] == 12
            if not self.is_looked_at(self.places_of[facility]):
                return False
        if "title" in rule and self.has("held"):
            return any(each["facility_id"] == facility and self.is_held(each, rule) for each in self.title)
        return True

    def is_held(self, title: dict[str, Any], rule: dict[str, Any]) -> bool:
        return bool(
            title["kind"] == rule["title"]
            and title["awarded_on"] <= self.on
            and (self.within(None, title["expires_on"]) or not self.has("title_expires"))
            and self.within(None, title["withdrawn_on"])
        )

    def level(self, role: dict[str, Any]) -> str:
        return str(role["level"] or self.types[role["type_id"]]["level"])

    def state(self, place: dict[str, Any]) -> str:
        states = [each["state"] for each in self.review if each["facility_id"] == place["id"]]
        return states[0] if states and self.has("reviewed") else "county"

    def is_looked_at(self, place: dict[str, Any]) -> bool:
        return not self.has("looked") or any(
            each["facility_id"] == place["id"]
            and each["verified_on"] <= self.on
            and (not self.has("looked_lately") or each["verified_on"] > self.year_before)
            and (not self.has("voided") or self.within(None, each["voided_on"]))
            for each in self.verification
        )

    # Whom a role covers

    def serves(self, role: dict[str, Any]) -> list[int]:
        place, level = self.places_of[role["facility_id"]], self.level(role)
        if self.hides(place):
            county = self.at(place)
            if county is None:
                return []
            return [self.at_level(county, level) or county]
        links = [
            each["division_id"]
            for each in self.role_serves
            if each["role_id"] == role["id"]
            and (not self.has("linked_from") or self.within(each["from_on"], None))
            and (not self.has("linked_to") or self.within(None, each["to_on"]))
        ]
        if links and self.has("links"):
            return links
        at = self.at_level(self.stood(place), level)
        return [at] if at is not None else []

    def covers(self, role: dict[str, Any], division: dict[str, Any], rule: dict[str, Any]) -> bool:
        if rule.get("own_level") and self.has("own_level") and self.level(role) != division["level"]:
            return False
        for served in self.serves(role):
            if division["id"] in [each["id"] for each in self.line(served)]:
                return True
            if not self.has("above_covers_nothing") and served in [
                each["id"] for each in self.line(division["id"])
            ]:
                return True
        return False


def _rows(table: str) -> list[dict[str, Any]]:
    cursor = db.database.execute_sql(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    return [
        {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in cursor.fetchall()
    ]
