// Command benchmarks runs every benchmark of the project, prints a table and
// writes the rows as JSON. It needs a Postgres and a Temporal server, which
// make bench starts.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// Row is one benchmark's result.
type Row struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Peer is what the value is held against in the same run; may be empty.
	Peer      string   `json:"peer"`
	PeerValue *float64 `json:"peer_value"`
	Ratio     *float64 `json:"ratio"` // value over peer value
	Limit     *float64 `json:"limit"` // the highest value that is ok; nil for none
	OK        bool     `json:"ok"`
	Note      string   `json:"note"`
}

func (r Row) against(peer string, value float64) Row {
	ratio := r.Value / value
	r.Peer, r.PeerValue, r.Ratio = peer, &value, &ratio
	return r
}

func (r Row) atMost(limit float64) Row {
	r.Limit, r.OK = &limit, r.Value <= limit
	return r
}

func main() { os.Exit(start()) }

// start gives the exit code, so that what it defers has run by then.
func start() int {
	out := flag.String("out", filepath.Join("out", "bench.json"), "file to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, path string) error {
	lab, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer lab.close()
	var rows []Row
	for _, f := range []func(context.Context) ([]Row, error){lab.callOverhead, lab.stageOverhead, lab.traces, lab.goBenchmarks} {
		more, err := f(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	if err := write(path, rows); err != nil {
		return err
	}
	show(rows)
	for _, r := range rows {
		if !r.OK {
			return fmt.Errorf("%s: %g %s is above its limit of %g", r.Name, r.Value, r.Unit, *r.Limit)
		}
	}
	return nil
}

func write(path string, rows []Row) error {
	body, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // results are not secret
		return fmt.Errorf("write rows: %w", err)
	}
	return errors.Join(os.WriteFile(path, append(body, '\n'), 0o644)) //nolint:gosec // results are not secret
}

func show(rows []Row) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"benchmark", "value", "unit", "peer", "peer value", "ratio", "limit", "ok"})
	for _, r := range rows {
		t.AppendRow(table.Row{r.Name, digits(&r.Value), r.Unit, r.Peer, digits(r.PeerValue), digits(r.Ratio), digits(r.Limit), r.OK})
	}
	fmt.Println(t.Render())
	for _, r := range rows {
		fmt.Printf("%s: %s\n", r.Name, r.Note)
	}
}

func digits(v *float64) string {
	if v == nil {
		return "—"
	}
	return strconv.FormatFloat(*v, 'g', 4, 64)
}
