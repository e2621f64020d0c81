// Command chaos plays the fault matrix: it breaks Temporal, Postgres, Ollama,
// the worker, the disk, the network and the meters under running sweeps, and
// judges what became of them.
//
//	go run ./test/chaos -points 100 -out out/faults.json -page docs/reliability.md
//
// The exit code is 1 when a fault did harm or could not be played here, 2 for
// wrong use.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/test/chaos/campaign"
	"github.com/wattsweep/wattsweep/test/chaos/clock"
	"github.com/wattsweep/wattsweep/test/chaos/faults"
	"github.com/wattsweep/wattsweep/test/chaos/judge"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// options are the command's flags.
type options struct {
	seed      int64
	points    int
	others    bool
	skips     bool // faults that cannot be played here are no failure
	list      bool
	run       *regexp.Regexp
	out, page string
	program   string
}

func main() {
	clock.Launch()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(2) //nolint:gocritic // nothing is left to release
	}
	failed, err := play(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || failed > 0 {
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.Int64Var(&o.seed, "seed", time.Now().Unix(), "seed of the first kill point; the next has the next seed")
	flags.IntVar(&o.points, "points", 100, "number of random kill points")
	flags.BoolVar(&o.others, "others", true, "play every other fault, too")
	flags.BoolVar(&o.skips, "allow-skipped", false, "end well although faults could not be played on this machine")
	flags.BoolVar(&o.list, "list", false, "list the points and play none")
	run := flags.String("run", "", "play only points whose FAULT/STAGE matches")
	flags.StringVar(&o.out, "out", "out/faults.json", "file of the rows")
	flags.StringVar(&o.page, "page", "", "page whose table is written anew, between its markers")
	flags.StringVar(&o.program, "program", "", "the command wattsweep to test; built from the tree when empty")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.points < 0 || o.points > 10000 {
		return o, fmt.Errorf("give flags alone, and 0 to 10000 points")
	}
	var err error
	o.run, err = regexp.Compile(*run)
	return o, err
}

// plan lists the points of the options.
func plan(o options) []faults.Point {
	var points []faults.Point
	for i := range o.points {
		points = append(points, faults.KillPoint(o.seed+int64(i)))
	}
	if o.others {
		points = append(points, faults.OtherPoints(o.seed)...)
	}
	var chosen []faults.Point
	for _, p := range points {
		if o.run.MatchString(p.Fault.Name + "/" + string(p.Stage)) {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

func play(ctx context.Context, o options) (failed int, err error) {
	points := plan(o)
	say("%d points, seed %d", len(points), o.seed)
	if o.list {
		for _, p := range points {
			fmt.Printf("%d\t%s\t%s\t%.3f s\n", p.Seed, p.Fault.Name, p.Stage, p.Delay.Seconds())
		}
		return 0, nil
	}
	program := o.program
	if program == "" {
		dir, built, err := lab.Build(ctx)
		if err != nil {
			return 0, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program = built
	}
	began := time.Now()
	rows, err := campaign.Run(ctx, campaign.Options{Program: program, Host: fmt.Sprintf("chaos-%d", os.Getpid()), Points: points, Say: say})
	if werr := judge.Write(o.out, rows); werr != nil {
		return 0, werr
	}
	failed = judge.Failed(rows)
	skipped := judge.Skipped(rows)
	say("%d faults in %s, %d not ok, %d skipped; %s has the rows", len(rows)-skipped, time.Since(began).Round(time.Second), failed, skipped, o.out)
	if skipped > 0 && !o.skips && err == nil {
		err = fmt.Errorf("%d faults were not played; -allow-skipped takes that as well done", skipped)
	}
	if o.page != "" && ctx.Err() == nil && len(rows) == len(points) {
		err = errors.Join(err, judge.RenderFile(o.page, summary(o, rows)+judge.Table(rows, stages())))
	}
	return failed, err
}

func summary(o options, rows []judge.Row) string {
	skipped := judge.Skipped(rows)
	played := len(rows) - skipped
	return fmt.Sprintf("%d faults played, %d ok, %d not played; first seed %d, %d random kill points.\n\n",
		played, played-judge.Failed(rows), skipped, o.seed, o.points)
}

func stages() []string {
	var names []string
	for _, s := range faults.Stages() {
		names = append(names, string(s))
	}
	return names
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
