"""监测快照: figures frozen for a period, and the steps by which they are approved, published and retracted.

Rows of both are added and never changed: like those of the audit, by triggers. On SQLite also under
INSERT OR REPLACE, which it tells no DELETE trigger of.
"""

STATEMENTS = (
    """CREATE TABLE snapshot (
        id {id},
        period TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        division_name TEXT NOT NULL,
        version INTEGER NOT NULL CHECK (version > 0),
        as_of_on DATE NOT NULL,
        content {bytes} NOT NULL,
        sha256 TEXT NOT NULL,
        public_content {bytes} NOT NULL,
        public_sha256 TEXT NOT NULL,
        made_at TEXT NOT NULL,
        made_by TEXT NOT NULL,
        reason TEXT,
        anchor TEXT NOT NULL,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE UNIQUE INDEX snapshot_division_id_period_version ON snapshot (division_id, period, version)",
    """CREATE TABLE snapshot_step (
        snapshot_id INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('approved', 'published', 'replaced', 'retracted')),
        done_on DATE NOT NULL,
        done_by TEXT NOT NULL,
        reason TEXT,
        PRIMARY KEY (snapshot_id, state),
        FOREIGN KEY (snapshot_id) REFERENCES snapshot (id) ON DELETE RESTRICT
    )""",
)

SQLITE = (
    """CREATE TRIGGER snapshot_keeps_rows BEFORE DELETE ON snapshot
    BEGIN SELECT RAISE(ABORT, 'snapshot is append-only'); END""",
    """CREATE TRIGGER snapshot_keeps_values BEFORE UPDATE ON snapshot
    BEGIN SELECT RAISE(ABORT, 'snapshot is append-only'); END""",
    """CREATE TRIGGER snapshot_keeps_place BEFORE INSERT ON snapshot
    WHEN EXISTS (SELECT 1 FROM snapshot s WHERE s.id = NEW.id
        OR (s.division_id = NEW.division_id AND s.period = NEW.period AND s.version = NEW.version))
    BEGIN SELECT RAISE(ABORT, 'snapshot is append-only'); END""",
    """CREATE TRIGGER snapshot_step_keeps_rows BEFORE DELETE ON snapshot_step
    BEGIN SELECT RAISE(ABORT, 'snapshot_step is append-only'); END""",
    """CREATE TRIGGER snapshot_step_keeps_values BEFORE UPDATE ON snapshot_step
    BEGIN SELECT RAISE(ABORT, 'snapshot_step is append-only'); END""",
    """CREATE TRIGGER snapshot_step_keeps_place BEFORE INSERT ON snapshot_step
    WHEN EXISTS (SELECT 1 FROM snapshot_step s WHERE s.snapshot_id = NEW.snapshot_id AND s.state = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'snapshot_step is append-only'); END""",
)

POSTGRESQL = (
    """CREATE FUNCTION rows_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$""",
    """CREATE TRIGGER snapshot_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON snapshot
    EXECUTE FUNCTION rows_are_append_only()""",
    """CREATE TRIGGER snapshot_step_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON snapshot_step
    EXECUTE FUNCTION rows_are_append_only()""",
)
