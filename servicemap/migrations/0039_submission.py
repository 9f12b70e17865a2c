"""报送材料: plans, schemes and yearly reports that counties and departments hand in."""

STATEMENTS = (
    """CREATE TABLE submission (
        id {id},
        kind TEXT NOT NULL CHECK (kind IN ('plan', 'scheme', 'yearly')),
        division_id INTEGER NOT NULL,
        department TEXT,
        year INTEGER NOT NULL,
        title TEXT NOT NULL,
        document_no TEXT,
        issued_on DATE,
        handed_in_on DATE NOT NULL,
        done TEXT,
        planned TEXT,
        noted_by TEXT NOT NULL,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX submission_division_id ON submission (division_id)",
)
SQLITE = ()
POSTGRESQL = ()
