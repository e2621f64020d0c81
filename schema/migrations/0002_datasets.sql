-- +goose Up
CREATE TABLE datasets (
    hash        text PRIMARY KEY,
    name        text NOT NULL,
    version     text NOT NULL DEFAULT '',
    code_system text NOT NULL DEFAULT '',
    licence     text NOT NULL DEFAULT '',
    journals    integer NOT NULL,
    added_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE datasets IS 'Datasets by the hash of their content: the same content is the same dataset.';

CREATE TABLE journals (
    dataset_hash text NOT NULL REFERENCES datasets(hash),
    language     text NOT NULL,
    item         integer NOT NULL,
    journal_id   text NOT NULL,
    specialty    text NOT NULL DEFAULT '',
    difficulty   text NOT NULL DEFAULT '',
    codes        text[] NOT NULL,
    body         text NOT NULL,
    body_hash    text NOT NULL,
    PRIMARY KEY (dataset_hash, language, item)
);
COMMENT ON TABLE journals IS 'Journal texts. Personal data when not synthetic: this is the only table with journal text, and it never leaves the database but to a runtime on the same host.';

CREATE TABLE code_lists (
    name   text PRIMARY KEY,
    system text NOT NULL,
    hash   text NOT NULL,
    codes  text[] NOT NULL
);
COMMENT ON TABLE code_lists IS 'Code lists against which answers are checked for codes that do not exist.';

-- +goose Down
DROP TABLE code_lists, journals, datasets;
