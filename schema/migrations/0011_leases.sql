-- +goose Up
CREATE TABLE leases (
    host       text PRIMARY KEY,
    epoch      bigint NOT NULL,
    holder     text NOT NULL,
    machine    text NOT NULL,
    hostname   text NOT NULL,
    boot_id    text NOT NULL,
    pid_space  text NOT NULL DEFAULT '',
    pid        bigint NOT NULL,
    proc_start bigint NOT NULL DEFAULT 0,
    build      text NOT NULL DEFAULT '',
    taken_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    released   boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE leases IS 'Which worker process measures under a host''s name, over all machines. All times are the database''s.';
COMMENT ON COLUMN leases.epoch IS 'Goes up by one with every holder; what an earlier one still writes is refused.';
COMMENT ON COLUMN leases.machine IS 'Hash of the machine''s own id and name: whether it is the same machine again.';
COMMENT ON COLUMN leases.proc_start IS 'When the process was started, as its system counts: a stepped clock does not change it.';
COMMENT ON COLUMN leases.pid_space IS 'The space of process ids that pid belongs to, so that a container''s is not taken for another''s.';

-- hold_lease refuses what is written under a lease that another worker has
-- taken over since. It holds off a takeover until the transaction ends, so that
-- nothing of the old holder comes in behind it; a renewal it does not.
-- +goose StatementBegin
CREATE FUNCTION hold_lease(of_host text, of_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM leases WHERE host = of_host AND epoch = of_epoch FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease % of host % is another worker''s now', of_epoch, of_host USING ERRCODE = 'WL001';
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION hold_lease(text, bigint);
DROP TABLE leases;
