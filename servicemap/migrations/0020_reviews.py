"""From village to city: how far a record has come, counties without 镇审, 零报告, links by which a post confirms."""

STATEMENTS = (
    """CREATE TABLE review (
        facility_id INTEGER NOT NULL PRIMARY KEY,
        state TEXT NOT NULL CHECK (state IN ('reported', 'town', 'county')),
        reported_on DATE,
        reported_by TEXT,
        town_on DATE,
        town_by TEXT,
        county_on DATE,
        county_by TEXT,
        returned_on DATE,
        returned_by TEXT,
        reason TEXT,
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE skip_town (
        division_id INTEGER NOT NULL PRIMARY KEY,
        set_on DATE NOT NULL,
        set_by TEXT NOT NULL,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE zero_report (
        division_id INTEGER NOT NULL,
        type_id INTEGER NOT NULL,
        reported_on DATE NOT NULL,
        reported_by TEXT NOT NULL,
        PRIMARY KEY (division_id, type_id, reported_on),
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT,
        FOREIGN KEY (type_id) REFERENCES facility_type (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX zero_report_type_id ON zero_report (type_id)",
    """CREATE TABLE confirmation (
        id {id},
        public_id TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        label TEXT NOT NULL,
        hash TEXT NOT NULL,
        issued_at TEXT NOT NULL,
        issued_by TEXT NOT NULL,
        expires_on DATE NOT NULL,
        revoked_at TEXT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE UNIQUE INDEX confirmation_public_id ON confirmation (public_id)",
    "CREATE INDEX confirmation_division_id ON confirmation (division_id)",
    """CREATE TABLE confirmation_answer (
        facility_id INTEGER NOT NULL,
        answered_on DATE NOT NULL,
        confirmation_id INTEGER NOT NULL,
        wrong TEXT,
        settled_on DATE,
        PRIMARY KEY (facility_id, answered_on),
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT,
        FOREIGN KEY (confirmation_id) REFERENCES confirmation (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX confirmation_answer_confirmation_id ON confirmation_answer (confirmation_id)",
)

SQLITE = POSTGRESQL = ()
