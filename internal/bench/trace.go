package bench

import "time"

// TraceKey names the trace of one meter over one phase window of a cell. Phase
// windows are those of PhaseReading, so a trace and its figures share a key.
type TraceKey struct {
	Cell  CellID `json:"cell"`
	Epoch int    `json:"epoch"`
	Phase Phase  `json:"phase"`
	Run   int    `json:"run"`
	No    int    `json:"no"`
	Meter string `json:"meter"`
}

// TraceSeries describes the samples of one meter over one window: what is
// needed to read its blocks.
type TraceSeries struct {
	TraceKey
	Channels []Channel     `json:"channels"`
	Interval time.Duration `json:"interval_ns"`
	// Anchor is the wall clock at the zero of the samples' monotonic stamps.
	Anchor  time.Time `json:"anchor"`
	Reasons []string  `json:"reasons"` // that Reading.Reason points into
	// Quality tells how sampling has gone up to the newest block.
	Quality SamplingQuality `json:"quality"`
}

// TraceBlock is a stretch of a trace, compressed. A block that is not full is
// stored again as it grows, under the same number.
type TraceBlock struct {
	No       int           `json:"no"` // 0-based within the series
	From, To time.Duration // stamps of its first and last tick
	Ticks    int
	Data     []byte // as package trace encodes it
	// Seconds are rollups for dashboards, which cannot read Data.
	Seconds []TraceSecond
}

// TraceSecond sums up the usable readings of one channel within one second of
// wall-clock time.
type TraceSecond struct {
	Channel        int       // index into TraceSeries.Channels
	Second         time.Time // beginning, UTC
	N              int       // usable readings
	Mean, Min, Max float64
}

// CallReading is what one channel showed while one call ran.
type CallReading struct {
	CallKey
	Channel string   `json:"channel"`
	Unit    Unit     `json:"unit"`
	Mean    *float64 `json:"mean"` // time-weighted
	Peak    *float64 `json:"peak"`
	Samples int      `json:"samples"`
	// EnergyJ is the call's attributed share of its window; set on the channels
	// that the cell's energy rests on.
	EnergyJ *float64 `json:"energy_j,omitempty"`
	Missing string   `json:"missing,omitempty"`
}
