package store

import (
	"context"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Course is what a finished cell's traces tell over time.
type Course struct {
	Curves   []bench.Curve           `json:"curves"`
	Missing  string                  `json:"missing,omitempty"` // why there are no curves
	Sampling []bench.SamplingQuality `json:"sampling"`
}

// PutCourse stores or renews the course of a cell's epoch.
func (s *Store) PutCourse(ctx context.Context, cell bench.CellID, epoch int, c Course) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO courses (cell_id, epoch, course) VALUES ($1,$2,$3)
		ON CONFLICT (cell_id, epoch) DO UPDATE SET course = excluded.course`, cell, epoch, c)
	return wrap("store course of cell "+string(cell), err)
}

// GetCourse reads the course of a cell's epoch; ErrNotFound before it is scored.
func (s *Store) GetCourse(ctx context.Context, cell bench.CellID, epoch int) (Course, error) {
	var c Course
	err := s.pool.QueryRow(ctx, `SELECT course FROM courses WHERE cell_id = $1 AND epoch = $2`, cell, epoch).Scan(&c)
	return c, wrap("read course of cell "+string(cell), err)
}
