package store

import "github.com/jackc/pgx/v5/pgxpool"

// Pool lets tests ask in SQL, as a dashboard does.
func Pool(s *Store) *pgxpool.Pool { return s.root }
