"""What divisions were called, and where places stood, before a change of the divisions."""

STATEMENTS = (
    "ALTER TABLE succession ADD COLUMN document TEXT",
    """CREATE TABLE former_name (
        division_id INTEGER NOT NULL,
        to_on DATE NOT NULL,
        name TEXT NOT NULL,
        document TEXT,
        PRIMARY KEY (division_id, to_on),
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE former_division (
        facility_id INTEGER NOT NULL,
        to_on DATE NOT NULL,
        division_id INTEGER NOT NULL,
        PRIMARY KEY (facility_id, to_on),
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX former_division_division_id ON former_division (division_id)",
)

SQLITE = ()

POSTGRESQL = ()
