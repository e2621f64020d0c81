package meters

import (
	"sort"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// chunkTicks is how many ticks a chunk holds: 51 s at the default of 50 ms.
const chunkTicks = 1024

// chunk holds the samples of consecutive ticks of one meter. What stands below
// n is never written again, so a view may read it without a lock.
type chunk struct {
	n        int
	seq      []int64         // number of the tick on the meter's schedule
	readings []bench.Reading // tick by tick, width channels each
}

func newChunk(width int) *chunk {
	return &chunk{seq: make([]int64, chunkTicks), readings: make([]bench.Reading, chunkTicks*width)}
}

// chunkBytes is the memory that one chunk takes.
func chunkBytes(width int) int64 { return chunkTicks * (8 + 24*int64(width)) }

// view is what a series held at one moment: whole chunks, but for the last.
type view struct {
	chunks []*chunk
	n      int // ticks in all
	width  int
}

func (v view) reading(i, ch int) bench.Reading {
	return v.chunks[i/chunkTicks].readings[(i%chunkTicks)*v.width+ch]
}

func (v view) seq(i int) int64 { return v.chunks[i/chunkTicks].seq[i%chunkTicks] }

// search gives the first tick whose reading of ch is at t or later. Stamps of
// one channel never fall.
func (v view) search(ch int, t time.Duration) int {
	return sort.Search(v.n, func(i int) bool { return v.reading(i, ch).At >= t })
}

// lacks reports whether samples were taken before t but all of them are gone.
func (v view) lacks(ch int, t time.Duration) bool {
	return v.n > 0 && v.seq(0) > 0 && v.reading(0, ch).At >= t
}
