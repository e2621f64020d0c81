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
    ADD COLUMN turns_done integer NOT NULL DEFAULT 0,
    ADD COLUMN stop text NOT NULL DEFAULT '',
    ADD COLUMN calls_done integer NOT NULL DEFAULT 0,
    ADD COLUMN turns_closed integer NOT NULL DEFAULT 0,
    ADD COLUMN overhead_ns bigint NOT NULL DEFAULT 0,
    ADD COLUMN pull_ns bigint NOT NULL DEFAULT 0,
    ADD COLUMN infer_ns bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN cells.turns_done IS 'Turns that a cell of an alternated sweep has had.';
COMMENT ON COLUMN cells.stop IS 'State in which a running cell was asked to end, empty for none; whoever closes it clears this.';
COMMENT ON COLUMN cells.calls_done IS 'Calls of the epoch when the cell was last closed, so that nobody counts them again; those of a running cell are counted.';
COMMENT ON COLUMN cells.turns_closed IS 'Turns of the epoch that overhead_ns and infer_ns are sums of.';
COMMENT ON COLUMN cells.overhead_ns IS 'Time of the stages around the calls, and of waits between runs, without the pull.';
COMMENT ON COLUMN cells.pull_ns IS 'Time of the pull, which only the first cell of a model takes.';
COMMENT ON COLUMN cells.infer_ns IS 'Time in which calls were made: the segments, without the pauses between them.';
UPDATE cells c SET calls_done = (SELECT count(*) FROM calls k WHERE k.cell_id = c.id AND k.epoch = c.epoch),
    turns_closed = 1,
    overhead_ns = (SELECT coalesce(sum(extract(epoch FROM t.finished_at - t.started_at)), 0) * 1e9 FROM stages t
        WHERE t.cell_id = c.id AND t.stage NOT IN ('infer', 'pull')),
    pull_ns = (SELECT coalesce(sum(extract(epoch FROM t.finished_at - t.started_at)), 0) * 1e9 FROM stages t
        WHERE t.cell_id = c.id AND t.stage = 'pull'),
    infer_ns = (SELECT coalesce(sum(extract(epoch FROM g.ended_at - g.started_at)) FILTER (WHERE g.ended_why <> 'crash')
            * sum(g.calls) / nullif(sum(g.calls) FILTER (WHERE g.ended_why <> 'crash'), 0), 0) * 1e9
        FROM segments g WHERE g.cell_id = c.id AND g.epoch = c.epoch)
WHERE attempt > 0 AND state <> 'running';
CREATE INDEX cells_turn ON cells (sweep_id, host, state, turns_done, (CASE WHEN turns_done % 2 = 0 THEN seq ELSE -seq END));
CREATE INDEX cells_claimed ON cells (claimed_by, claim_no);

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
CREATE INDEX turns_open ON turns (host) WHERE ended_at IS NULL;
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
DROP INDEX cells_turn, cells_claimed;
ALTER TABLE cells DROP COLUMN turns_done, DROP COLUMN stop, DROP COLUMN calls_done, DROP COLUMN turns_closed,
    DROP COLUMN overhead_ns, DROP COLUMN pull_ns, DROP COLUMN infer_ns;
ALTER TABLE sweeps DROP COLUMN owner, DROP COLUMN priority, DROP COLUMN pause, DROP COLUMN plan_order, DROP COLUMN targets;
