"""Imports of several sheets, with remarks on rows, that can be undone."""

STATEMENTS = (
    "CREATE TABLE staged_row_before AS SELECT * FROM staged_row",
    "DROP TABLE staged_row",
    """CREATE TABLE staged_row (
        batch_id INTEGER NOT NULL,
        sheet TEXT NOT NULL,
        number INTEGER NOT NULL,
        cells TEXT NOT NULL,
        outcome TEXT CHECK (outcome IN ('create', 'update', 'unchanged', 'rejected')),
        facility_id INTEGER,
        problems TEXT,
        remarks TEXT,
        PRIMARY KEY (batch_id, sheet, number),
        FOREIGN KEY (batch_id) REFERENCES import_batch (id) ON DELETE RESTRICT
    )""",
    """INSERT INTO staged_row (batch_id, sheet, number, cells, outcome, facility_id, problems)
        SELECT batch_id, '', number, cells, outcome, facility_id, problems FROM staged_row_before""",
    "DROP TABLE staged_row_before",
    "ALTER TABLE import_batch ADD COLUMN undone_at TEXT",
)
SQLITE = ()
POSTGRESQL = ()
