package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// arrange puts cells into the order of a spec. A random order is made of hashes
// of seed and coordinates: it is the same on every machine and Go version, and
// independent of the order in the spec. Each host takes its own cells in this
// order. Alternated cells stand in the shuffled order; the lanes let them take
// turns, every second round backwards.
func arrange(cells []bench.Cell, order string, seed int64) {
	switch order {
	case orderShuffled, orderAlternated:
		byRank(cells, func(c bench.Cell) [][]byte { return [][]byte{rank(seed, "", coordinates(c)...)} })
	case orderBlocked:
		// What a host loads once stands together, in an order of its own on each
		// host, so that no model comes first on all of them.
		byRank(cells, func(c bench.Cell) [][]byte {
			return [][]byte{rank(seed, "block", c.At.Host, c.At.Runtime, c.At.Model), rank(seed, "", coordinates(c)...)}
		})
	}
}

func coordinates(c bench.Cell) []string {
	return []string{c.At.Host, c.At.Runtime, c.At.Model, c.At.Task, c.At.Dataset, c.At.Language, c.At.Load}
}

// rank is a hash of the seed and of what is ranked; kinds of ranks differ.
func rank(seed int64, kind string, parts ...string) []byte {
	key := binary.BigEndian.AppendUint64([]byte("wattsweep order"+kind+"\x00"), uint64(seed)) //nolint:gosec // any 64 bits are a seed
	sum := sha256.Sum256(append(key, strings.Join(parts, "\x00")...))
	return sum[:]
}

// byRank sorts cells by their ranks, the first that differ deciding.
func byRank(cells []bench.Cell, of func(bench.Cell) [][]byte) {
	ranks := make(map[bench.CellID][][]byte, len(cells))
	for _, c := range cells {
		ranks[c.ID] = of(c)
	}
	slices.SortFunc(cells, func(a, b bench.Cell) int {
		return cmp.Or(slices.CompareFunc(ranks[a.ID], ranks[b.ID], bytes.Compare), cmp.Compare(a.ID, b.ID))
	})
}

// runsPerTurn is 0 where cells do not take turns.
func (s *Spec) runsPerTurn() int {
	if s.Order != orderAlternated {
		return 0
	}
	return s.RunsPerTurn
}
