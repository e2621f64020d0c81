package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Journal is one journal in one language, as a runtime is asked about it.
type Journal struct {
	Item       int
	ID         string
	Specialty  string
	Difficulty string
	Codes      []string
	Body       string
	BodyHash   string
}

// Dataset is a set of journals to store, under the hash of its content.
type Dataset struct {
	Info     bench.DatasetInfo
	Journals map[string][]Journal // by language
}

// PutDataset stores a dataset once; the same hash again changes nothing.
func (s *Store) PutDataset(ctx context.Context, d Dataset) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO datasets (hash, name, version, code_system, licence, journals)
			VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (hash) DO NOTHING`,
			d.Info.Hash, d.Info.Name, d.Info.Version, d.Info.CodeSystem, d.Info.Licence, d.Info.Journals)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		batch := &pgx.Batch{}
		for lang, journals := range d.Journals {
			for _, j := range journals {
				batch.Queue(`INSERT INTO journals (dataset_hash, language, item, journal_id, specialty, difficulty,
					codes, body, body_hash) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
					d.Info.Hash, lang, j.Item, j.ID, j.Specialty, j.Difficulty, j.Codes, clean(j.Body), j.BodyHash)
			}
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	return wrap("store dataset "+d.Info.Name, err)
}

// GetDataset reads what pins a dataset.
func (s *Store) GetDataset(ctx context.Context, hash string) (bench.DatasetInfo, error) {
	var d bench.DatasetInfo
	err := s.pool.QueryRow(ctx, `SELECT name, version, hash, code_system, licence, journals FROM datasets WHERE hash = $1`,
		hash).Scan(&d.Name, &d.Version, &d.Hash, &d.CodeSystem, &d.Licence, &d.Journals)
	return d, wrap("read dataset "+hash, err)
}

// Journals reads the first limit journals of a dataset in one language, in
// order; limit 0 reads all.
func (s *Store) Journals(ctx context.Context, hash, language string, limit int) ([]Journal, error) {
	doing := fmt.Sprintf("read journals of dataset %.12s in %s", hash, language)
	rows, err := s.pool.Query(ctx, `SELECT item, journal_id, specialty, difficulty, codes, body, body_hash
		FROM journals WHERE dataset_hash = $1 AND language = $2 ORDER BY item LIMIT NULLIF($3, 0)`, hash, language, limit)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Journal])
	return out, wrap(doing, err)
}

// CodeList is a stored list of codes that exist.
type CodeList struct {
	Title  string
	System string
	Hash   string
	codes  map[string]bool
}

// Name gives the list's name.
func (l CodeList) Name() string { return l.Title }

// Has reports whether the code is in the list.
func (l CodeList) Has(code string) bool { return l.codes[code] }

// PutCodeList stores or renews a code list.
func (s *Store) PutCodeList(ctx context.Context, name, system, hash string, codes []string) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO code_lists (name, system, hash, codes) VALUES ($1,$2,$3,$4)
		ON CONFLICT (name) DO UPDATE SET system = excluded.system, hash = excluded.hash, codes = excluded.codes
		WHERE code_lists.hash <> excluded.hash`, name, system, hash, codes)
	return wrap("store code list "+name, err)
}

// GetCodeList reads a code list; ErrNotFound when there is none.
func (s *Store) GetCodeList(ctx context.Context, name string) (CodeList, error) {
	l := CodeList{Title: name, codes: map[string]bool{}}
	var codes []string
	err := s.pool.QueryRow(ctx, `SELECT system, hash, codes FROM code_lists WHERE name = $1`, name).
		Scan(&l.System, &l.Hash, &codes)
	for _, c := range codes {
		l.codes[c] = true
	}
	return l, wrap("read code list "+name, err)
}
