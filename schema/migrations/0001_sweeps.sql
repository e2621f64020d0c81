-- +goose Up
CREATE TABLE sweeps (
    id               text PRIMARY KEY,
    name             text NOT NULL,
    spec_yaml        text NOT NULL,
    seed             bigint NOT NULL,
    state            text NOT NULL DEFAULT 'queued',
    cancel_requested boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL DEFAULT now(),
    finished_at      timestamptz
);
COMMENT ON TABLE sweeps IS 'A declared matrix and its run; id is the hash of the canonical spec.';

CREATE TABLE cells (
    id            text PRIMARY KEY,
    sweep_id      text NOT NULL REFERENCES sweeps(id),
    seq           integer NOT NULL,
    host          text NOT NULL,
    runtime       text NOT NULL,
    model         text NOT NULL,
    task          text NOT NULL,
    dataset       text NOT NULL,
    dataset_hash  text NOT NULL,
    language      text NOT NULL,
    load_pattern  text NOT NULL,
    config        jsonb NOT NULL,
    items         integer NOT NULL,
    runs          integer NOT NULL,
    state         text NOT NULL DEFAULT 'queued',
    reason        text NOT NULL DEFAULT '',
    stage         text NOT NULL DEFAULT '',
    epoch         integer NOT NULL DEFAULT 1,
    attempt       integer NOT NULL DEFAULT 0,
    claimed_by    text NOT NULL DEFAULT '',
    claim_no      bigint NOT NULL DEFAULT 0,
    started_at    timestamptz,
    finished_at   timestamptz,
    prompt_hash   text NOT NULL DEFAULT '',
    UNIQUE (sweep_id, seq)
);
COMMENT ON TABLE cells IS 'One host x runtime x model x task x dataset x language x load pattern. epoch rises when runs start afresh on another rung; rows of earlier epochs stay and no longer count.';
CREATE INDEX cells_claim ON cells (host, state, seq);

CREATE TABLE stages (
    cell_id     text NOT NULL REFERENCES cells(id),
    attempt     integer NOT NULL,
    stage       text NOT NULL,
    no          integer NOT NULL,
    state       text NOT NULL,
    detail      text NOT NULL DEFAULT '',
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (cell_id, attempt, stage, no)
);
COMMENT ON TABLE stages IS 'Each durable step of a cell as it ran; no counts repetitions of a stage such as a second load.';

CREATE TABLE hosts (
    host       text PRIMARY KEY,
    facts      jsonb NOT NULL,
    boot_id    text NOT NULL,
    worker     text NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hosts IS 'Machines that measure, as last inspected.';

CREATE TABLE cell_hosts (
    cell_id text PRIMARY KEY REFERENCES cells(id),
    facts   jsonb NOT NULL
);
COMMENT ON TABLE cell_hosts IS 'The host as it was when the cell was measured: its provenance.';

-- +goose Down
DROP TABLE cell_hosts, hosts, stages, cells, sweeps;
