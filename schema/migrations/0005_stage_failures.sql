-- +goose Up
ALTER TABLE stages ADD COLUMN failures integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN stages.failures IS 'Tries of the step that failed for a reason of its own. Tries cut by a crash, a drain, or a database or runtime that was away do not count.';

-- +goose Down
ALTER TABLE stages DROP COLUMN failures;
