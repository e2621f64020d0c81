-- +goose Up
ALTER TABLE leases ADD COLUMN exclusive boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN leases.exclusive IS 'The holder''s settings do not let others measure on its machine, so that one which would share it stays away. False also where an earlier release took the lease, which does not say.';

-- +goose Down
ALTER TABLE leases DROP COLUMN exclusive;
