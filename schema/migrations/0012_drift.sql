-- +goose Up
CREATE TABLE baselines (
    name      text PRIMARY KEY,
    sweep_id  text NOT NULL REFERENCES sweeps(id),
    cells     jsonb NOT NULL,
    tolerance double precision NOT NULL CHECK (tolerance > 0),
    pinned_by text NOT NULL,
    pinned_at timestamptz NOT NULL DEFAULT now(),
    schedule  text NOT NULL DEFAULT ''
);
COMMENT ON TABLE baselines IS 'Reference cells that later drift runs are compared with. cells holds each cell''s id, the epoch that was pinned, and the conditions it was measured under; schedule says in words when it is measured again.';

CREATE TABLE drift_runs (
    sweep_id      text PRIMARY KEY REFERENCES sweeps(id),
    name          text NOT NULL,
    baseline      text NOT NULL REFERENCES sweeps(id),
    at            timestamptz NOT NULL,
    verdict       text NOT NULL DEFAULT '',
    report        jsonb,
    compared_at   timestamptz,
    alarm_tries   integer NOT NULL DEFAULT 0,
    alarmed_at    timestamptz,
    alarm_outcome text NOT NULL DEFAULT ''
);
CREATE INDEX drift_runs_of ON drift_runs (name, at DESC);
COMMENT ON TABLE drift_runs IS 'Sweeps that measured reference cells again, with what the comparison with their baseline found and who was told. They outlive the baseline''s name.';

-- +goose Down
DROP TABLE drift_runs, baselines;
