package pdu

import (
	"slices"
	"sync"
)

// reasons holds the texts that readings point into by number. It only grows,
// and ends with a text for all that found no place.
type reasons struct {
	mu    sync.Mutex
	texts []string
}

// maxReasons leaves the last numbers to the sampler.
const maxReasons = 240

func newReasons() *reasons {
	return &reasons{texts: []string{"the device gave no value, for one of too many reasons to list"}}
}

func (r *reasons) index(text string) uint8 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := slices.Index(r.texts, text); at >= 0 {
		return uint8(at) //nolint:gosec // below maxReasons
	}
	if len(r.texts) >= maxReasons {
		return 0
	}
	r.texts = append(r.texts, text)
	return uint8(len(r.texts) - 1) //nolint:gosec // below maxReasons
}

func (r *reasons) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.texts)
}
