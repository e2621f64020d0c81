package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// Limits of a history, well below what Temporal refuses (51,200 and 50 MB).
const (
	maxEvents = 10_000
	maxBytes  = 5 << 20
)

// A program's memory counts as flat when it grows by no more than one of these
// from the beginning of the second half to the end.
const (
	flatShare = 0.10
	flatBytes = 50 << 20
)

func scaleRows(o scaleOptions, run scaleRun, peer float64) []Row {
	rows := []Row{speedRow(o, run, peer), activityRow(run)}
	for _, name := range []string{contract.WorkflowSweep, contract.WorkflowLane, contract.WorkflowBenchmark} {
		rows = append(rows, historyRows(name, run.Histories[name])...)
	}
	for _, p := range []struct {
		name string
		of   func(sample) usageOf
	}{
		{"worker", func(s sample) usageOf { return s.Worker }},
		{"temporal", func(s sample) usageOf { return s.Temporal }},
		{"postgres", func(s sample) usageOf { return s.Postgres }},
	} {
		rows = append(rows, memoryRow(p.name, run.Samples, p.of), cpuRow(p.name, run, p.of))
	}
	return append(rows, diskRows(run)...)
}

func speedRow(o scaleOptions, run scaleRun, peer float64) Row {
	row := Row{
		Name: "scale.cells", Value: float64(run.Done) / run.Took.Seconds(), Unit: "cells/s", OK: run.whole(),
		Note: fmt.Sprintf("%d of %d cells on %d hosts in %s, all in one process with simulated runtimes; each cell is 13 stages, 1 warm-up call and 2 calls; Temporal and Postgres on the same machine; the peer does the same activities with the same writes to the store, and would begin anew after a crash",
			run.Done, run.Cells, o.Hosts, run.Took.Round(time.Second)),
	}
	if run.Other > 0 {
		row.Note += fmt.Sprintf("; %d cells did not end well", run.Other)
	}
	return row.against("plain loop without Temporal", peer)
}

func activityRow(run scaleRun) Row {
	total := 0.0
	for _, h := range run.Histories {
		total += h.Activities
	}
	perCell := total / float64(max(run.last().Final, 1))
	return Row{
		Name: "scale.activities", Value: perCell * float64(run.Done) / run.Took.Seconds(), Unit: "activities/s", OK: true,
		Note: fmt.Sprintf("%.2f activities per cell, counted in histories", perCell),
	}
}

func historyRows(name string, h historySize) []Row {
	note := fmt.Sprintf("largest of %d runs: %s", h.Runs, h.Largest)
	return []Row{
		(Row{Name: "scale.events_" + name, Value: float64(h.MaxEvents), Unit: "events", Note: fmt.Sprintf("median %d; %s", h.MedianEvents, note)}).atMost(maxEvents),
		(Row{Name: "scale.bytes_" + name, Value: float64(h.MaxBytes), Unit: "B", Note: fmt.Sprintf("median %d; over %d runs", h.MedianBytes, h.Runs)}).atMost(maxBytes),
	}
}

// growth tells how memory went from the beginning of the second half of a run
// to its end, each as the median over an eighth of the run.
func growth(samples []sample, of func(sample) usageOf) (from, to int64) {
	eighth := max(1, len(samples)/8)
	bytes := make([]int64, len(samples))
	for i, s := range samples {
		bytes[i] = of(s).Bytes
	}
	half := len(bytes) / 2
	return middle(bytes[half:min(half+eighth, len(bytes))]), middle(bytes[len(bytes)-eighth:])
}

func memoryRow(name string, samples []sample, of func(sample) usageOf) Row {
	const mb = 1 << 20
	from, to := growth(samples, of)
	row := Row{Name: "scale.memory_growth_" + name, Value: float64(to-from) / mb, Unit: "MiB"}
	if to == 0 {
		row.OK, row.Note = true, "not on this machine"
		return row
	}
	most := slices.MaxFunc(samples, func(a, b sample) int { return int(of(a).Bytes/1024 - of(b).Bytes/1024) })
	row.Note = fmt.Sprintf("from %d MiB at half of the run to %d at its end, medians over an eighth of it; at most %d; at first %d",
		from/mb, to/mb, of(most).Bytes/mb, of(samples[0]).Bytes/mb)
	if shared := of(samples[len(samples)-1]).Shared; shared > 0 {
		row.Note += fmt.Sprintf("; besides %d MiB of shared buffers, whose bound is fixed", shared/mb)
	}
	return row.atMost(max(flatShare*float64(from), flatBytes) / mb)
}

func cpuRow(name string, run scaleRun, of func(sample) usageOf) Row {
	spent := of(run.last()).CPU - of(run.Samples[0]).CPU
	return Row{
		Name: "scale.cpu_" + name, Value: float64(spent.Milliseconds()) / float64(max(run.Done, 1)), Unit: "ms/cell", OK: true,
		Note: "CPU time of all threads, user and system",
	}
}

func diskRows(run scaleRun) []Row {
	perCell := func(before, after int64) float64 { return float64(after-before) / float64(max(run.Done, 1)) }
	return []Row{
		{Name: "scale.disk_postgres", Value: perCell(run.Before.Postgres, run.After.Postgres), Unit: "B/cell", OK: true, Note: "pg_database_size of our own database, with indexes and what vacuum has not yet given back"},
		{Name: "scale.disk_temporal", Value: perCell(run.Before.Temporal, run.After.Temporal), Unit: "B/cell", OK: true, Note: "the server's SQLite file with its write-ahead log: histories and visibility"},
	}
}
