"""The registry as it began: divisions, facilities, roles, search rows, audit, imports, indicators."""

STATEMENTS = (
    """CREATE TABLE registry (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        demo {bool} NOT NULL,
        extent TEXT,
        secret TEXT NOT NULL,
        created_at TEXT NOT NULL
    )""",
    """CREATE TABLE counter (
        name TEXT NOT NULL PRIMARY KEY,
        last {bigint} NOT NULL
    )""",
    """CREATE TABLE division (
        id {id},
        code TEXT NOT NULL,
        padded_code TEXT NOT NULL,
        name TEXT NOT NULL,
        level TEXT NOT NULL CHECK (level IN ('province', 'city', 'county', 'town', 'community')),
        parent_id INTEGER,
        community_kind TEXT CHECK (community_kind IN ('residents_committee', 'villagers_committee', 'other')),
        town_kind TEXT CHECK (town_kind IN ('street', 'town', 'township', 'pseudo')),
        urban_rural TEXT,
        "virtual" {bool} NOT NULL,
        pseudo {bool} NOT NULL,
        valid_from DATE,
        valid_to DATE,
        lft INTEGER NOT NULL,
        rgt INTEGER NOT NULL,
        FOREIGN KEY (parent_id) REFERENCES division (id) ON DELETE RESTRICT,
        CHECK (valid_to > valid_from)
    )""",
    "CREATE INDEX division_padded_code ON division (padded_code)",
    "CREATE INDEX division_parent_id ON division (parent_id)",
    "CREATE INDEX division_lft ON division (lft)",
    "CREATE UNIQUE INDEX division_code_valid_from ON division (code, valid_from)",
    "CREATE UNIQUE INDEX division_current ON division (code) WHERE valid_to IS NULL",
    """CREATE TABLE succession (
        old_id INTEGER NOT NULL,
        new_id INTEGER NOT NULL,
        succeeded_on DATE NOT NULL,
        PRIMARY KEY (old_id, new_id),
        FOREIGN KEY (old_id) REFERENCES division (id) ON DELETE RESTRICT,
        FOREIGN KEY (new_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX succession_new_id ON succession (new_id)",
    """CREATE TABLE shape (
        division_id INTEGER NOT NULL PRIMARY KEY,
        geometry TEXT NOT NULL,
        west {double} NOT NULL,
        south {double} NOT NULL,
        east {double} NOT NULL,
        north {double} NOT NULL,
        source TEXT NOT NULL,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE population (
        division_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        counted_on DATE NOT NULL,
        persons INTEGER NOT NULL CHECK (persons >= 0),
        source TEXT NOT NULL,
        PRIMARY KEY (division_id, kind, counted_on),
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE facility_type (
        id INTEGER NOT NULL PRIMARY KEY,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        name_en TEXT NOT NULL,
        level TEXT NOT NULL CHECK (level IN ('province', 'city', 'county', 'town', 'community')),
        clauses TEXT NOT NULL,
        aliases TEXT NOT NULL,
        CHECK (id > 0)
    )""",
    "CREATE UNIQUE INDEX facility_type_key ON facility_type (key)",
    "CREATE UNIQUE INDEX facility_type_name ON facility_type (name)",
    """CREATE TABLE hours (
        id {id},
        text TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX hours_text ON hours (text)",
    """CREATE TABLE facility (
        id INTEGER NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        address TEXT,
        lat {double} CHECK (lat BETWEEN -90 AND 90),
        lng {double} CHECK (lng BETWEEN -180 AND 180),
        position_precision TEXT NOT NULL CHECK (position_precision IN ('door', 'street', 'community', 'town', 'none')),
        position_datum TEXT,
        phone TEXT,
        hours_id INTEGER,
        accessible {bool},
        visibility TEXT NOT NULL CHECK (visibility IN ('public', 'contact_only')),
        source TEXT NOT NULL,
        external_id TEXT,
        version INTEGER NOT NULL,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT,
        FOREIGN KEY (hours_id) REFERENCES hours (id) ON DELETE RESTRICT,
        CHECK ((lat IS NULL) = (lng IS NULL) AND (lat IS NULL) = (position_precision = 'none'))
    )""",
    "CREATE INDEX facility_division_id ON facility (division_id)",
    "CREATE INDEX facility_hours_id ON facility (hours_id)",
    "CREATE UNIQUE INDEX facility_source_external_id ON facility (source, external_id)",
    "CREATE INDEX facility_name_division_id ON facility (name, division_id)",
    """CREATE TABLE role (
        id INTEGER NOT NULL PRIMARY KEY,
        facility_id INTEGER NOT NULL,
        type_id INTEGER NOT NULL,
        level TEXT CHECK (level IN ('province', 'city', 'county', 'town', 'community')),
        opened_on DATE,
        closed_on DATE,
        closed_reason TEXT,
        age_from_months INTEGER CHECK (age_from_months >= 0),
        age_to_months INTEGER,
        fee TEXT CHECK (fee IN ('free', 'discounted', 'paid')),
        fee_text TEXT,
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT,
        FOREIGN KEY (type_id) REFERENCES facility_type (id) ON DELETE RESTRICT,
        CHECK (closed_on >= opened_on),
        CHECK (age_to_months >= age_from_months)
    )""",
    "CREATE INDEX role_facility_id ON role (facility_id)",
    "CREATE INDEX role_type_id ON role (type_id)",
    "CREATE UNIQUE INDEX role_current ON role (facility_id, type_id) WHERE closed_on IS NULL",
    """CREATE TABLE role_serves (
        role_id INTEGER NOT NULL,
        division_id INTEGER NOT NULL,
        from_on DATE,
        to_on DATE,
        evidence TEXT,
        PRIMARY KEY (role_id, division_id),
        FOREIGN KEY (role_id) REFERENCES role (id) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX role_serves_division_id ON role_serves (division_id)",
    """CREATE TABLE role_places (
        role_id INTEGER NOT NULL,
        from_on DATE NOT NULL,
        registered INTEGER CHECK (registered >= 0),
        offered INTEGER CHECK (offered >= 0),
        taken INTEGER CHECK (taken >= 0),
        PRIMARY KEY (role_id, from_on),
        FOREIGN KEY (role_id) REFERENCES role (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE suspension (
        id {id},
        facility_id INTEGER NOT NULL,
        from_on DATE NOT NULL,
        to_on DATE,
        reason TEXT NOT NULL,
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT,
        CHECK (to_on > from_on)
    )""",
    "CREATE INDEX suspension_facility_id ON suspension (facility_id)",
    """CREATE TABLE verification (
        facility_id INTEGER NOT NULL,
        verified_on DATE NOT NULL,
        verified_by TEXT NOT NULL,
        PRIMARY KEY (facility_id, verified_on),
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE title (
        id {id},
        facility_id INTEGER,
        division_id INTEGER,
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        awarded_on DATE NOT NULL,
        expires_on DATE,
        withdrawn_on DATE,
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT,
        CHECK ((facility_id IS NULL) <> (division_id IS NULL))
    )""",
    "CREATE INDEX title_facility_id ON title (facility_id)",
    "CREATE INDEX title_division_id ON title (division_id)",
    """CREATE TABLE card (
        facility_id INTEGER NOT NULL PRIMARY KEY,
        body TEXT NOT NULL,
        morton {bigint},
        fresh_until DATE,
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX card_fresh_until ON card (fresh_until)",
    """CREATE TABLE search_row (
        walk INTEGER NOT NULL,
        morton {bigint} NOT NULL,
        facility_id INTEGER NOT NULL,
        lng {double} NOT NULL,
        lat {double} NOT NULL,
        hours_id INTEGER,
        flags INTEGER NOT NULL,
        age_from_months INTEGER,
        age_to_months INTEGER,
        division_id INTEGER NOT NULL,
        PRIMARY KEY (walk, morton, facility_id)
    ){narrow}""",
    """CREATE TABLE list_row (
        type_id INTEGER NOT NULL,
        facility_id INTEGER NOT NULL,
        division_id INTEGER NOT NULL,
        placed {bool} NOT NULL,
        PRIMARY KEY (type_id, facility_id)
    ){narrow}""",
    "CREATE INDEX list_row_type_id_division_id_facility_id ON list_row (type_id, division_id, facility_id)",
    "CREATE INDEX list_row_unplaced ON list_row (type_id, division_id, facility_id) WHERE NOT placed",
    """CREATE TABLE change (
        seq {bigint} NOT NULL PRIMARY KEY,
        changed_at TEXT NOT NULL,
        actor TEXT NOT NULL,
        door TEXT NOT NULL,
        batch_id INTEGER,
        noun TEXT NOT NULL,
        key TEXT NOT NULL,
        action TEXT NOT NULL,
        diff TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        hash TEXT NOT NULL
    )""",
    "CREATE INDEX change_noun_key_seq ON change (noun, key, seq)",
    """CREATE TABLE change_head (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        seq {bigint} NOT NULL,
        hash TEXT NOT NULL
    )""",
    """CREATE TABLE import_batch (
        id {id},
        file_name TEXT NOT NULL,
        headings TEXT NOT NULL,
        as_of_on DATE NOT NULL,
        actor TEXT NOT NULL,
        created_at TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'planned', 'applied')),
        planned_seq {bigint},
        summary TEXT,
        applied_at TEXT
    )""",
    """CREATE TABLE staged_row (
        batch_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        cells TEXT NOT NULL,
        outcome TEXT CHECK (outcome IN ('create', 'update', 'unchanged', 'rejected')),
        facility_id INTEGER,
        problems TEXT,
        PRIMARY KEY (batch_id, number),
        FOREIGN KEY (batch_id) REFERENCES import_batch (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE denominator_list (
        "key" TEXT NOT NULL PRIMARY KEY,
        edition TEXT NOT NULL,
        source TEXT NOT NULL,
        document_no TEXT
    )""",
    """CREATE TABLE denominator_member (
        list_id TEXT NOT NULL,
        division_id INTEGER NOT NULL,
        PRIMARY KEY (list_id, division_id),
        FOREIGN KEY (list_id) REFERENCES denominator_list (key) ON DELETE RESTRICT,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "CREATE INDEX denominator_member_division_id ON denominator_member (division_id)",
    """CREATE TABLE indicator (
        id TEXT NOT NULL PRIMARY KEY,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        name_en TEXT NOT NULL,
        clause TEXT NOT NULL,
        quote TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('share', 'per_thousand', 'count', 'titled')),
        unit TEXT NOT NULL,
        department TEXT NOT NULL,
        definitions TEXT NOT NULL
    )""",
    """CREATE TABLE target (
        indicator_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        at_least TEXT NOT NULL,
        due_year INTEGER NOT NULL,
        level TEXT NOT NULL,
        source TEXT NOT NULL,
        to_check {bool} NOT NULL,
        PRIMARY KEY (indicator_id, position),
        FOREIGN KEY (indicator_id) REFERENCES indicator (id) ON DELETE RESTRICT
    )""",
    "INSERT INTO change_head (id, seq, hash) VALUES (1, 0, '')",
)

SQLITE = (
    """CREATE TRIGGER change_keeps_rows BEFORE DELETE ON change
    BEGIN SELECT RAISE(ABORT, 'change is append-only'); END""",
    """CREATE TRIGGER change_keeps_values BEFORE UPDATE ON change
    BEGIN SELECT RAISE(ABORT, 'change is append-only'); END""",
)

POSTGRESQL = (
    # the walk of the finder is answered from the index alone
    """ALTER TABLE search_row DROP CONSTRAINT search_row_pkey, ADD CONSTRAINT search_row_pkey
    PRIMARY KEY (walk, morton, facility_id)
    INCLUDE (lng, lat, hours_id, flags, age_from_months, age_to_months, division_id)""",
    """CREATE FUNCTION change_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'change is append-only'; END $$""",
    """CREATE TRIGGER change_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON change
    EXECUTE FUNCTION change_is_append_only()""",
)
