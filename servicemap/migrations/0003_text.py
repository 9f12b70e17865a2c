"""Text search: the engines' indexes of the keys of places and divisions; the keys of types; sayings."""

STATEMENTS = (
    """CREATE TABLE type_key (
        type_id INTEGER NOT NULL PRIMARY KEY,
        ch TEXT NOT NULL,
        py TEXT NOT NULL,
        ini TEXT NOT NULL,
        FOREIGN KEY (type_id) REFERENCES facility_type (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE saying (
        word TEXT NOT NULL PRIMARY KEY,
        meaning TEXT NOT NULL
            CHECK (meaning IN ('filler', 'protection', 'free', 'inclusive', 'registered', 'type_only'))
    )""",
)


SQLITE = (
    # the tokenizer leaves what is not ASCII alone: text.py has made one token of each character
    *(
        f"CREATE VIRTUAL TABLE {index} USING fts5(ch, py, ini, content='{table}', content_rowid='{id_}',"
        " columnsize=0, tokenize='ascii')"
        for index, table, id_ in (
            ("search_text", "search_key", "facility_id"),
            ("division_text", "division_key", "division_id"),
        )
    ),
)

POSTGRESQL = (
    # its own parser drops Chinese where the cluster's locale is C: each token is named by its column's
    # letter and numbered by its place here
    """CREATE FUNCTION key_vector(ch TEXT, py TEXT, ini TEXT) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT string_agg(token || ':' || at, ' ')::tsvector FROM unnest(string_to_array(
            replace(rtrim(ch), ' ', ' c') || replace(rtrim(py), ' ', ' p') || replace(rtrim(ini), ' ', ' i'), ' '
        )) WITH ORDINALITY each (token, at) WHERE token <> ''
    $$""",
    *(
        statement
        for table in ("search_key", "division_key")
        for statement in (
            f"ALTER TABLE {table} ADD COLUMN vector tsvector GENERATED ALWAYS AS (key_vector(ch, py, ini)) STORED",
            f"CREATE INDEX {table}_vector ON {table} USING gin (vector)",
        )
    ),
)
