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
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	only := flag.String("only", "", "groups to run, separated by commas: sampling, call, stage, traces, go, scale; empty for all")
	large := scaleFlags()
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if order := os.Getenv(samplingEnv); order != "" { // a process of its own, for one cost
		if err := sampleHere(ctx, order, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "benchmarks:", err)
			return 1
		}
		return 0
	}
	large.Curve = filepath.Join(filepath.Dir(*out), "scale.json")
	if err := run(ctx, *out, *only, *large); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		return 1
	}
	return 0
}

// scaleFlags gives the large sweep its flags.
func scaleFlags() *scaleOptions {
	o := &scaleOptions{}
	flag.IntVar(&o.Cells, "cells", 10_000, "cells of the large sweep")
	flag.IntVar(&o.Hosts, "hosts", 10, "hosts of the large sweep, all in this process")
	flag.StringVar(&o.Name, "scale-name", "", "name of the large sweep; one that was begun on the same servers goes on")
	flag.DurationVar(&o.Limit, "scale-limit", 45*time.Minute, "when the large sweep is given up")
	flag.StringVar(&o.Profile, "scale-profile", "", "write a CPU profile of the large sweep's workers to this file")
	flag.IntVar(&o.Peer, "peer-cells", 500, "cells of the plain loop beside the large sweep")
	return o
}

// group is benchmarks that are run together.
type group struct {
	name string
	// within is how long it may take.
	within time.Duration
	run    func(context.Context, *lab) ([]Row, error)
}

// usual is how long a group may take.
const usual = 10 * time.Minute

// groups lists all benchmarks, in the order they are run.
func groups(large scaleOptions) []group {
	return []group{
		{"sampling", usual, func(ctx context.Context, _ *lab) ([]Row, error) { return sampling(ctx) }},
		{"call", usual, func(ctx context.Context, l *lab) ([]Row, error) { return l.callOverhead(ctx) }},
		{"stage", usual, func(ctx context.Context, l *lab) ([]Row, error) { return l.stageOverhead(ctx) }},
		{"traces", usual, func(ctx context.Context, _ *lab) ([]Row, error) { return traces(ctx) }},
		{"go", usual, func(ctx context.Context, _ *lab) ([]Row, error) { return goBenchmarks(ctx) }},
		{"scale", large.Limit + usual, func(ctx context.Context, _ *lab) ([]Row, error) { return scale(ctx, large) }},
	}
}

// run runs the groups named in only, separated by commas; all when it is
// empty. Each begins with nothing of the others running but the servers.
func run(ctx context.Context, path, only string, large scaleOptions) error {
	var rows []Row
	for _, g := range groups(large) {
		if only != "" && !slices.Contains(strings.Split(only, ","), g.name) {
			continue
		}
		began := time.Now()
		more, err := inLab(ctx, g)
		if err != nil {
			return fmt.Errorf("benchmarks of %s: %w", g.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %d rows in %s\n", g.name, len(more), time.Since(began).Round(time.Second))
		rows = append(rows, more...)
	}
	kept := rows
	if only != "" {
		var err error
		if kept, err = among(path, rows); err != nil {
			return err
		}
	}
	if err := write(path, kept); err != nil {
		return err
	}
	show(rows)
	var failed []error
	for _, r := range rows {
		if !r.OK {
			failed = append(failed, fmt.Errorf("%s: %g %s is above its limit of %g", r.Name, r.Value, r.Unit, *r.Limit))
		}
	}
	return errors.Join(failed...)
}

// inLab runs a group, in a lab where it needs one.
func inLab(ctx context.Context, g group) ([]Row, error) {
	ctx, cancel := context.WithTimeout(ctx, g.within)
	defer cancel()
	if g.name != "call" && g.name != "stage" {
		return g.run(ctx, nil)
	}
	l, err := newLab(ctx)
	if err != nil {
		return nil, err
	}
	defer l.close()
	return g.run(ctx, l)
}

// among puts new rows beside those of other groups that the file has already, so
// that groups can be run apart.
func among(path string, rows []Row) ([]Row, error) {
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return rows, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read earlier rows: %w", err)
	}
	var all []Row
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("read earlier rows of %s, which can be deleted: %w", path, err)
	}
	for _, r := range rows {
		if i := slices.IndexFunc(all, func(old Row) bool { return old.Name == r.Name }); i >= 0 {
			all[i] = r
			continue
		}
		all = append(all, r)
	}
	return all, nil
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
