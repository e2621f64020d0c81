// Package workflows holds the durable orchestration of wattsweep, and nothing
// else: no disk, no clock, no socket, no environment.
//
// Sweep waits until every cell of a stored plan is final, and does what people
// ask of it meanwhile: pause, resume, cancel, skip, retry, remeasure, extend,
// priority. Lane, one per host and shared by all sweeps, claims cells from the
// store and runs one Benchmark at a time, so that no two cells ever measure on
// one host at once; people drain and open it, and a host that fails closes it.
// Benchmark takes a cell through its stages, or a turn of a cell through its
// runs. Drift has a sweep measure reference cells again.
//
// History stays bounded: sweeps, lanes and benchmarks continue as new after 3,000
// events or 1 MiB, a lane also after 100 cells. While a lane measures, or its
// host is away, it is not woken. Activities are called by the names in contract,
// so this package links no driver.
//
// A run that a newer build began fails its task here until that build serves it.
// Decisions go by the V of the payload that began a run: what a release made is
// made again, until the run continues as new in today's shape. fault.ActionOf is
// part of those decisions. Stored histories are replayed in every build.
package workflows
