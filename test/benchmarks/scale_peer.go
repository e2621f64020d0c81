package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"golang.org/x/sync/errgroup"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/hostfacts"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
	"github.com/wattsweep/wattsweep/test/simruntime"
)

// plainHost does cells in a plain loop: the same activities with the same
// writes to the store, called one after the other in this process. No server
// remembers how far it is, so that it would begin anew after a crash.
type plainHost struct {
	store *store.Store
	env   *testsuite.TestActivityEnvironment
	name  string
}

// plainLoop does cells of another sweep without Temporal and gives cells per
// second.
func (f *fleet) plainLoop(ctx context.Context, dataset string) (float64, error) {
	hosts := make([]string, f.opts.Hosts)
	for i := range hosts {
		hosts[i] = f.host(i) + "-plain"
	}
	each := max(1, min(f.opts.Peer, f.opts.Cells)/len(hosts))
	spec, err := scaleSpecOf(f.opts.Name+"-plain", hosts, each*len(hosts))
	if err != nil {
		return 0, err
	}
	plan, err := spec.Plan()
	if err != nil {
		return 0, err
	}
	for i := range plan.Cells {
		plan.Cells[i].Config.Dataset.Hash = dataset // stored with the first sweep
	}
	if _, err := f.control.Store.PutPlan(ctx, plan, func(c bench.Cell) int { return c.Config.Dataset.Limit }); err != nil {
		return 0, err
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i, host := range hosts {
		group.Go(func() error { return newPlainHost(f.apps[i].Store, host).all(ctx) })
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("plain loop: %w", err)
	}
	return float64(len(plan.Cells)) / time.Since(began).Seconds(), nil
}

func newPlainHost(st *store.Store, name string) *plainHost {
	rt := simruntime.New(simruntime.Options{})
	facts := func(ctx context.Context) (bench.HostFacts, error) {
		return hostfacts.Read(ctx, hostfacts.Options{Host: name, WorkerBuild: "plain"})
	}
	p := &plainHost{store: st, name: name, env: (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()}
	activities.RegisterControl(p.env, &activities.Control{Store: st}, &activities.Results{Store: st})
	activities.RegisterHost(p.env, &activities.Host{
		Store: st, Name: name, Build: "plain", BootID: "plain", Clock: meters.NewClock(),
		Runtime: func(bench.RuntimeConfig) (runtimes.Runtime, error) { return rt, nil },
		Meters:  func(bench.MeterConfig, runtimes.Runtime) ([]meters.Meter, []string, error) { return nil, nil, nil },
		Source:  func(m bench.ModelConfig) runtimes.Source { return runtimes.Source{Model: m} },
		Facts:   facts, WithNonce: icd10.WithNonce,
		Ask: func(_, language, body string) (string, string, error) {
			prompt, err := icd10.Prompt(language, body)
			return prompt, bench.Hash(prompt), err
		},
	})
	return p
}

// call runs one activity and reads its result.
func call[T any](p *plainHost, name string, in any) (out T, err error) {
	var value converter.EncodedValue
	if value, err = p.env.ExecuteActivity(name, in); err != nil {
		return out, err //nolint:wrapcheck // it names the activity
	}
	return out, value.Get(&out) //nolint:wrapcheck // a payload of our own
}

func (p *plainHost) all(ctx context.Context) error {
	for claim := int64(1); ctx.Err() == nil; claim++ {
		next, err := call[contract.ClaimOut](p, contract.ActClaimNext, contract.ClaimIn{V: 1, Host: p.name, Lane: p.name, Claim: claim})
		if err != nil || !next.Found {
			return err
		}
		if err := p.cell(*next.Cell); err != nil {
			return err
		}
		if err := p.store.CloseCell(ctx, next.Cell.Cell, bench.StateDone, ""); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// cell does the stages of one cell.
func (p *plainHost) cell(in contract.BenchmarkIn) error {
	ref := contract.CellRef{V: 1, Cell: in.Cell, Attempt: in.Attempt, Epoch: in.Epoch, No: 1}
	step := func(name string, in any) error { _, err := call[contract.Note](p, name, in); return err }
	if err := errors.Join(step(contract.ActInspect, ref), step(contract.ActPinDataset, ref), step(contract.ActPull, ref),
		step(contract.ActMeasureIdle, contract.IdleIn{CellRef: ref, Phase: bench.PhaseBaseline})); err != nil {
		return err
	}
	loaded, err := call[contract.LoadOut](p, contract.ActLoad, contract.LoadIn{CellRef: ref, Rung: 1})
	if err != nil {
		return err
	}
	resident := contract.ResidentIn{CellRef: ref, Rung: 1, Token: loaded.Token}
	if err := errors.Join(step(contract.ActMeasureIdle, contract.IdleIn{CellRef: ref, Phase: bench.PhaseIdle}), step(contract.ActWarmUp, resident)); err != nil {
		return err
	}
	for run := 1; run <= in.Runs; run++ {
		if _, err := call[contract.InferOut](p, contract.ActInfer, contract.InferIn{ResidentIn: resident, Run: run, To: in.Items}); err != nil {
			return err
		}
	}
	out := contract.PublishIn{CellRef: ref, State: bench.StateDone}
	return errors.Join(step(contract.ActUnload, ref), step(contract.ActScore, out), step(contract.ActCost, out), step(contract.ActPublish, out))
}
