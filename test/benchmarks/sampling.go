package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/test/nvmlstub"
)

// samplingEnv tells a child process what to sample, as JSON of a samplingRun.
const samplingEnv = "WATTSWEEP_BENCH_SAMPLING"

// samplingRun is what a child process samples.
type samplingRun struct {
	Library string        `json:"library"` // the stand-in for the driver's; "" only wakes up
	Every   time.Duration `json:"every_ns"`
	For     time.Duration `json:"for_ns"`
}

// samplingCost is what sampling took.
type samplingCost struct {
	Wall     time.Duration `json:"wall_ns"`
	CPU      time.Duration `json:"cpu_ns"`
	Meters   int           `json:"meters"`
	Channels int           `json:"channels"`
	Ticks    int64         `json:"ticks"`
	Missed   int64         `json:"missed"`
	LateP50  time.Duration `json:"late_p50_ns"`
	LateP99  time.Duration `json:"late_p99_ns"`
	LateMax  time.Duration `json:"late_max_ns"`
}

func (c samplingCost) percentOfCore() float64 { return 100 * c.CPU.Seconds() / c.Wall.Seconds() }

func (c samplingCost) percentMissed() float64 {
	return 100 * float64(c.Missed) / float64(max(1, c.Ticks+c.Missed))
}

// samplingRepeats is how often each cost is measured. What other work on the
// machine adds to the CPU time of a process is never negative, so that the
// least is the nearest to the truth; the note tells all.
const samplingRepeats = 5

const standIn = "; through dlopen and go-nvml's path with a library that stands in for the driver's and answers at once: a real driver's calls cost more"

// sampling measures what sampling GPUs costs, each time in a process of its
// own, because a process can load one NVML library.
func sampling(ctx context.Context) ([]Row, error) {
	dir, err := os.MkdirTemp("", "wattsweep-bench")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the stand-in library: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	library, err := nvmlstub.Compile(dir)
	if err != nil {
		return nil, fmt.Errorf("build the stand-in library: %w", err)
	}
	eight, err := sampled(ctx, dir, 8, samplingRun{Library: library, Every: 50 * time.Millisecond, For: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	one, err := sampled(ctx, dir, 1, samplingRun{Library: library, Every: time.Millisecond, For: 5 * time.Second})
	if err != nil {
		return nil, err
	}
	return append(costRows("sampling 8 GPUs at 50 ms", eight, 0.5), costRows("sampling 1 GPU at 1 ms", one, 0)...), nil
}

// sampled runs a number of children, one after the other, and as many that
// wake up as often and do nothing.
func sampled(ctx context.Context, dir string, gpus int, run samplingRun) (costs sampledCosts, err error) {
	config := nvmlstub.Config{Driver: "570.00 (simulated)", NVML: "12.570.00", CUDA: 12080}
	for i := range gpus {
		config.GPUs = append(config.GPUs, nvmlstub.H100(i))
	}
	text, err := config.Text()
	if err != nil {
		return costs, fmt.Errorf("configure the stand-in library: %w", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%d-gpus.conf", gpus))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return costs, fmt.Errorf("configure the stand-in library: %w", err)
	}
	bare := run
	bare.Library, bare.For = "", run.For/3
	for range samplingRepeats {
		cost, err := child(ctx, path, run)
		if err != nil {
			return costs, err
		}
		empty, err := child(ctx, path, bare)
		if err != nil {
			return costs, err
		}
		costs.full, costs.bare = append(costs.full, cost), append(costs.bare, empty)
	}
	return costs, nil
}

// sampledCosts are the costs of all repeats.
type sampledCosts struct{ full, bare []samplingCost }

// child runs this program again, to sample.
func child(ctx context.Context, config string, run samplingRun) (cost samplingCost, err error) {
	self, err := os.Executable()
	if err != nil {
		return cost, fmt.Errorf("find this program: %w", err)
	}
	order, err := json.Marshal(run)
	if err != nil {
		return cost, fmt.Errorf("encode what to sample: %w", err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), samplingEnv+"="+string(order), nvmlstub.Env+"="+config)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return cost, fmt.Errorf("sample in a process of its own: %w\n%s", err, errOut.String())
	}
	if err := json.Unmarshal(out.Bytes(), &cost); err != nil {
		return cost, fmt.Errorf("read what sampling cost: %w", err)
	}
	if cost.Wall <= 0 || (run.Library != "" && cost.Ticks == 0) {
		return cost, errors.New("sample in a process of its own: it took no sample")
	}
	return cost, nil
}

// costRows tells the CPU time and how late ticks were; limit 0 is none.
func costRows(name string, costs sampledCosts, limit float64) []Row {
	best, bare := least(costs.full), least(costs.bare)
	var all []string
	var late50, late99 []time.Duration
	var missed, ticks int64
	for _, c := range costs.full {
		all = append(all, fmt.Sprintf("%.2f", c.percentOfCore()))
		late50, late99 = append(late50, c.LateP50), append(late99, c.LateP99)
		missed, ticks = missed+c.Missed, ticks+c.Ticks
	}
	slices.Sort(late50)
	slices.Sort(late99)
	share := samplingCost{Ticks: ticks, Missed: missed}.percentMissed()
	cost := Row{
		Name: name + " (stand-in library)", Value: best.percentOfCore(), Unit: "% of one core", OK: true,
		Note: fmt.Sprintf("%d meters, %d channels; CPU time of the whole process by getrusage, the least of %d runs of %s each (%s); %.2f %% of ticks missed",
			best.Meters, best.Channels, len(costs.full), best.Wall.Round(time.Second), strings.Join(all, ", "), share) + standIn,
	}.against("a thread that only wakes as often", bare.percentOfCore())
	if limit > 0 {
		cost = cost.atMost(limit)
	}
	note := fmt.Sprintf("how long after its tick a sample began: of the worst meter, the middle of %d runs; %.2f %% of ticks missed", len(costs.full), share)
	return []Row{
		cost,
		{Name: name + ", lateness p50", Value: micros(late50[len(late50)/2]), Unit: "µs", OK: true, Note: note},
		{Name: name + ", lateness p99", Value: micros(late99[len(late99)/2]), Unit: "µs", OK: true, Note: note},
	}
}

func least(costs []samplingCost) samplingCost {
	return slices.MinFunc(costs, func(a, b samplingCost) int {
		switch x, y := a.percentOfCore(), b.percentOfCore(); {
		case x < y:
			return -1
		case x > y:
			return 1
		default:
			return 0
		}
	})
}
