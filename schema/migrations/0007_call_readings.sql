-- +goose Up
CREATE TABLE call_channels (
    cell_id text NOT NULL REFERENCES cells(id),
    epoch   integer NOT NULL,
    place   smallint NOT NULL,
    channel text NOT NULL,
    unit    text NOT NULL,
    PRIMARY KEY (cell_id, epoch, place)
);
COMMENT ON TABLE call_channels IS 'The channels that the arrays of call_readings point at.';

CREATE TABLE call_readings (
    cell_id  text NOT NULL REFERENCES cells(id),
    epoch    integer NOT NULL,
    run      integer NOT NULL,
    item     integer NOT NULL,
    place    smallint[] NOT NULL,
    mean     double precision[] NOT NULL,
    peak     double precision[] NOT NULL,
    samples  integer[] NOT NULL,
    energy_j double precision[],
    missing  text[],
    PRIMARY KEY (cell_id, epoch, run, item)
);
COMMENT ON TABLE call_readings IS 'What each channel showed while each call ran: one row for a call, one array entry for a channel. A null figure has its reason in missing. Made of trace_blocks and calls alone, so it can be made again.';
COMMENT ON COLUMN call_readings.place IS 'Which row of call_channels each entry is of.';
COMMENT ON COLUMN call_readings.energy_j IS 'The call''s attributed share of its window''s energy; null as a whole when no channel has one.';
COMMENT ON COLUMN call_readings.missing IS 'Why mean and peak are null; null as a whole when nothing is missing.';

-- +goose Down
DROP TABLE call_readings, call_channels;
