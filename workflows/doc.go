// Package workflows holds the durable orchestration of wattsweep, and nothing
// else: no disk, no clock, no socket, no environment.
//
// Sweep waits until every cell of a stored plan is final. Lane, one per host
// and shared by all sweeps, claims cells from the store and runs one Benchmark
// at a time, so that no two cells ever measure on one host at once. Benchmark
// takes a cell through its twelve stages.
//
// A benchmark's history stays below 600 events and a lane continues as new
// after 100 cells. Activities are called by the names in contract, so this
// package links no driver. Changes to a released workflow go behind
// workflow.GetVersion; stored histories are replayed in every build.
package workflows
