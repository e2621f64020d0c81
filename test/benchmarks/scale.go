package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// scaleOptions say how large the large sweep is, and when it is given up.
type scaleOptions struct {
	// Cells and Hosts: each host measures Cells/Hosts of them.
	Cells, Hosts int
	// Name of the sweep; a run under a name that was begun goes on with it, as
	// far as the servers are still the same. Empty takes a new one.
	Name string
	// Limit is after how long the sweep is left as it is; its rows then fail.
	Limit time.Duration
	// Curve is the file of samples over time, written anew each minute.
	Curve string
	// Profile is the file of the worker's CPU profile; empty takes none.
	Profile string
	// Peer is how many cells the plain loop does.
	Peer int
}

func (o scaleOptions) check() error {
	switch {
	case o.Hosts < 1 || o.Hosts > 64:
		return fault.New(fault.Invalid, "", "use 1 to 64", "%d hosts", o.Hosts)
	case o.Cells < o.Hosts || o.Cells > 100_000 || o.Cells%o.Hosts != 0:
		return fault.New(fault.Invalid, "", "use a multiple of the hosts, at most 100000", "%d cells on %d hosts", o.Cells, o.Hosts)
	}
	return nil
}

// scale runs a sweep of many cells with simulated runtimes through the real
// workflows, activities, store, Temporal and Postgres, and tells how fast it
// went, how large its histories are and whether memory stays flat.
func scale(ctx context.Context, o scaleOptions) (rows []Row, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = "scale-" + strconv.FormatInt(time.Now().Unix(), 36)
	}
	if err := os.MkdirAll(filepath.Dir(o.Curve), 0o755); err != nil { //nolint:gosec // results are not secret
		return nil, fmt.Errorf("make the folder of the curve: %w", err)
	}
	f, err := newFleet(ctx, o)
	if err != nil {
		return nil, err
	}
	defer f.close()
	stop, err := profile(o.Profile)
	if err != nil {
		return nil, err
	}
	run, err := f.sweep(ctx)
	if err := errors.Join(err, stop()); err != nil {
		return nil, err
	}
	if run.Histories, err = f.histories(ctx, run.Sweep); err != nil {
		return nil, err
	}
	f.stop() // the plain loop has the machine to itself
	peer, err := f.plainLoop(ctx, run.Dataset)
	if err != nil {
		return nil, err
	}
	return scaleRows(o, run, peer), nil
}

// scaleRun is what was seen of a large sweep.
type scaleRun struct {
	Sweep   bench.SweepID `json:"sweep"`
	Cells   int           `json:"cells"` // of the plan
	Began   time.Time     `json:"began"`
	Samples []sample      `json:"samples"`
	// Done is how many cells ended well in this run, Other in another way.
	Done      int                    `json:"done"`
	Other     int                    `json:"other"`
	Took      time.Duration          `json:"took_ns"`
	Histories map[string]historySize `json:"histories,omitempty"`
	// Before and After are the bytes of both databases.
	Before databases `json:"before"`
	After  databases `json:"after"`
	// Dataset is the hash of the journals that were asked about.
	Dataset string `json:"dataset"`
}

// whole tells whether every cell of the plan is done.
func (r scaleRun) whole() bool {
	return r.Other == 0 && len(r.Samples) > 0 && r.last().Final == r.Cells
}

func (r scaleRun) last() sample { return r.Samples[len(r.Samples)-1] }
