-- +goose Up
CREATE OR REPLACE VIEW trace_seconds AS
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
CREATE VIEW trace_seconds AS
WITH channels AS (
    SELECT s.id, s.cell_id, s.epoch, s.phase, s.run, s.no, s.meter, c.place, c.about->>'name' AS channel, c.about->>'unit' AS unit
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
    max(e.base + e.high) AS max
FROM entries e JOIN channels c ON c.id = e.series_id AND c.place = e.place
GROUP BY c.cell_id, c.epoch, c.phase, c.run, c.no, c.meter, c.channel, c.unit, e.second;
