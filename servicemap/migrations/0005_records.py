"""One record: hand corrections that imports respect, mergers, proofs and activities of a role, replays."""

STATEMENTS = (
    "ALTER TABLE facility ADD COLUMN held TEXT",
    "ALTER TABLE facility ADD COLUMN merged_into_id INTEGER REFERENCES facility (id) ON DELETE RESTRICT",
    "CREATE INDEX facility_merged_into_id ON facility (merged_into_id)",
    "ALTER TABLE facility ADD COLUMN credit_code TEXT",
    "ALTER TABLE facility ADD COLUMN phone_public {bool} NOT NULL DEFAULT true",
    "ALTER TABLE verification ADD COLUMN voided_on DATE",
    """CREATE TABLE evidence (
        id {id},
        role_id INTEGER NOT NULL,
        kind TEXT NOT NULL
            CHECK (kind IN ('document', 'plaque_photo', 'registration', 'activity_record', 'site_visit')),
        body TEXT,
        number TEXT,
        dated_on DATE NOT NULL,
        file_hash TEXT,
        note TEXT,
        added_by TEXT NOT NULL,
        added_at TEXT NOT NULL,
        FOREIGN KEY (role_id) REFERENCES role (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX evidence_role_id ON evidence (role_id)",
    """CREATE TABLE activity (
        id {id},
        role_id INTEGER NOT NULL,
        held_on DATE NOT NULL,
        topic TEXT NOT NULL,
        for_whom TEXT,
        families INTEGER CHECK (families >= 0),
        added_by TEXT NOT NULL,
        added_at TEXT NOT NULL,
        FOREIGN KEY (role_id) REFERENCES role (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX activity_role_id ON activity (role_id)",
    """CREATE TABLE replay (
        actor TEXT NOT NULL,
        key TEXT NOT NULL,
        request_hash TEXT NOT NULL,
        answer TEXT NOT NULL,
        created_at TEXT NOT NULL,
        PRIMARY KEY (actor, key)
    ){narrow}""",
)

SQLITE = POSTGRESQL = ()
