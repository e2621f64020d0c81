package stats

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// CellInput is all that is stored about a cell and goes into its result.
type CellInput struct {
	Cell   bench.Cell
	State  bench.State
	Reason string // why the cell is unfit or failed

	Calls    []bench.Call
	Scores   []bench.CallScore
	Segments []bench.Segment
	// Phases are the readings of every channel. The readings of the inference
	// phase carry the run and, in No, the segment of their window.
	Phases       []bench.PhaseReading
	LoadAttempts []bench.LoadAttempt

	Pull          *bench.Pulled
	PullMissing   string // why Pull is nil; "" takes the cell's state for the reason
	Loaded        *bench.Loaded
	LoadedMissing string // why Loaded is nil; "" takes the cell's state for the reason

	// Curves are the courses of channels over the cell; they are copied into the
	// result, and power and temperature trends are taken from them.
	Curves        []bench.Curve
	CurvesMissing string // why Curves is empty
	Sampling      []bench.SamplingQuality

	CodeList    string // name of the list that codes were checked against; may be empty
	PromptHash  string // SHA-256 of the prompt template
	DatasetHash string
	StartedAt   *time.Time
	FinishedAt  *time.Time
}

// NotPriced is why a result of Cell has no cost: package cost fills it in.
const NotPriced = "not priced yet"

// Cell makes the result of a cell from what is stored about it. It is a pure
// function: the order of rows does not matter, and the same rows always give
// the same figures. A figure that cannot be made is nil with its reason.
func Cell(in CellInput) bench.CellResult {
	in.Calls, in.Phases = inOrder(in.Calls), phasesInOrder(in.Phases)
	r := bench.CellResult{
		Cell: in.Cell.ID, State: in.State, Reason: in.Reason, Coordinates: in.Cell.At,
		Calls: len(in.Calls), Outcomes: map[string]int{}, Segments: len(in.Segments),
		CodeList: in.CodeList, PromptHash: in.PromptHash, DatasetHash: in.DatasetHash,
		StartedAt: in.StartedAt, FinishedAt: in.FinishedAt,
		LoadAttempts: append([]bench.LoadAttempt{}, in.LoadAttempts...),
		Phases:       append([]bench.PhaseReading{}, in.Phases...),
		Curves:       append([]bench.Curve{}, in.Curves...), CurvesMissing: in.CurvesMissing,
		Sampling:   append([]bench.SamplingQuality{}, in.Sampling...),
		WhitePaper: []bench.Metric{}, Thesis: []bench.Metric{},
		CostMissing: NotPriced, CarbonMissing: NotPriced,
	}
	if len(r.Curves) == 0 {
		r.CurvesMissing = or(in.CurvesMissing, "no course of a channel was kept")
	}
	runs := map[int]bool{}
	for _, c := range in.Calls {
		runs[c.Run] = true
		r.Outcomes[string(c.Outcome)]++
		if !c.Outcome.Answered() {
			r.FailedCalls++
		}
		if c.Remeasured {
			r.Remeasured++
		}
	}
	r.Runs = len(runs)
	fillModel(&r, in)
	fillTimes(&r, in)
	answers := Answers{in.Calls, in.Scores}.join()
	if len(in.Calls) == 0 {
		answers.missing = noCalls(in)
	}
	fillScores(&r, answers, seedOf(in))
	fillEnergy(&r, in, answers)
	fillHost(&r, in)
	r.Trends = trendsOf(in)
	return r
}

// phasesInOrder sorts readings by window and channel.
func phasesInOrder(phases []bench.PhaseReading) []bench.PhaseReading {
	return slices.SortedStableFunc(slices.Values(phases), func(a, b bench.PhaseReading) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), a.Started.Compare(b.Started), cmp.Compare(a.Phase, b.Phase),
			cmp.Compare(a.No, b.No), cmp.Compare(a.Channel.Name, b.Channel.Name))
	})
}

// noCalls says why a cell without calls has none.
func noCalls(in CellInput) string {
	text := "no call was made: the cell is " + string(in.State)
	if in.Reason != "" {
		text += ": " + in.Reason
	}
	return text
}

func fillModel(r *bench.CellResult, in CellInput) {
	state := "the cell is " + string(in.State)
	if in.Pull != nil {
		facts := in.Pull.Facts
		r.Pull, r.ModelFacts = in.Pull, &facts
	} else {
		r.PullMissing = or(in.PullMissing, "the model was not pulled: "+state)
		r.ModelFactsMissing = r.PullMissing
	}
	if in.Loaded != nil {
		r.Loaded = in.Loaded
	} else {
		r.LoadedMissing = or(in.LoadedMissing, "the model was not loaded: "+state)
	}
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// fillHost takes processor and memory figures from the inference windows.
func fillHost(r *bench.CellResult, in CellInput) {
	r.HostCPU, r.HostCPUMissing = meanOver(in.Phases, "host.cpu")
	r.HostMemory, r.HostMemoryMissing = meanOver(in.Phases, "host.memory_used")
	r.ProcMemory, r.ProcMemoryMissing = peakOver(in.Phases, "runtime.memory")
}

// meanOver is the time-weighted mean of a channel over the inference windows
// in which it has one.
func meanOver(phases []bench.PhaseReading, channel string) (*float64, string) {
	var sum, seconds float64
	missing := ""
	for _, p := range phases {
		if p.Phase != bench.PhaseInference || p.Channel.Name != channel {
			continue
		}
		if p.Mean == nil || !finite(*p.Mean) || p.Window <= 0 {
			missing = or(p.Missing, "a window has no mean")
			continue
		}
		sum += *p.Mean * p.Window.Seconds()
		seconds += p.Window.Seconds()
	}
	if seconds == 0 {
		return nil, notRead(channel, missing)
	}
	mean := sum / seconds
	return &mean, ""
}

// peakOver is the highest value of a channel in the inference windows.
func peakOver(phases []bench.PhaseReading, channel string) (*float64, string) {
	var peak *float64
	missing := ""
	for _, p := range phases {
		if p.Phase != bench.PhaseInference || p.Channel.Name != channel {
			continue
		}
		if p.Max == nil || !finite(*p.Max) {
			missing = or(p.Missing, "a window has no highest value")
			continue
		}
		if peak == nil || *p.Max > *peak {
			highest := *p.Max
			peak = &highest
		}
	}
	if peak == nil {
		return nil, notRead(channel, missing)
	}
	return peak, ""
}

func notRead(channel, why string) string {
	if why == "" {
		return fmt.Sprintf("channel %s was not read during inference", channel)
	}
	return fmt.Sprintf("channel %s: %s", channel, why)
}
