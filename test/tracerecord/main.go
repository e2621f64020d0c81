// Command tracerecord samples this machine's host meter and the CPU-time
// estimate, and writes what they gave as plain text: the recorded traces of
// package trace's tests and benchmarks. It records numbers of the machine
// alone: shares of CPU time, bytes of memory, and joules made of stated watts.
//
// One line per tick: its number on the schedule, then for each channel the
// stamp in ns, the value with all its digits, and the state and the reason's
// number unless the reading is ok, parted by semicolons. Lines that begin with
// # tell what was recorded, and where.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/estimate"
	"github.com/wattsweep/wattsweep/internal/meters/host"
)

func main() { os.Exit(start()) }

func start() int {
	prefix := flag.String("out", "trace", "what the files' names begin with; the meter's name follows")
	length := flag.Duration("for", time.Minute, "how long to record")
	interval := flag.Duration("interval", 50*time.Millisecond, "sampling interval")
	pid := flag.Int("pid", os.Getpid(), "process whose CPU time and memory are the runtime's")
	note := flag.String("note", "", "what the machine was doing, for the head of the file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := record(ctx, *prefix, *length, *interval, int32(*pid), *note); err != nil { //nolint:gosec // a process id
		fmt.Fprintln(os.Stderr, "tracerecord:", err)
		return 1
	}
	return 0
}

func record(ctx context.Context, prefix string, length, interval time.Duration, pid int32, note string) error {
	h, err := host.New(host.Options{
		Interval:  interval,
		Processes: func(context.Context) ([]int32, error) { return []int32{pid}, nil },
	})
	if err != nil {
		return fmt.Errorf("open host meter: %w", err)
	}
	e, err := estimate.New(estimate.Options{
		Interval: interval,
		Config:   bench.EstimateConfig{IdlePowerW: 20, PowerPerBusyCoreW: 8, Source: "stated for a recording"},
	})
	if err != nil {
		return fmt.Errorf("open estimate: %w", err)
	}
	open := []meters.Meter{h, e}
	s, err := meters.NewSampler(meters.NewClock(), interval, open, meters.SamplerOptions{})
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	if err := s.Start(ctx); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(length):
	}
	s.Stop()
	for _, m := range open {
		if err := write(prefix+"-"+m.Name()+".csv", s, m, interval, note); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, s *meters.Sampler, m meters.Meter, interval time.Duration, note string) error {
	f, err := os.Create(path) //nolint:gosec // the user names it
	if err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	w := bufio.NewWriter(f)
	_, _ = fmt.Fprintf(w, "# meter %s every %s on %s/%s, %d CPUs, %s\n# %s\n", m.Name(), interval, runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), note)
	names := []string{"tick"}
	var columns [][]bench.Reading
	for _, c := range m.Channels() {
		names = append(names, c.Name)
		columns = append(columns, s.Samples(c.Name, 0, time.Duration(1<<62)))
	}
	_, _ = fmt.Fprintln(w, strings.Join(names, ",")) // what fails here fails in Flush
	rows(w, columns, interval)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	return f.Close() //nolint:wrapcheck // names the file itself
}

func rows(w io.Writer, columns [][]bench.Reading, interval time.Duration) {
	first, next := columns[0][0].At, int64(0)
	for i := range columns[0] {
		// Ticks are on a schedule and never early, so a stamp tells its tick;
		// but the last one is taken when sampling stops.
		seq := max(next, int64((columns[0][i].At-first+interval/8)/interval))
		next = seq + 1
		line := strconv.FormatInt(seq, 10)
		for _, column := range columns {
			r := column[i]
			line += "," + strconv.FormatInt(int64(r.At), 10) + ";" + strconv.FormatFloat(r.Value, 'g', -1, 64)
			if r.State != bench.ReadingOK {
				line += ";" + strconv.Itoa(int(r.State)) + ";" + strconv.Itoa(int(r.Reason))
			}
		}
		_, _ = fmt.Fprintln(w, line)
	}
}
