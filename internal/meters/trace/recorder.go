package trace

import (
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The bounds of what a Recorder puts into one block, and the least that it
// stores of an open one.
const (
	BlockSpan  = time.Minute
	BlockTicks = 4096
	pieceSpan  = 200 * time.Millisecond
)

// Meter describes what a Source samples.
type Meter struct {
	Name     string
	Channels []bench.Channel
	Interval time.Duration
	Reasons  []string // that readings point into, as far as known by now
}

// Source gives the samples of running meters. Sampled makes one of a
// meters.Sampler.
type Source interface {
	Meters() []Meter
	// Ticks visits the ticks of a meter whose number is above after, in order,
	// until visit says no. The readings are the visitor's for the call alone.
	Ticks(meter string, after int64, visit func(seq int64, readings []bench.Reading) bool)
	// Quality tells how sampling a meter has gone.
	Quality(meter string) bench.SamplingQuality
}

// Batch is what is to be made durable of one series.
type Batch struct {
	Series bench.TraceSeries
	// Recording tells recordings of one key apart: the later one replaces the
	// earlier, as when a stage that a crash cut is done again.
	Recording int64
	// Blocks are full and never change.
	Blocks []bench.TraceBlock
	// Open is the number of the block that is still growing, and Tail are its
	// pieces, numbered from 0. What belongs to an earlier block than Open is
	// in Blocks by now.
	Open int
	Tail []bench.TraceBlock
	// Last says that the series is complete: nothing is open any more.
	Last bool
}

// Recorder turns the samples of a running sampler into blocks, one series per
// meter. Ask it once a second for what is Pending, store that, and tell it
// what was Stored: then a kill at any moment loses one second at most.
//
// A tick is encoded twice: within a second as a piece of the open block, and
// when the block is full. Storing the growing block itself each second would
// write its bytes thirty times over on average, and leave as many dead copies
// in the database.
//
// It is used by one goroutine at a time, which need not be that of the
// sampler.
type Recorder struct {
	source    Source
	key       bench.TraceKey
	anchor    time.Time
	recording int64
	from      time.Duration
	tracks    []*track
}

// track records one meter.
type track struct {
	meter Meter
	enc   *Encoder
	last  int64 // number of the newest tick that was taken
	taken time.Duration
	begun bool
	ended bool

	block  int // number of the open block
	piece  int // number of its next piece
	pieced int // ticks of the open block that are in pieces
	closed []bench.TraceBlock
	tail   []bench.TraceBlock

	before    []bench.Reading // newest tick before the window, for its edge
	beforeSeq int64
	hasBefore bool
}

// NewRecorder records all meters of a source under a key, whose Meter is left
// empty. anchor is the wall clock at the zero of the stamps. The series begin
// with the last tick before from, so that the window's edge can be
// interpolated.
func NewRecorder(source Source, key bench.TraceKey, anchor time.Time, from time.Duration) *Recorder {
	r := &Recorder{source: source, key: key, anchor: anchor, from: from, recording: anchor.Add(from).UnixNano()}
	for _, m := range source.Meters() {
		r.tracks = append(r.tracks, &track{meter: m, enc: NewEncoder(m.Channels, m.Interval), last: -1})
	}
	return r
}

// Pending gives what was sampled up to now and is not known to be stored.
// Meters with nothing new are left out.
func (r *Recorder) Pending(until time.Duration) []Batch { return r.pending(until, false) }

// Finish gives the rest of all series: they end with the first tick at or
// after until, or the newest one if there is none yet, and take no more.
func (r *Recorder) Finish(until time.Duration) []Batch { return r.pending(until, true) }

func (r *Recorder) pending(until time.Duration, last bool) []Batch {
	now := r.source.Meters() // their reasons may have grown
	var out []Batch
	for i, t := range r.tracks {
		t.take(r, until)
		if last {
			t.ended = true
			t.close(r)
		} else {
			t.cut(r)
		}
		if len(t.closed) == 0 && len(t.tail) == 0 && !last {
			continue
		}
		b := Batch{
			Series: bench.TraceSeries{
				TraceKey: r.key, Channels: t.meter.Channels, Interval: t.meter.Interval, Anchor: r.anchor,
				Reasons: now[i].Reasons, Quality: r.source.Quality(t.meter.Name),
			},
			Recording: r.recording, Open: t.block, Last: t.ended,
			Blocks: slices.Clone(t.closed), Tail: slices.Clone(t.tail),
		}
		b.Series.Meter = t.meter.Name
		out = append(out, b)
	}
	return out
}

// Stored says that a batch is durable: it will not be given again.
func (r *Recorder) Stored(b Batch) {
	for _, t := range r.tracks {
		if t.meter.Name != b.Series.Meter {
			continue
		}
		if n := len(b.Blocks); n > 0 {
			t.closed = slices.DeleteFunc(t.closed, func(one bench.TraceBlock) bool { return one.No <= b.Blocks[n-1].No })
		}
		if n := len(b.Tail); n > 0 && b.Open == t.block {
			t.tail = slices.DeleteFunc(t.tail, func(one bench.TraceBlock) bool { return one.No <= b.Tail[n-1].No })
		}
	}
}

// Taken is the stamp up to which the sampler may forget: what was sampled
// before it is in the recorder or in store.
func (r *Recorder) Taken() time.Duration {
	var at time.Duration
	for i, t := range r.tracks {
		if i == 0 || t.taken < at {
			at = t.taken
		}
	}
	return at
}

// take moves the ticks from the source into the open block, and closes it
// whenever it is full.
func (t *track) take(r *Recorder, until time.Duration) {
	if t.ended {
		return
	}
	r.source.Ticks(t.meter.Name, t.last, func(seq int64, readings []bench.Reading) bool {
		if len(readings) == 0 {
			return false
		}
		at := readings[0].At
		t.last, t.taken = seq, at
		if !t.begun && at < r.from {
			t.before = append(t.before[:0], readings...)
			t.beforeSeq, t.hasBefore = seq, true
			return true
		}
		if !t.begun && t.hasBefore {
			t.enc.Add(t.beforeSeq, t.before)
		}
		t.begun = true
		if t.enc.Len() > 0 {
			first, _ := t.enc.Span(0, 1)
			if at-first >= BlockSpan || t.enc.Len() >= BlockTicks || t.enc.Full() {
				t.close(r)
			}
		}
		t.enc.Add(seq, readings)
		return at < until
	})
}

// cut makes a piece of what the open block has gained.
func (t *track) cut(r *Recorder) {
	n := t.enc.Len()
	if n == t.pieced {
		return
	}
	first, _ := t.enc.Span(t.pieced, n)
	if _, last := t.enc.Span(n-1, n); last-first < pieceSpan-t.meter.Interval {
		return
	}
	t.tail = append(t.tail, t.cutBlock(r, t.piece, t.pieced, n))
	t.piece++
	t.pieced = n
}

// close makes a block of all that is open.
func (t *track) close(r *Recorder) {
	if n := t.enc.Len(); n > 0 {
		t.closed = append(t.closed, t.cutBlock(r, t.block, 0, n))
		t.block++
	}
	t.enc.Reset()
	t.tail, t.piece, t.pieced = t.tail[:0], 0, 0
}

func (t *track) cutBlock(r *Recorder, no, from, to int) bench.TraceBlock {
	first, last := t.enc.Span(from, to)
	return bench.TraceBlock{
		No: no, From: first, To: last, Ticks: to - from,
		Data: t.enc.Encode(from, to), Seconds: t.enc.Seconds(r.anchor, from, to),
	}
}
