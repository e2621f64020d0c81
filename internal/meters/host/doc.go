// Package host is the operating system's view of the machine that measures:
// CPU and memory of the whole host, and of the processes of the runtime that
// serves the model.
//
// It reads /proc itself instead of through gopsutil. For one tick (CPU times,
// memory, one process) BenchmarkReadAgainstGopsutil shows this package at no
// allocation and a fraction of the library's time; at twenty ticks a second
// the library's garbage would be part of what is measured. Slow facts, read
// once, come from gopsutil in package hostfacts.
package host
