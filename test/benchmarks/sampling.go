package main

import "time"

// samplingRun is what a child process samples.
type samplingRun struct {
	Library string
	Every   time.Duration
	For     time.Duration
}

// samplingCost is what sampling took.
type samplingCost struct {
	Wall, CPU                 time.Duration
	Meters, Channels          int
	Ticks, Missed             int64
	LateP50, LateP99, LateMax time.Duration
}
