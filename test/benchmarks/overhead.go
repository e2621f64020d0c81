package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// callOverhead measures what the harness adds to a call whose server answers
// at once: building the prompt, sending, reading and timing the stream, making
// the call durable in Postgres, and sampling meters beside it.
func (l *lab) callOverhead(ctx context.Context) ([]Row, error) {
	const runs, items = 5, 40
	cell, err := l.sweep(ctx, 0, runs)
	if err != nil {
		return nil, err
	}
	calls, err := l.app.Store.Calls(ctx, cell, 1)
	if err != nil {
		return nil, err
	}
	latency := total(calls)
	stages, err := l.app.Store.Stages(ctx, cell)
	if err != nil {
		return nil, err
	}
	var wall time.Duration
	for _, s := range stages {
		if s.Stage == bench.StageInfer && s.FinishedAt != nil {
			wall += s.FinishedAt.Sub(s.StartedAt)
		}
	}
	plain, err := l.plainLoop(ctx, calls[0].PromptBytes, runs*items)
	if err != nil {
		return nil, err
	}
	perCall, inCall := micros(wall)/float64(len(calls)), micros(latency)/float64(len(calls))
	return []Row{
		(Row{
			Name: "call.harness_overhead", Value: perCall - plain, Unit: "µs/call", OK: true,
			Note: fmt.Sprintf("whole inference stage per call (%.0f µs) less the plain loop; %d calls, each committed to Postgres before the next", perCall, len(calls)),
		}).against("net/http loop on the same server", plain),
		(Row{
			Name: "call.client_latency", Value: inCall, Unit: "µs/call", OK: true,
			Note: "latency as the harness measures it, from request to last byte, stream parsed and stamped",
		}).against("net/http loop on the same server", plain),
	}, nil
}

// plainLoop is the peer: the same request in a bare net/http loop.
func (l *lab) plainLoop(ctx context.Context, promptBytes, n int) (microsPerCall float64, err error) {
	body, err := json.Marshal(map[string]any{
		"model": "known", "prompt": string(bytes.Repeat([]byte("word "), promptBytes/5)), "stream": true, "keep_alive": -1,
		"options": map[string]any{"num_ctx": 2048, "temperature": 0, "num_predict": 8},
	})
	if err != nil {
		return 0, fmt.Errorf("encode request: %w", err)
	}
	began := time.Now()
	for range n {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.server.URL+"/api/generate", bytes.NewReader(body))
		if err != nil {
			return 0, fmt.Errorf("make request: %w", err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, fmt.Errorf("plain call: %w", err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return 0, fmt.Errorf("plain call: %w", err)
		}
		if err := resp.Body.Close(); err != nil {
			return 0, fmt.Errorf("plain call: %w", err)
		}
	}
	return micros(time.Since(began)) / float64(n), nil
}

// stageRepeats is how often the stage is measured. What other work on the
// machine takes lengthens it, so that the least is the nearest to the truth; the
// note tells all.
const stageRepeats = 3

// stageOverhead measures the wall time of a 40-call inference stage, from the
// moment the workflow schedules it to the moment it is complete, against the
// sum of its calls. Beside it meters are sampled and stored each second.
func (l *lab) stageOverhead(ctx context.Context) ([]Row, error) {
	row := Row{Name: "stage.infer_wall_over_calls", Unit: "% more"}
	var all []string
	for i := range stageRepeats {
		calls, wall, err := l.stage(ctx)
		if err != nil {
			return nil, err
		}
		sum := total(calls)
		more := 100 * (wall - sum).Seconds() / sum.Seconds()
		all = append(all, fmt.Sprintf("%.2f", more))
		if i > 0 && more >= row.Value {
			continue
		}
		row.Value = more
		row.Note = fmt.Sprintf("%d calls of %.0f ms: stage %s from scheduled to completed, calls %s", len(calls),
			1000*sum.Seconds()/float64(len(calls)), wall.Round(time.Millisecond), sum.Round(time.Millisecond))
	}
	row.Note += fmt.Sprintf("; traces and readings stored each second beside it; the least of %d runs (%s)", stageRepeats, strings.Join(all, ", "))
	return []Row{row.atMost(1)}, nil
}

// stage runs a stage of 40 calls and gives them, with the time it took.
func (l *lab) stage(ctx context.Context) ([]bench.Call, time.Duration, error) {
	cell, err := l.sweep(ctx, 200*time.Millisecond, 1)
	if err != nil {
		return nil, 0, err
	}
	calls, err := l.app.Store.Calls(ctx, cell, 1)
	if err != nil {
		return nil, 0, err
	}
	c, err := l.app.Store.GetCell(ctx, cell)
	if err != nil {
		return nil, 0, err
	}
	wall, err := l.inferWall(ctx, contract.BenchmarkWorkflowID(c.Sweep, cell, c.Attempt))
	return calls, wall, err
}

// inferWall reads from the workflow's history how long the infer activity took.
func (l *lab) inferWall(ctx context.Context, id string) (time.Duration, error) {
	events := l.app.Temporal.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var wall time.Duration
	scheduled := map[int64]time.Time{}
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return 0, fmt.Errorf("read history of %s: %w", id, err)
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil && a.GetActivityType().GetName() == contract.ActInfer {
			scheduled[e.GetEventId()] = e.GetEventTime().AsTime()
		}
		if a := e.GetActivityTaskCompletedEventAttributes(); a != nil {
			if at, ok := scheduled[a.GetScheduledEventId()]; ok {
				wall += e.GetEventTime().AsTime().Sub(at)
			}
		}
	}
	return wall, nil
}

func total(calls []bench.Call) time.Duration {
	var sum time.Duration
	for _, c := range calls {
		sum += c.Latency
	}
	return sum
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
