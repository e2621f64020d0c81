-- +goose Up
CREATE TABLE scores (
    cell_id  text NOT NULL REFERENCES cells(id),
    epoch    integer NOT NULL,
    run      integer NOT NULL,
    item     integer NOT NULL,
    rules    text NOT NULL,
    weighted double precision NOT NULL,
    score    jsonb NOT NULL,
    PRIMARY KEY (cell_id, epoch, run, item, rules)
);
COMMENT ON TABLE scores IS 'How right each answer is under a set of rules; a pure function of what is stored.';

CREATE TABLE costs (
    cell_id text NOT NULL REFERENCES cells(id),
    epoch   integer NOT NULL,
    rules   text NOT NULL,
    cost    jsonb NOT NULL,
    PRIMARY KEY (cell_id, epoch, rules)
);
COMMENT ON TABLE costs IS 'Money and carbon of a cell under stated prices; a pure function of what is stored.';

CREATE TABLE cell_results (
    cell_id      text PRIMARY KEY REFERENCES cells(id),
    epoch        integer NOT NULL,
    result       jsonb NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cell_results IS 'The published row of each cell, as results.json carries it.';

-- +goose Down
DROP TABLE cell_results, costs, scores;
