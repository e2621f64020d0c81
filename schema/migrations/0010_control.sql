-- +goose Up
ALTER TABLE sweeps
    ADD COLUMN owner text NOT NULL DEFAULT '',
    ADD COLUMN priority integer NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
    ADD COLUMN pause jsonb,
    ADD COLUMN plan_order text NOT NULL DEFAULT 'planned',
    ADD COLUMN targets jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN sweeps.owner IS 'Who launched it; hosts are shared fairly between owners.';
COMMENT ON COLUMN sweeps.priority IS '1 goes first on a host, 5 last.';
COMMENT ON COLUMN sweeps.pause IS 'Who paused the sweep, when and why; null while it goes on.';
COMMENT ON COLUMN sweeps.plan_order IS 'How its cells were put in order: planned, shuffled, blocked or alternated. The order itself is cells.seq.';
COMMENT ON COLUMN sweeps.targets IS 'Rules that the results are judged by, as written; no part of the id.';

ALTER TABLE cells
    ADD COLUMN turns_done integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN cells.turns_done IS 'Turns that a cell of an alternated sweep has had.';
CREATE INDEX cells_of_sweep ON cells (sweep_id, state, host);

CREATE TABLE turns (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host     text NOT NULL,
    sweep_id text NOT NULL REFERENCES sweeps(id),
    cell_id  text NOT NULL REFERENCES cells(id),
    attempt  integer NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    state    text NOT NULL DEFAULT 'running',
    UNIQUE (cell_id, attempt)
);
CREATE INDEX turns_of_host ON turns (host, sequence);
CREATE INDEX turns_of_sweep ON turns (sweep_id, host, sequence);
COMMENT ON TABLE turns IS 'Each stretch of time in which a host''s lane was given to one cell: who measured when, over all sweeps.';

CREATE TABLE lanes (
    host    text PRIMARY KEY,
    state   text NOT NULL DEFAULT 'open',
    reason  text NOT NULL DEFAULT '',
    by_whom text NOT NULL DEFAULT '',
    since   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE lanes IS 'Whether a host takes cells; one without a row does.';

CREATE TABLE control_events (
    sweep_id text NOT NULL REFERENCES sweeps(id),
    request  text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    by_whom  text NOT NULL,
    what     text NOT NULL,
    reason   text NOT NULL DEFAULT '',
    changed  integer NOT NULL,
    detail   text NOT NULL DEFAULT '',
    answer   jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (sweep_id, request)
);
COMMENT ON TABLE control_events IS 'What people asked of a sweep while it ran. The same request again finds its row and changes nothing.';

CREATE TABLE extensions (
    sweep_id   text NOT NULL REFERENCES sweeps(id),
    hash       text NOT NULL,
    spec_yaml  text NOT NULL,
    cells      jsonb NOT NULL,
    by_whom    text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz,
    PRIMARY KEY (sweep_id, hash)
);
COMMENT ON TABLE extensions IS 'Specs by which a sweep was made larger after its launch, with the cells that they add.';

CREATE TABLE superseded_results (
    cell_id      text NOT NULL REFERENCES cells(id),
    epoch        integer NOT NULL,
    result       jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    superseded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cell_id, epoch)
);
COMMENT ON TABLE superseded_results IS 'Published rows of cells that were measured anew.';

-- +goose Down
DROP TABLE superseded_results, extensions, control_events, lanes, turns;
DROP INDEX cells_of_sweep;
ALTER TABLE cells DROP COLUMN turns_done;
ALTER TABLE sweeps DROP COLUMN owner, DROP COLUMN priority, DROP COLUMN pause, DROP COLUMN plan_order, DROP COLUMN targets;
