"""Further kinds of target, indicators whose values are reported, and what else the plan says of an indicator."""

STATEMENTS = (
    "CREATE TABLE indicator_before AS SELECT * FROM indicator",
    "CREATE TABLE target_before AS SELECT * FROM target",
    "DROP TABLE target",
    "DROP TABLE indicator",
    """CREATE TABLE indicator (
        id TEXT NOT NULL PRIMARY KEY,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        name_en TEXT NOT NULL,
        clause TEXT NOT NULL,
        quote TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('share', 'per_thousand', 'count', 'titled', 'reported')),
        unit TEXT NOT NULL,
        department TEXT NOT NULL,
        definitions TEXT NOT NULL,
        is_key {bool} NOT NULL,
        project TEXT,
        better TEXT NOT NULL CHECK (better IN ('up', 'down'))
    )""",
    """CREATE TABLE target (
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
    "INSERT INTO indicator SELECT id, position, name, name_en, clause, quote, kind, unit, department,"
    " definitions, 1 = 0, NULL, 'up' FROM indicator_before",
    "INSERT INTO target SELECT indicator_id, position, at_least, due_year, level, source, to_check, 'at_least',"
    " NULL, NULL FROM target_before",
    "DROP TABLE indicator_before",
    "DROP TABLE target_before",
    """CREATE TABLE reported_value (
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
    "CREATE INDEX reported_value_division_id ON reported_value (division_id)",
)
SQLITE = ()
POSTGRESQL = ()
