-- +goose Up
ALTER TABLE phase_readings
    ADD COLUMN states jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN uncertainty jsonb,
    ADD COLUMN disagreement jsonb,
    ADD COLUMN flags text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN phase_readings.states IS 'How many readings of the window held what: ok, missing, stale, reset, wrapped, out_of_range.';
COMMENT ON COLUMN phase_readings.uncertainty IS 'Of energy_j, in J: standard, u95, k and the parts of the budget (JCGM 100:2008).';
COMMENT ON COLUMN phase_readings.disagreement IS 'With another channel of the same device over the same window.';
COMMENT ON COLUMN phase_readings.flags IS 'Doubts about the window, in words.';

-- +goose Down
ALTER TABLE phase_readings DROP COLUMN states, DROP COLUMN uncertainty, DROP COLUMN disagreement, DROP COLUMN flags;
