package activities

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// RegisterControl tells a worker of the activities of the control queue.
func RegisterControl(r worker.ActivityRegistry, c *Control, res *Results) {
	for name, f := range map[string]any{
		contract.ActSweepCounts:  c.SweepCounts,
		contract.ActWakeLanes:    c.WakeLanes,
		contract.ActCancelSweep:  c.CancelSweep,
		contract.ActControlSweep: c.ControlSweep,
		contract.ActSetLane:      c.SetLane,
		contract.ActFinishSweep:  c.FinishSweep,
		contract.ActClaimNext:    c.ClaimNext,
		contract.ActCloseCell:    c.CloseCell,
		contract.ActRestartEpoch: c.RestartEpoch,
		contract.ActPinDataset:   c.PinDataset,
		contract.ActScore:        res.Score,
		contract.ActCost:         res.Cost,
		contract.ActPublish:      res.Publish,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// RegisterHost tells a worker of the activities of a host's queue.
func RegisterHost(r worker.ActivityRegistry, h *Host) {
	for name, f := range map[string]any{
		contract.ActInspect:     h.Inspect,
		contract.ActPull:        h.Pull,
		contract.ActPrepare:     h.Prepare,
		contract.ActMeasureIdle: h.MeasureIdle,
		contract.ActLoad:        h.Load,
		contract.ActReclaim:     h.Reclaim,
		contract.ActWarmUp:      h.WarmUp,
		contract.ActInfer:       h.Infer,
		contract.ActUnload:      h.Unload,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}
