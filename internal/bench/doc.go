// Package bench holds the shared nouns of wattsweep: sweep, cell, run, call,
// segment, stage, phase, reading and the results made of them, with pure
// functions over them. No clock, no input or output, no random numbers.
//
// A sweep is a declared matrix and its run. A cell is one host × runtime ×
// model × task × dataset × language × load pattern. A run is one independent
// repetition of a cell, a call one request, a segment the calls of a run that
// were measured without interruption. A stage is one durable step of a cell, a
// phase a named time window whose energy is accounted.
package bench
