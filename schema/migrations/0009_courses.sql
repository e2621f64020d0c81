-- +goose Up
CREATE TABLE courses (
    cell_id text NOT NULL REFERENCES cells(id),
    epoch   integer NOT NULL,
    course  jsonb NOT NULL,
    PRIMARY KEY (cell_id, epoch)
);
COMMENT ON TABLE courses IS 'Curves of power, energy and temperature over a finished cell, thinned for drawing, and how its meters were sampled; made of the traces when the cell is scored.';

-- +goose Down
DROP TABLE courses;
