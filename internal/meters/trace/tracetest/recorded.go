// Package tracetest gives traces to test with: some recorded on a real
// machine, some made up and marked as simulated.
package tracetest

import (
	"bufio"
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Trace is what one meter gave over some time, tick by tick.
type Trace struct {
	Meter    string
	Channels []bench.Channel
	Interval time.Duration
	Reasons  []string
	Seq      []int64
	Ticks    [][]bench.Reading // of all channels, at each tick
}

// Samples is the number of readings.
func (t Trace) Samples() int { return len(t.Ticks) * len(t.Channels) }

//go:embed testdata/*.csv
var files embed.FS

// Recorded gives the traces of a real machine's host meter (CPU and memory)
// and of the estimate made of its CPU time, two minutes at 50 ms, as
// test/tracerecord wrote them.
func Recorded() ([]Trace, error) {
	var all []Trace
	for _, meter := range []string{"host", "estimate"} {
		text, err := files.ReadFile("testdata/host-50ms-" + meter + ".csv")
		if err != nil {
			return nil, fmt.Errorf("read recorded trace: %w", err)
		}
		t, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("read recorded trace of %s: %w", meter, err)
		}
		t.Meter, t.Interval = meter, 50*time.Millisecond
		all = append(all, t)
	}
	return all, nil
}

// described tells what the recorded channels are, as their meters say it.
func described() map[string]bench.Channel {
	cpu := bench.Channel{Unit: bench.UnitPercent, Scope: bench.ScopeHost, Sensor: bench.SensorAveraged, Resolution: 10}
	memory := bench.Channel{Unit: bench.UnitByte, Scope: bench.ScopeHost, Sensor: bench.SensorInstant, Resolution: 1024}
	energy := bench.Channel{Unit: bench.UnitJoule, Scope: bench.ScopeHost, Sensor: bench.SensorEstimate, Estimated: true, Resolution: 0.08}
	energy.Counter = true
	power := bench.Channel{Unit: bench.UnitWatt, Scope: bench.ScopeHost, Sensor: bench.SensorEstimate, Estimated: true, Resolution: 1.6}
	return map[string]bench.Channel{
		"host.cpu": cpu, "host.memory_used": memory, "runtime.memory": memory, "runtime.cpu": cpu,
		"estimate.energy": energy, "estimate.power": power,
	}
}

func parse(text string) (Trace, error) {
	var t Trace
	for i := range 9 {
		t.Reasons = append(t.Reasons, "recorded reason "+strconv.Itoa(i))
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		switch {
		case strings.HasPrefix(fields[0], "#"):
		case fields[0] == "tick":
			for _, name := range fields[1:] {
				c := described()[name]
				c.Name = name
				t.Channels = append(t.Channels, c)
			}
		case len(fields) != len(t.Channels)+1:
			return t, fmt.Errorf("a line has %d fields, expected %d", len(fields), len(t.Channels)+1)
		default:
			if err := t.line(fields); err != nil {
				return t, err
			}
		}
	}
	return t, lines.Err() //nolint:wrapcheck // of a string: it cannot fail but for a line that is too long
}

func (t *Trace) line(fields []string) error {
	seq, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return fmt.Errorf("number of a tick: %w", err)
	}
	tick := make([]bench.Reading, len(t.Channels))
	for i, field := range fields[1:] {
		parts := strings.Split(field, ";")
		if len(parts) != 2 && len(parts) != 4 {
			return fmt.Errorf("a reading has %d parts, expected 2 or 4", len(parts))
		}
		at, err := strconv.ParseInt(parts[0], 10, 64)
		if err != nil {
			return fmt.Errorf("stamp: %w", err)
		}
		tick[i].At = time.Duration(at)
		if tick[i].Value, err = strconv.ParseFloat(parts[1], 64); err != nil {
			return fmt.Errorf("value: %w", err)
		}
		if len(parts) == 4 {
			state, err := strconv.ParseUint(parts[2], 10, 8)
			if err != nil {
				return fmt.Errorf("state: %w", err)
			}
			reason, err := strconv.ParseUint(parts[3], 10, 8)
			if err != nil {
				return fmt.Errorf("reason: %w", err)
			}
			tick[i].State, tick[i].Reason = bench.ReadingState(state), uint8(reason)
		}
	}
	t.Seq = append(t.Seq, seq)
	t.Ticks = append(t.Ticks, tick)
	return nil
}
