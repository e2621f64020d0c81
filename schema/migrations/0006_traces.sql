-- +goose Up
CREATE TABLE trace_meters (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash     text NOT NULL UNIQUE,
    channels jsonb NOT NULL,
    reasons  jsonb NOT NULL
);
COMMENT ON TABLE trace_meters IS 'What meters sampled: descriptions of their channels, and the texts that the reasons of readings point into. The same content, by its hash, stands here once for all series.';

CREATE TABLE trace_series (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cell_id     text NOT NULL REFERENCES cells(id),
    epoch       integer NOT NULL,
    phase       text NOT NULL,
    run         integer NOT NULL,
    no          integer NOT NULL,
    meter       text NOT NULL,
    recording   bigint NOT NULL,
    anchor_ns   bigint NOT NULL,
    interval_ns bigint NOT NULL,
    about       bigint NOT NULL REFERENCES trace_meters(id),
    quality     jsonb NOT NULL,
    complete    boolean NOT NULL DEFAULT false,
    UNIQUE (cell_id, epoch, phase, run, no, meter)
);
COMMENT ON TABLE trace_series IS 'The samples of one meter over one phase window: what is needed to read its blocks. The key is that of phase_readings, with the meter instead of the channel.';
COMMENT ON COLUMN trace_series.recording IS 'Tells recordings of one key apart: a later one, as of a stage that a crash cut and that was done again, replaces the earlier.';
COMMENT ON COLUMN trace_series.anchor_ns IS 'Wall clock at the zero of the samples'' monotonic stamps, in ns since 1970.';
COMMENT ON COLUMN trace_series.quality IS 'How sampling had gone when the newest full block was stored.';
COMMENT ON COLUMN trace_series.complete IS 'The window has ended; a series that is not complete was cut, or is being recorded.';

CREATE TABLE trace_blocks (
    series_id bigint NOT NULL REFERENCES trace_series(id) ON DELETE CASCADE,
    no        integer NOT NULL,
    from_ns   bigint NOT NULL,
    to_ns     bigint NOT NULL,
    second    bigint NOT NULL,
    ticks     integer NOT NULL,
    seconds   integer NOT NULL,
    data      bytea NOT NULL,
    n         smallint[] NOT NULL,
    base      double precision[] NOT NULL,
    mean      real[] NOT NULL,
    low       real[],
    high      real[],
    PRIMARY KEY (series_id, no)
);
ALTER TABLE trace_blocks ALTER COLUMN data SET STORAGE EXTERNAL; -- it is compressed already
COMMENT ON TABLE trace_blocks IS 'Full blocks of a trace, up to a minute of one meter each. They never change.';
COMMENT ON COLUMN trace_blocks.from_ns IS 'Stamp of the first tick; to_ns that of the last. Monotonic, since the series'' anchor.';
COMMENT ON COLUMN trace_blocks.data IS 'All readings with stamps and states, as internal/meters/trace encodes them.';
COMMENT ON COLUMN trace_blocks.second IS 'The wall-clock second, since 1970, of the first entry of a channel in n, mean, low and high.';
COMMENT ON COLUMN trace_blocks.n IS 'Usable readings in each second: all seconds of the first channel, then those of the second, and so on; seconds says how many each has. mean, low and high lie alike.';
COMMENT ON COLUMN trace_blocks.base IS 'One value for each channel that mean, low and high are offsets from, so that four bytes are enough for a counter.';
COMMENT ON COLUMN trace_blocks.low IS 'Least usable reading in each second; null, as high is, when it is the mean everywhere.';

CREATE TABLE trace_tails (
    series_id bigint NOT NULL REFERENCES trace_series(id) ON DELETE CASCADE,
    piece     integer NOT NULL,
    block     integer NOT NULL,
    from_ns   bigint NOT NULL,
    to_ns     bigint NOT NULL,
    second    bigint NOT NULL,
    ticks     integer NOT NULL,
    seconds   integer NOT NULL,
    data      bytea NOT NULL,
    n         smallint[] NOT NULL,
    base      double precision[] NOT NULL,
    mean      real[] NOT NULL,
    low       real[],
    high      real[],
    PRIMARY KEY (series_id, piece)
) WITH (fillfactor = 50, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);
ALTER TABLE trace_tails ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE trace_tails IS 'Pieces of the block that is still growing, about a second each, so that a killed worker loses no more. A piece counts while its block is not in trace_blocks; the next block''s pieces overwrite it in place, so the table stays small.';
COMMENT ON COLUMN trace_tails.block IS 'Number of the block that the piece will be part of.';

CREATE VIEW trace_seconds AS
WITH channels AS (
    SELECT s.id, s.cell_id, s.epoch, s.phase, s.run, s.no, s.meter, c.place, c.about->>'name' AS channel, c.about->>'unit' AS unit,
        coalesce((c.about->>'estimated')::boolean, false) AS estimated, coalesce((c.about->>'simulated')::boolean, false) AS simulated
    FROM trace_series s JOIN trace_meters m ON m.id = s.about
    CROSS JOIN LATERAL jsonb_array_elements(m.channels) WITH ORDINALITY AS c(about, place)
), stored AS (
    SELECT series_id, second, seconds, n, base, mean, low, high FROM trace_blocks
    UNION ALL
    SELECT t.series_id, t.second, t.seconds, t.n, t.base, t.mean, t.low, t.high FROM trace_tails t
    WHERE t.block > coalesce((SELECT max(b.no) FROM trace_blocks b WHERE b.series_id = t.series_id), -1)
), entries AS (
    SELECT b.series_id, (u.at - 1) / b.seconds + 1 AS place, b.second + (u.at - 1) % b.seconds AS second,
        u.n, b.base[(u.at - 1) / b.seconds + 1] AS base, u.mean, coalesce(u.low, u.mean) AS low, coalesce(u.high, u.mean) AS high
    FROM stored b
    CROSS JOIN LATERAL unnest(b.n, b.mean, b.low, b.high) WITH ORDINALITY AS u(n, mean, low, high, at)
    WHERE u.n > 0
)
SELECT c.cell_id, c.epoch, c.phase, c.run, c.no, c.meter, c.channel, c.unit, to_timestamp(e.second) AS second,
    sum(e.n) AS n,
    sum(e.n * (e.base + e.mean)) / sum(e.n) AS mean,
    min(e.base + e.low) AS min,
    max(e.base + e.high) AS max,
    c.estimated, c.simulated
FROM entries e JOIN channels c ON c.id = e.series_id AND c.place = e.place
GROUP BY c.cell_id, c.epoch, c.phase, c.run, c.no, c.meter, c.channel, c.unit, c.estimated, c.simulated, e.second;
COMMENT ON VIEW trace_seconds IS 'What each channel showed in each second of wall-clock time, for dashboards: usable readings (n), their mean, least and greatest; estimated and simulated say that it is no measurement. A second without a usable reading has no row: a gap stays a gap. mean, min and max are good to 7 digits of their distance from the block''s first value. Ask by cell_id: a question by time alone reads every block.';

-- +goose Down
DROP VIEW trace_seconds;
DROP TABLE trace_tails, trace_blocks, trace_series, trace_meters;
