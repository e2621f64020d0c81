package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/nvmlstub"
	"github.com/wattsweep/wattsweep/test/snmpagent"
)

// simulatedMachine writes the settings of a machine with a GPU of 300 W, a
// socket that counts energy and a PDU: a library that answers as the driver's,
// a real snmpd, and files in the shape of powercap's. It is simulated, and the
// GPU and the PDU say so themselves.
func simulatedMachine(t *testing.T) (settingsFile string) {
	t.Helper()
	library := nvmlstub.Build(t)
	gpu := nvmlstub.H100(0)
	gpu.Power = nvmlstub.Sine(300, 100, 1700*time.Millisecond)
	t.Setenv(nvmlstub.Env, nvmlstub.Write(t, nvmlstub.Config{Driver: "550.54 (simulated)", NVML: "12.550.54", CUDA: 12040, GPUs: []nvmlstub.GPU{gpu}}))
	agent := snmpagent.Start(t, snmpagent.Config{ObjectID: "1.3.6.1.4.1.318.1.3.4.6", Objects: []snmpagent.Object{{
		OID: "1.3.6.1.4.1.318.1.1.12.1.16.0", Type: "integer", Value: func(at time.Time) string {
			return strconv.Itoa(400 + int(20*math.Sin(float64(at.Truncate(500*time.Millisecond).UnixMilli())/700)))
		},
	}}})
	dir := t.TempDir()
	zone := filepath.Join(dir, "sys", "class", "powercap", "intel-rapl:0")
	require.NoError(t, os.MkdirAll(zone, 0o755))
	for name, text := range map[string]string{"name": "package-0", "enabled": "1", "energy_uj": "61204981233", "max_energy_range_uj": "262143328850"} {
		require.NoError(t, os.WriteFile(filepath.Join(zone, name), []byte(text+"\n"), 0o600))
	}
	secret := filepath.Join(dir, "community")
	require.NoError(t, os.WriteFile(secret, []byte("public\n"), 0o600))
	path := filepath.Join(dir, "wattsweep.yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `meters:
  nvml: {library: %q}
  rapl: {sysfs: %q}
  pdus:
    - name: rack3
      address: %q
      community_file: %q
      objects:
        - {name: left, oid: 1.3.6.1.4.1.318.1.1.12.1.16.0, unit: W}
`, library, filepath.Join(dir, "sys"), agent.Address, secret), 0o600))
	return path
}

// The whole way: settings to meters, watched by doctor, shown and recorded by
// meters. It is one test, as a process can load one NVML.
func TestMetersOfASimulatedMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("it watches meters for some seconds")
	}
	file := simulatedMachine(t)
	cmd := &cobra.Command{Use: "x"}
	addSettings(cmd)
	require.NoError(t, cmd.ParseFlags([]string{"--config", file, "--output", "json"}))
	var said bytes.Buffer
	cmd.SetErr(&said)
	s, err := open(cmd)
	require.NoError(t, err)
	checkSurveyed(t, examineMeters(t.Context(), s, false))

	record := filepath.Join(t.TempDir(), "run.csv")
	var out, errOut bytes.Buffer
	code := run(t.Context(), newRoot(), []string{"meters", "--config", file, "--output", "json", "--for", "2500ms", "--interval", "20ms", "--record", record}, &out, &errOut)
	require.Equal(t, ExitDone, code, errOut.String())
	require.Contains(t, errOut.String(), "nvml.gpu0: every 20ms, ")
	require.Contains(t, errOut.String(), "recorded to "+record)
	first, _, _ := strings.Cut(out.String(), "\n")
	var shown struct{ Channels []snapshot }
	require.NoError(t, json.Unmarshal([]byte(first), &shown))
	units := map[bench.Unit]bool{}
	for _, c := range shown.Channels {
		units[c.Unit] = true
		require.Equal(t, strings.HasPrefix(c.Channel, "gpu") || strings.HasPrefix(c.Channel, "pdu"), c.Simulated, c.Channel)
	}
	require.True(t, units[bench.UnitWatt] && units[bench.UnitJoule] && units[bench.UnitCelsius], first)
	checkWholeRecording(t, record)
}

func checkSurveyed(t *testing.T, found metersFound) {
	t.Helper()
	for _, f := range found.findings {
		require.True(t, f.OK, "%s: %s", f.What, f.Detail)
	}
	seen := map[string]channelFacts{}
	for _, c := range found.channels {
		seen[c.Channel] = c
		require.NotEmpty(t, c.PeriodBasis, c.Channel)
		require.NotEmpty(t, c.WindowBasis, c.Channel)
		require.NotEmpty(t, c.ExpectedBasis, c.Channel)
	}
	power, ok := seen["gpu0.power"]
	require.True(t, ok, "channels: %v", slices.Sorted(maps.Keys(seen)))
	require.True(t, power.Simulated)
	require.NotNil(t, power.UpdatePeriodS, power.PeriodBasis)
	require.InDelta(t, 0.1, *power.UpdatePeriodS, 0.05, power.PeriodBasis)
	require.NotNil(t, power.ExpectedU95, power.ExpectedBasis)
	require.InDelta(t, 300, *power.ExpectedPowerW, 110)
	require.Greater(t, *power.ExpectedU95, 0.0)
	require.Less(t, *power.ExpectedU95, 0.5)
	pdu, ok := seen["pdu.rack3.power"]
	require.True(t, ok, "channels: %v", slices.Sorted(maps.Keys(seen)))
	require.True(t, pdu.Simulated)
	require.NotNil(t, pdu.Present, pdu.PresentMissing)
	require.InDelta(t, 400, *pdu.Present, 25)
	_, ok = seen["rapl.package0"]
	require.True(t, ok, "channels: %v", slices.Sorted(maps.Keys(seen)))
}

func checkWholeRecording(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), `"driver":"550.54 (simulated)"`)
	require.Contains(t, string(text), `"simulated":true`)
	reader := csv.NewReader(bytes.NewReader(text))
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	require.NoError(t, err)
	counts := map[string]int{}
	for _, row := range rows[1:] {
		counts[row[3]]++
	}
	for _, channel := range []string{"gpu0.power", "gpu0.energy", "pdu.rack3.power", "rapl.package0", "host.cpu"} {
		require.Greater(t, counts[channel], 2, "%s in %v", channel, counts)
	}
	require.Greater(t, counts["gpu0.power"], counts["pdu.rack3.power"], "a PDU is not asked as often as a GPU")
}
