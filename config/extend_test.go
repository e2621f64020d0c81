package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func idsOf(plan bench.Plan) map[bench.CellID]bench.Coordinates {
	ids := map[bench.CellID]bench.Coordinates{}
	for _, c := range plan.Cells {
		ids[c.ID] = c.At
	}
	return ids
}

// A spec that grew by hosts has the cells that it had, under the same ids, and
// those of the new hosts.
func TestWithHosts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"flow":    smallSpec,
		"block":   strings.Replace(smallSpec, "hosts: [local]", "# machines\nhosts:\n  - local # the first\n  - name: gpu1", 1),
		"alias":   strings.Replace("name: small\n"+smallSpec[len("\nname: small\n"):], "models: [\"llama3.2:1b\"]", "models: [{name: a, hosts: &h [local]}, b]", 1),
		"ordered": smallSpec + "order: blocked\nseed: 4\ntargets: [\"latency_s p95 <= 2\"]\npriority: 2\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := parse(t, text)
			plan, err := spec.Plan()
			require.NoError(t, err)
			grown, err := spec.WithHosts("1e5", "local", "gpu.7", "1e5")
			require.NoError(t, err)
			require.Equal(t, append(namesOf(spec.Hosts, HostSpec.name), "1e5", "gpu.7"), namesOf(grown.Hosts, HostSpec.name))
			more, err := grown.PlanInto(plan.Sweep)
			require.NoError(t, err)
			require.Equal(t, plan.Sweep, more.Sweep)
			require.Equal(t, []any{plan.Order, plan.Priority, plan.Targets}, []any{more.Order, more.Priority, more.Targets})
			ids := idsOf(more)
			for id, at := range idsOf(plan) {
				require.Equal(t, at, ids[id])
				delete(ids, id)
			}
			require.NotEmpty(t, ids)
			for _, at := range ids {
				require.Contains(t, []string{"1e5", "gpu.7"}, at.Host)
			}
			again, err := ParseSpec("again", []byte(more.SpecYAML), builtins())
			require.NoError(t, err, "its source says the same:\n%s", more.SpecYAML)
			replanned, err := again.PlanInto(plan.Sweep)
			require.NoError(t, err)
			require.Equal(t, more, replanned)
			require.NotContains(t, plan.SpecYAML, "gpu.7", "the first spec stays")
		})
	}
}

func TestWithHostsKeepsComments(t *testing.T) {
	t.Parallel()
	grown, err := parse(t, string(DemoSpec())).WithHosts("gpu1")
	require.NoError(t, err)
	require.Contains(t, grown.source, "# of 65, so that the demo is over in minutes")
	require.Contains(t, grown.source, `hosts: [local, "gpu1"]`)
	same, err := grown.WithHosts("gpu1")
	require.NoError(t, err)
	require.Equal(t, grown.Canonical(), same.Canonical())
	require.Equal(t, grown.source, same.source)
}

func TestWithHostsRefuses(t *testing.T) {
	t.Parallel()
	restricted := strings.Replace(smallSpec, `"llama3.2:1b"`, "{name: a, hosts: [local]}", 1)
	for text, one := range map[string]struct {
		names []string
		want  string
	}{
		smallSpec:        {nil, "hosts: are none to add"},
		smallSpec + "\n": {[]string{"a", "Big Host\x1b[31m"}, `host "Big Host?[31m": is no name of a host`},
		restricted:       {[]string{"gpu1"}, `host "gpu1": gives no cell: every model is restricted to other hosts; add it to the hosts of a model`},
	} {
		_, err := parse(t, text).WithHosts(one.names...)
		requireRefusal(t, err)
		require.ErrorContains(t, err, one.want)
	}
}
