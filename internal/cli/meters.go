package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/hostfacts"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/version"
)

// metersOptions are the flags of wattsweep meters.
type metersOptions struct {
	length   time.Duration
	interval time.Duration
	channels string
	record   string
}

func newMeters() *cobra.Command {
	var o metersOptions
	cmd := &cobra.Command{
		Use:   "meters",
		Short: "Show this machine's meters live; Ctrl-C ends; --record keeps every sample",
		Long: "Show every channel of this machine's meters: its present value, extremes, how often it is read and renewed, a\n" +
			"chart and its state. Of energy counters the chart, minimum and maximum are the power that they tell.\n\n" +
			"On a terminal the table is redrawn four times a second; elsewhere, and with --output csv or json, a snapshot is\n" +
			"printed each second. --record writes every sample with its state to FILE.csv (on disk each second, so that a kill\n" +
			"loses one) or FILE.parquet (readable after an orderly end, with FILE.parquet.json beside it).",
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			return showMeters(cmd.Context(), s, o)
		},
	}
	cmd.Flags().DurationVar(&o.length, "for", 0, "how long to show; 0s goes on until Ctrl-C")
	cmd.Flags().DurationVar(&o.interval, "interval", 50*time.Millisecond, "time between samples, 1ms to 1m; slow meters keep their own")
	cmd.Flags().StringVar(&o.channels, "channels", "*", "only channels whose names match, such as 'gpu*' or 'rapl.*,pdu.*'")
	cmd.Flags().StringVar(&o.record, "record", "", "file to write every sample to, .csv or .parquet; it must not be there yet")
	return cmd
}

func (o metersOptions) check() error {
	if o.length < 0 {
		return errUsage{fmt.Errorf("--for %s: expected 0s or more", o.length)}
	}
	if o.interval < time.Millisecond || o.interval > time.Minute {
		return errUsage{fmt.Errorf("--interval %s: expected 1ms to 1m", o.interval)}
	}
	for pattern := range strings.SplitSeq(o.channels, ",") {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return errUsage{fmt.Errorf("--channels %q: expected patterns such as gpu* with commas between them", o.channels)}
		}
	}
	return nil
}

// wants tells whether a channel is asked for.
func (o metersOptions) wants(channel string) bool { return matches(o.channels, channel) }

// matches tells whether a name fits one of some patterns with commas between.
func matches(patterns, name string) bool {
	for pattern := range strings.SplitSeq(patterns, ",") {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// showMeters opens, samples, shows and records until the time is over or the
// user has seen enough, which is an end in order.
func showMeters(ctx context.Context, s *session, o metersOptions) error {
	pool := newPool(s)
	defer func() { _ = pool.Close() }()
	open, missing, err := pool.Borrow(ctx, allMeters(o.interval), nil)
	if err != nil {
		return err
	}
	defer func() {
		for _, m := range open {
			_ = m.Close() // gives it back
		}
	}()
	chosen := chosenMeters(open, o)
	if len(chosen) == 0 {
		return noChannels(open, missing, o)
	}
	for _, gone := range missing {
		say(s.err, "not here: %s\n", gone)
	}
	clock := meters.NewClock()
	sampler, err := meters.NewSampler(clock, o.interval, chosen, meters.SamplerOptions{})
	if err != nil {
		return err
	}
	b, rec, err := newRecording(ctx, s, pool, sampler, clock, missing, o)
	if err != nil {
		return err
	}
	if err := sampler.Start(ctx); err != nil {
		return errors.Join(err, rec.close())
	}
	err = follow(ctx, s, b, rec, o)
	sampler.Stop()
	if last := b.pull(); err == nil {
		err = last
	}
	if closed := rec.close(); err == nil {
		err = closed
	}
	for _, line := range statLines(b) {
		say(s.err, "%s\n", line)
	}
	if err == nil && o.record != "" {
		say(s.err, "recorded to %s\n", o.record)
	}
	return err
}

func chosenMeters(open []meters.Meter, o metersOptions) []meters.Meter {
	var chosen []meters.Meter
	for _, m := range open {
		for _, c := range m.Channels() {
			if o.wants(c.Name) {
				chosen = append(chosen, m)
				break
			}
		}
	}
	return chosen
}

func noChannels(open []meters.Meter, missing []*meters.Missing, o metersOptions) error {
	var names []string
	for _, m := range open {
		for _, c := range m.Channels() {
			names = append(names, c.Name)
		}
	}
	if len(names) > 0 {
		return errUsage{fmt.Errorf("--channels %q fits none of: %s", o.channels, strings.Join(names, ", "))}
	}
	var why []string
	for _, gone := range missing {
		why = append(why, gone.Error())
	}
	return fmt.Errorf("this machine has no meters: %s", strings.Join(why, "; "))
}

// noRecord is a recorder that keeps nothing.
type noRecord struct{}

func (noRecord) tick(tickRow) error { return nil }
func (noRecord) flush() error       { return nil }
func (noRecord) close() error       { return nil }

// newRecording makes the board and, where one is asked for, the file.
func newRecording(
	ctx context.Context, s *session, pool *app.MeterPool, sampler *meters.Sampler, clock meters.Clock,
	missing []*meters.Missing, o metersOptions,
) (*board, recorder, error) {
	if o.record == "" {
		return newBoard(sampler, o.wants, nil), noRecord{}, nil
	}
	facts, err := hostfacts.Read(ctx, hostfacts.Options{Host: s.localHost()})
	if err != nil {
		return nil, nil, err
	}
	facts = hostfacts.WithGPUs(facts, pool.GPUFacts())
	about := recordAbout{
		Wattsweep: version.String(), Host: facts.Host, OS: facts.OS, Kernel: facts.Kernel, BootID: facts.BootID, Driver: facts.Driver,
		GPUs: facts.GPUs, Begun: time.Now().UTC(), Anchor: clock.Anchor.UTC(), Missing: []string{},
	}
	for _, c := range sampler.Channels() {
		if o.wants(c.Name) {
			about.Channels = append(about.Channels, c)
			about.Simulated, about.Estimated = about.Simulated || c.Simulated, about.Estimated || c.Estimated
		}
	}
	for _, gone := range missing {
		about.Missing = append(about.Missing, gone.Error())
	}
	rec, err := newRecorder(o.record, about, o.wants)
	if err != nil {
		return nil, nil, err
	}
	return newBoard(sampler, o.wants, rec.tick), rec, nil
}

// How often the board is looked at, and printed where there is no terminal.
const (
	frameEvery = 250 * time.Millisecond
	printEvery = time.Second
)

// follow shows the board until the end.
func follow(ctx context.Context, s *session, b *board, rec recorder, o metersOptions) error {
	var end <-chan time.Time
	if o.length > 0 {
		timer := time.NewTimer(o.length)
		defer timer.Stop()
		end = timer.C
	}
	live := isTerminal(s.out) && s.settings.Output == "table"
	view := newScreen(s.out)
	defer view.end()
	printer := &snapshots{session: s, board: b}
	frames := time.NewTicker(frameEvery)
	defer frames.Stop()
	begun := b.sampler.Mark()
	for flushed, printed := begun, begun; ; {
		select {
		case <-ctx.Done():
			return nil // Ctrl-C is how one leaves
		case <-end:
			if live {
				return nil
			}
			// The last look, which a short time would not come to.
			if err := b.pull(); err != nil {
				return err
			}
			return printer.print(b.sampler.Mark())
		case <-frames.C:
		}
		if err := b.pull(); err != nil {
			return err
		}
		b.column()
		now := b.sampler.Mark()
		if now-flushed >= printEvery {
			flushed = now
			if err := rec.flush(); err != nil {
				return err
			}
		}
		switch {
		case live:
			view.draw(boardLines(b, boardHead(o, now-begun), now, view.width))
		case now-printed >= printEvery:
			printed = now
			if err := printer.print(now); err != nil {
				return err
			}
		}
	}
}

func boardHead(o metersOptions, since time.Duration) string {
	text := "wattsweep meters, " + lasting(since)
	if o.length > 0 {
		text += " of " + lasting(o.length)
	}
	text += ", every " + pace(o.interval) + "; Ctrl-C ends"
	if o.record != "" {
		text += "; recording to " + o.record
	}
	return text
}
