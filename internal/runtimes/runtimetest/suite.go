package runtimetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// Secret stands in every prompt of the suite; no error or reason may hold it.
const Secret = "patientens-hemlighet"

// Start makes a runtime that talks to the fake: it serves the fake in the
// runtime's protocol and gives a client with short limits of a few seconds
// on an unload and on a pull that stands still.
type Start func(t *testing.T, f *Fake) runtimes.Runtime

// Run holds a runtime against the interface's promises.
func Run(t *testing.T, start Start) {
	t.Helper()
	t.Run("inspect", func(t *testing.T) { t.Parallel(); inspects(t, start) })
	t.Run("pull", func(t *testing.T) { t.Parallel(); pulls(t, start) })
	t.Run("pull trouble", func(t *testing.T) { t.Parallel(); pullTrouble(t, start) })
	t.Run("load", func(t *testing.T) { t.Parallel(); loads(t, start) })
	t.Run("load trouble", func(t *testing.T) { t.Parallel(); loadTrouble(t, start) })
	t.Run("unload", func(t *testing.T) { t.Parallel(); unloads(t, start) })
	t.Run("times", func(t *testing.T) { t.Parallel(); times(t, start) })
	t.Run("answers", func(t *testing.T) { t.Parallel(); answers(t, start) })
	t.Run("call trouble", func(t *testing.T) { t.Parallel(); callTrouble(t, start) })
	t.Run("cancel", func(t *testing.T) { t.Parallel(); cancels(t, start) })
}

// known is the model that the fake has.
func known() bench.ModelConfig { return bench.ModelConfig{Name: "known", ContextTokens: 64} }

func settings() bench.RuntimeConfig {
	return bench.RuntimeConfig{
		Name: "fake", TopK: 40, TopP: 1, RepeatPenalty: 1, MaxOutputTokens: 32, CallTimeout: 10 * time.Second,
	}
}

// auto lets the runtime place the layers.
func auto() bench.Rung { return bench.Rung{Name: "auto", GPULayers: -1} }

// Request is a call of the suite to the known model, timed by the host's clock.
func Request(prompt string) runtimes.Request {
	start := time.Now()
	return runtimes.Request{
		Model: known(), Rung: auto(), Runtime: settings(), Prompt: prompt, Seed: 1,
		Now: func() time.Duration { return time.Since(start) },
	}
}

func load(t *testing.T, rt runtimes.Runtime) bench.Loaded {
	t.Helper()
	loaded, err := rt.Load(t.Context(), known(), auto(), settings())
	require.NoError(t, err)
	return loaded
}

func code(t *testing.T, want fault.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, fault.CodeOf(err), "%v", err)
	require.NotContains(t, err.Error(), Secret)
	require.NotContains(t, fault.HintOf(err), Secret)
}

func inspects(t *testing.T, start Start) {
	f := NewFake()
	info, err := start(t, f).Inspect(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, info.Kind)
	require.Equal(t, f.Version, info.Version)
	require.NotEmpty(t, info.URL)
}

func pulls(t *testing.T, start Start) {
	f := NewFake()
	rt := start(t, f)
	there, err := rt.Pull(t.Context(), runtimes.Source{Model: known()}, nil)
	require.NoError(t, err)
	require.Equal(t, "present", there.Source)
	require.Zero(t, there.Bytes)

	model := bench.ModelConfig{Name: "remote", ContextTokens: 64}
	var seen []runtimes.Progress
	came, err := rt.Pull(t.Context(), runtimes.Source{Model: model}, func(p runtimes.Progress) { seen = append(seen, p) })
	require.NoError(t, err)
	want := f.Models["remote:latest"]
	require.Equal(t, "registry", came.Source)
	require.Equal(t, want.SizeBytes, came.Bytes)
	require.Positive(t, came.Elapsed)
	require.Equal(t, bench.ModelFacts{
		Name: "remote", Digest: want.Digest, Family: "llama", Parameters: want.Parameters, Quantisation: "F16",
		Layers: want.Layers, ContextTokens: want.Context, SizeBytes: want.SizeBytes,
	}, came.Facts)
	require.NotEmpty(t, seen)
	before := int64(0)
	for _, p := range seen {
		require.GreaterOrEqual(t, p.Completed, before, "progress goes forward")
		if p.Total > 0 {
			require.LessOrEqual(t, p.Completed, p.Total)
		}
		before = p.Completed
	}
	again, err := rt.Pull(t.Context(), runtimes.Source{Model: model}, nil)
	require.NoError(t, err)
	require.Equal(t, "present", again.Source)

	_, err = rt.Pull(t.Context(), runtimes.Source{Model: bench.ModelConfig{Name: "no-such-model"}}, nil)
	code(t, fault.CodeModelNotFound, err)
	require.NotEmpty(t, fault.HintOf(err))
	pinned := known()
	pinned.Digest = strings.Repeat("99", 32)
	_, err = rt.Pull(t.Context(), runtimes.Source{Model: pinned}, nil)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
}

func pullTrouble(t *testing.T, start Start) {
	for name, test := range map[string]struct {
		trouble Trouble
		kind    fault.Kind
	}{
		"stall": {Hang, fault.Unavailable}, "no success": {NoEnd, fault.Unavailable},
		"mid-stream error": {MidError, fault.Corrupt}, "cut": {Cut, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := NewFake()
			f.PullTrouble = test.trouble
			_, err := start(t, f).Pull(t.Context(), runtimes.Source{Model: bench.ModelConfig{Name: "remote"}}, nil)
			require.Error(t, err)
			require.Equal(t, test.kind, fault.KindOf(err), "%v", err)
		})
	}
}

func loads(t *testing.T, start Start) {
	f := NewFake()
	rt := start(t, f)
	first := load(t, rt)
	require.NotEmpty(t, first.Token)
	require.Equal(t, 64, first.ContextTokens)
	require.Equal(t, 3, first.LayersTotal)
	require.NotEmpty(t, first.LayersSource)
	require.Positive(t, first.SizeBytes)
	resident(t, rt, first.Token, true)
	resident(t, rt, "another token", false)
	resident(t, rt, "", false)

	_, err := rt.Generate(t.Context(), Request(Secret))
	require.NoError(t, err)
	resident(t, rt, first.Token, true)
	require.Equal(t, 1, f.Loads(), "a call does not load again")
	load(t, rt)
	require.Equal(t, 2, f.Loads(), "every load is a whole one")

	f.Restart()
	resident(t, rt, first.Token, false)
	_, err = rt.Load(t.Context(), bench.ModelConfig{Name: "no-such-model", ContextTokens: 64}, auto(), settings())
	code(t, fault.CodeModelNotFound, err)
}

func resident(t *testing.T, rt runtimes.Runtime, token string, want bool) {
	t.Helper()
	got, err := rt.Resident(t.Context(), known().Name, token)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func loadTrouble(t *testing.T, start Start) {
	f := NewFake()
	rt := start(t, f)
	try := func(rung bench.Rung) error {
		_, err := rt.Load(t.Context(), known(), rung, settings())
		return err
	}
	f.Set(func(f *Fake) { f.LoadTrouble = OutOfMemory })
	err := try(auto())
	code(t, fault.CodeOutOfMemory, err)
	require.Equal(t, fault.OutOfMemory, fault.KindOf(err))
	f.Set(func(f *Fake) { f.LoadTrouble = Broken })
	code(t, fault.CodeServerError, try(auto()))
	f.Set(func(f *Fake) { f.LoadTrouble, f.LessContext = None, 32 })
	code(t, fault.CodeRungRejected, try(auto()))
	f.Set(func(f *Fake) { f.LessContext = 0 })
	code(t, fault.CodeRungRejected, try(bench.Rung{GPULayers: 999}))
	f.Set(func(f *Fake) { f.VRAMShare = 1 })
	code(t, fault.CodeRungRejected, try(bench.Rung{GPULayers: 0}))
	require.NoError(t, try(bench.Rung{GPULayers: 999}), "the next rung fits")
}

func unloads(t *testing.T, start Start) {
	f := NewFake()
	rt := start(t, f)
	require.NoError(t, rt.Unload(t.Context(), "known"), "nothing to unload")
	require.NoError(t, rt.Unload(t.Context(), ""), "nothing to unload")
	for _, name := range []string{"known", ""} {
		loaded := load(t, rt)
		require.NoError(t, rt.Unload(t.Context(), name))
		resident(t, rt, loaded.Token, false)
	}
	load(t, rt)
	f.Set(func(f *Fake) { f.Stubborn = true })
	code(t, fault.CodeNotUnloaded, rt.Unload(t.Context(), "known"))
	code(t, fault.CodeNotUnloaded, rt.Unload(t.Context(), ""))
}

// times steps a clock by 10 ms at each look, so that every figure is known.
func times(t *testing.T, start Start) {
	f := NewFake()
	rt := start(t, f)
	load(t, rt)
	f.Set(func(f *Fake) { f.Replies = []Reply{{Thinking: []string{"hm"}, Text: []string{"a", "", "b", "c"}}} })
	req, looks := Request(Secret), 0
	req.Now = func() time.Duration { looks++; return time.Duration(looks) * 10 * time.Millisecond }
	a, err := rt.Generate(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, 10*time.Millisecond, a.Start)
	require.Equal(t, 10*time.Millisecond, *a.FirstToken, "reasoning counts as the first content")
	// Six lines: hm, a, an empty one, b, c, the last.
	require.Equal(t, []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond}, a.Gaps)
	require.Equal(t, 60*time.Millisecond, a.Latency)
	require.Equal(t, "abc", a.Text)
	require.Equal(t, 2, a.ThinkingBytes)
}

func answers(t *testing.T, start Start) {
	long := strings.Repeat(Secret+" ", 200)
	for name, test := range map[string]struct {
		change  func(*Fake)
		prompt  string
		outcome bench.Outcome
		text    string
	}{
		"ok":                          {func(*Fake) {}, Secret, bench.OutcomeOK, "I21.9 J18.9"},
		"empty":                       {func(f *Fake) { f.Replies = []Reply{{}} }, Secret, bench.OutcomeOK, ""},
		"capped":                      {func(f *Fake) { f.Replies = []Reply{{Text: []string{"I"}, Capped: true}} }, Secret, bench.OutcomeOutputCapped, "I"},
		"å ä ö":                       {func(f *Fake) { f.Replies = []Reply{{Text: []string{"å", "\u2028", "\"}\n"}}} }, Secret, bench.OutcomeOK, "å\u2028\"}\n"},
		"shortened":                   {func(*Fake) {}, long, bench.OutcomePromptTruncated, "I21.9 J18.9"},
		"shortened to half":           {func(f *Fake) { f.Half = true }, long, bench.OutcomePromptTruncated, "I21.9 J18.9"},
		"shortened to half, not told": {func(f *Fake) { f.Half, f.Forgetful = true, true }, long, bench.OutcomePromptTruncated, "I21.9 J18.9"},
		"shifted":                     {func(*Fake) {}, strings.Repeat("x ", 63), bench.OutcomePromptTruncated, "I21.9 J18.9"},
		"just fits":                   {func(*Fake) {}, strings.Repeat("x ", 61), bench.OutcomeOK, "I21.9 J18.9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := NewFake()
			rt := start(t, f)
			load(t, rt)
			f.Set(test.change)
			a, err := rt.Generate(t.Context(), Request(test.prompt))
			require.Equal(t, test.outcome, a.Outcome, "%s %v", a.Reason, err)
			require.Equal(t, test.outcome.Answered(), err == nil, "%v", err)
			require.Equal(t, test.text, a.Text)
			require.NotContains(t, a.Reason, Secret)
			require.Positive(t, a.Latency)
			require.NotNil(t, a.PromptTokens)
			require.Equal(t, 3*time.Millisecond, a.Server.PromptEval)
			if a.Outcome == bench.OutcomePromptTruncated {
				code(t, fault.CodePromptTruncated, err)
			}
		})
	}
}

func callTrouble(t *testing.T, start Start) {
	for name, test := range map[string]struct {
		trouble Trouble
		code    fault.Code
		outcome bench.Outcome
		content bool // some came before
	}{
		"out of memory":   {OutOfMemory, fault.CodeOutOfMemory, bench.OutcomeOutOfMemory, false},
		"busy":            {Busy, fault.CodeServerError, bench.OutcomeServerError, false},
		"rejected":        {Rejected, fault.CodeRefused, bench.OutcomeRefused, false},
		"broken":          {Broken, fault.CodeServerError, bench.OutcomeServerError, false},
		"dropped":         {CutEarly, fault.CodeUnreachable, bench.OutcomeServerError, false},
		"silent":          {HangEarly, fault.CodeTimeout, bench.OutcomeTimeout, false},
		"memory mid-way":  {MidMemory, fault.CodeOutOfMemory, bench.OutcomeOutOfMemory, true},
		"error mid-way":   {MidError, fault.CodeServerError, bench.OutcomeServerError, true},
		"garbage":         {Garbage, fault.CodeBadAnswer, bench.OutcomeBadAnswer, true},
		"huge line":       {HugeLine, fault.CodeBadAnswer, bench.OutcomeBadAnswer, true},
		"huge answer":     {HugeAnswer, fault.CodeBadAnswer, bench.OutcomeBadAnswer, true},
		"cut":             {Cut, fault.CodeUnreachable, bench.OutcomeServerError, true},
		"no end":          {NoEnd, fault.CodeBadAnswer, bench.OutcomeBadAnswer, true},
		"silence mid-way": {Hang, fault.CodeTimeout, bench.OutcomeTimeout, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails(t, start, test.trouble, test.code, test.outcome, test.content)
		})
	}
	t.Run("not found", func(t *testing.T) {
		t.Parallel()
		req := Request(Secret)
		req.Model.Name = "no-such-model"
		a, err := start(t, NewFake()).Generate(t.Context(), req)
		code(t, fault.CodeModelNotFound, err)
		require.False(t, a.Outcome.Answered())
	})
}

// fails makes one call that meets trouble and one that does not.
func fails(t *testing.T, start Start, trouble Trouble, want fault.Code, outcome bench.Outcome, content bool) {
	t.Helper()
	f := NewFake()
	rt := start(t, f)
	load(t, rt)
	f.Set(func(f *Fake) {
		f.Replies = []Reply{{Text: []string{"I2", "1"}, Trouble: trouble}, {Text: []string{"ok"}}}
	})
	req := Request(Secret)
	if outcome == bench.OutcomeTimeout {
		req.Runtime.CallTimeout = 200 * time.Millisecond
	}
	a, err := rt.Generate(t.Context(), req)
	code(t, want, err)
	require.Equal(t, outcome, a.Outcome)
	require.NotEmpty(t, a.Reason)
	require.NotContains(t, a.Reason, Secret)
	require.Positive(t, a.Latency, "a failed call has its times")
	require.Equal(t, content, a.FirstToken != nil)
	require.Equal(t, 1, f.Calls(), "nothing is retried")
	after, err := rt.Generate(t.Context(), Request(Secret))
	require.NoError(t, err, "the next call is not harmed")
	require.Equal(t, "ok", after.Text)
}

func cancels(t *testing.T, start Start) {
	f := NewFake()
	rt := start(t, f)
	load(t, rt)
	f.Set(func(f *Fake) { f.Replies = []Reply{{Text: []string{"I", "2"}, Trouble: Hang}, {Text: []string{"ok"}}} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, looks := Request(Secret), 0
	now := req.Now
	req.Now = func() time.Duration {
		if looks++; looks == 3 { // the second chunk has come
			cancel()
		}
		return now()
	}
	a, err := rt.Generate(ctx, req)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, a.Outcome, "a call that was cut is no measurement")
	require.Equal(t, 1, f.Calls())
	_, err = rt.Generate(t.Context(), Request(Secret))
	require.NoError(t, err)
}
