package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// SweepID is the first 16 hex digits of the SHA-256 of the canonical spec:
// the same spec is the same sweep.
type SweepID string

// CellID is the first 16 hex digits of the SHA-256 of the cell's coordinates
// and its whole configuration.
type CellID string

// Hash gives the SHA-256 of text as 64 hex digits.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// NewSweepID makes the id of a sweep from its canonical spec.
func NewSweepID(canonicalSpec []byte) SweepID {
	return SweepID(Hash(string(canonicalSpec))[:16])
}

// NewCellID makes the id of a cell from the sweep it belongs to, its
// coordinates and the canonical JSON of its configuration.
func NewCellID(sweep SweepID, c Coordinates, configJSON []byte) CellID {
	return CellID(Hash(string(sweep) + "\x00" + c.key() + "\x00" + string(configJSON))[:16])
}

// Coordinates place a cell in its sweep's matrix.
type Coordinates struct {
	Host     string `json:"host"`
	Runtime  string `json:"runtime"`
	Model    string `json:"model"`
	Task     string `json:"task"`
	Dataset  string `json:"dataset"`
	Language string `json:"language"`
	Load     string `json:"load_pattern"`
}

func (c Coordinates) key() string {
	return strings.Join([]string{c.Host, c.Runtime, c.Model, c.Task, c.Dataset, c.Language, c.Load}, "\x00")
}

// String names the cell for people.
func (c Coordinates) String() string {
	return c.Host + " · " + c.Runtime + " · " + c.Model + " · " + c.Language
}

// CallKey is the natural key of a call: it is measured exactly once.
type CallKey struct {
	Cell CellID `json:"cell"`
	Run  int    `json:"run"`  // 1-based
	Item int    `json:"item"` // 0-based place of the journal in the dataset
}

// String prints cell/run/item.
func (k CallKey) String() string {
	return string(k.Cell) + "/" + strconv.Itoa(k.Run) + "/" + strconv.Itoa(k.Item)
}

// Nonce is the line put before a prompt so that a prompt cache cannot answer
// for the model: 16 hex digits made from the call's key and attempt, so that
// it can be made again and never repeats within a sweep.
func (k CallKey) Nonce(attempt int) string {
	return Hash(k.String() + "/" + strconv.Itoa(attempt))[:16]
}
