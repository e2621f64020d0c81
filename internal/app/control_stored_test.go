package app

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// hearing is a Temporal whose lanes hear of stops.
type hearing struct {
	*gone

	stops []*contract.StopIn
}

func (h *hearing) SignalWorkflow(_ context.Context, _, _, _ string, arg any) error {
	h.stops = append(h.stops, arg.(contract.WakeIn).Stop)
	return nil
}

// A stop of a sweep whose workflow is gone names the tries that are meant: the
// lane that hears of it late does not stop a later one.
func TestStopsWithoutAWorkflowNameTheirTries(t *testing.T) {
	t.Parallel()
	a, server, sw := large(t, 1)
	heard := &hearing{gone: server}
	a.Temporal = heard
	for claim := range int64(2) { // of two tries the second is stopped
		_, err := a.Store.ClaimNext(t.Context(), "a", "lane", claim+1)
		require.NoError(t, err)
	}
	got, err := a.Control(t.Context(), sw, bench.ControlCancel, contract.ControlIn{Request: "r", By: "ada", Now: true})
	require.NoError(t, err)
	require.True(t, got.StoreOnly)
	require.Len(t, heard.stops, 1)
	require.Equal(t, []bench.CellID{"c0"}, heard.stops[0].Cells)
	require.Equal(t, []int{2}, heard.stops[0].Tries)
}
