-- +goose Up
CREATE TABLE pulls (
    cell_id text PRIMARY KEY REFERENCES cells(id),
    pulled  jsonb NOT NULL
);
COMMENT ON TABLE pulls IS 'How the cell''s model reached the runtime, and what the runtime says of it.';

CREATE TABLE load_attempts (
    cell_id    text NOT NULL REFERENCES cells(id),
    rung       integer NOT NULL,
    no         integer NOT NULL,
    epoch      integer NOT NULL,
    outcome    text NOT NULL,
    attempt    jsonb NOT NULL,
    token      text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL,
    PRIMARY KEY (cell_id, rung, no)
);
COMMENT ON TABLE load_attempts IS 'Every try of every rung of a load ladder.';

CREATE TABLE runs (
    cell_id     text NOT NULL REFERENCES cells(id),
    epoch       integer NOT NULL,
    run         integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (cell_id, epoch, run)
);
COMMENT ON TABLE runs IS 'Independent repetitions of a cell.';

CREATE TABLE segments (
    cell_id      text NOT NULL REFERENCES cells(id),
    epoch        integer NOT NULL,
    run          integer NOT NULL,
    no           integer NOT NULL,
    load_token   text NOT NULL,
    worker_build text NOT NULL,
    boot_id      text NOT NULL,
    attempt      integer NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    ended_why    text NOT NULL DEFAULT '',
    calls        integer NOT NULL DEFAULT 0,
    PRIMARY KEY (cell_id, epoch, run, no)
);
COMMENT ON TABLE segments IS 'Stretches of a run measured without interruption; one without an end was cut by a crash.';

CREATE TABLE calls_begun (
    cell_id  text NOT NULL REFERENCES cells(id),
    epoch    integer NOT NULL,
    run      integer NOT NULL,
    item     integer NOT NULL,
    attempt  integer NOT NULL,
    segment  integer NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cell_id, epoch, run, item, attempt)
);
COMMENT ON TABLE calls_begun IS 'Calls that were begun; one without a row of the same attempt in calls was cut by a crash and measured again.';

CREATE TABLE calls (
    cell_id           text NOT NULL REFERENCES cells(id),
    epoch             integer NOT NULL,
    run               integer NOT NULL,
    item              integer NOT NULL,
    attempt           integer NOT NULL,
    segment           integer NOT NULL,
    journal_id        text NOT NULL,
    prompt_hash       text NOT NULL,
    nonce             text NOT NULL,
    output            text NOT NULL,
    output_hash       text NOT NULL,
    outcome           text NOT NULL,
    reason            text NOT NULL DEFAULT '',
    started_at        timestamptz NOT NULL,
    start_ns          bigint NOT NULL,
    latency_ns        bigint NOT NULL,
    ttft_ns           bigint,
    inter_token_ns    bigint[] NOT NULL,
    prompt_tokens     integer,
    output_tokens     integer,
    output_words      integer NOT NULL,
    output_bytes      integer NOT NULL,
    prompt_bytes      integer NOT NULL,
    server_total_ns   bigint NOT NULL,
    server_load_ns    bigint NOT NULL,
    server_prompt_ns  bigint NOT NULL,
    server_eval_ns    bigint NOT NULL,
    done_reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (cell_id, epoch, run, item)
);
COMMENT ON TABLE calls IS 'Measured calls, each exactly once under its natural key. output is the raw answer and never leaves the database.';

CREATE TABLE phase_readings (
    cell_id    text NOT NULL REFERENCES cells(id),
    epoch      integer NOT NULL,
    phase      text NOT NULL,
    run        integer NOT NULL,
    no         integer NOT NULL,
    channel    text NOT NULL,
    started_at timestamptz NOT NULL,
    window_ns  bigint NOT NULL,
    samples    integer NOT NULL,
    missed     integer NOT NULL,
    coverage   double precision NOT NULL,
    mean       double precision,
    min        double precision,
    max        double precision,
    energy_j   double precision,
    method     text NOT NULL DEFAULT '',
    missing    text NOT NULL DEFAULT '',
    about      jsonb NOT NULL,
    PRIMARY KEY (cell_id, epoch, phase, run, no, channel)
);
COMMENT ON TABLE phase_readings IS 'What each channel of each meter showed over each phase window. A null figure has its reason in missing; zero is never a stand-in.';

-- +goose Down
DROP TABLE phase_readings, calls, calls_begun, segments, runs, load_attempts, pulls;
