"""Shares of places: a further kind of indicator. What refers to the table is kept aside and made anew."""

CHILDREN = {
    "target": """CREATE TABLE target (
        indicator_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        value TEXT NOT NULL,
        due_year INTEGER NOT NULL,
        level TEXT NOT NULL,
        source TEXT NOT NULL,
        to_check {bool} NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('at_least', 'at_most', 'every_unit', 'change_from_base',
            'yearly_step', 'direction')),
        base_year INTEGER,
        tolerance TEXT,
        PRIMARY KEY (indicator_id, position),
        FOREIGN KEY (indicator_id) REFERENCES indicator (id) ON DELETE RESTRICT
    )""",
    "reported_value": """CREATE TABLE reported_value (
        indicator_id TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        year INTEGER NOT NULL,
        version INTEGER NOT NULL,
        value TEXT NOT NULL,
        numerator INTEGER CHECK (numerator >= 0),
        denominator INTEGER CHECK (denominator >= 0),
        source TEXT NOT NULL,
        note TEXT,
        reported_on DATE NOT NULL,
        reported_by TEXT NOT NULL,
        PRIMARY KEY (indicator_id, division_id, year, version),
        FOREIGN KEY (indicator_id) REFERENCES indicator (id) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "value_decision": """CREATE TABLE value_decision (
        indicator_id TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        year INTEGER NOT NULL,
        version INTEGER NOT NULL,
        passed {bool} NOT NULL,
        decided_on DATE NOT NULL,
        decided_by TEXT NOT NULL,
        reason TEXT,
        PRIMARY KEY (indicator_id, division_id, year, version),
        FOREIGN KEY (indicator_id) REFERENCES indicator (id) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
}
INDICATOR = """CREATE TABLE indicator (
        id TEXT NOT NULL PRIMARY KEY,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        name_en TEXT NOT NULL,
        clause TEXT NOT NULL,
        quote TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('share', 'place_share', 'per_thousand', 'count', 'titled', 'reported')),
        unit TEXT NOT NULL,
        department TEXT NOT NULL,
        definitions TEXT NOT NULL,
        is_key {bool} NOT NULL,
        project TEXT,
        better TEXT NOT NULL CHECK (better IN ('up', 'down'))
    )"""
TABLES = {"indicator": INDICATOR, **CHILDREN}

STATEMENTS = (
    *(f"CREATE TABLE {name}_before AS SELECT * FROM {name}" for name in TABLES),
    *(f"DROP TABLE {name}" for name in reversed(TABLES)),
    *TABLES.values(),
    *(f"INSERT INTO {name} SELECT * FROM {name}_before" for name in TABLES),
    *(f"DROP TABLE {name}_before" for name in TABLES),
    "CREATE INDEX reported_value_division_id ON reported_value (division_id)",
    "CREATE INDEX value_decision_division_id ON value_decision (division_id)",
)
SQLITE = ()
POSTGRESQL = ()
