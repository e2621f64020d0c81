package hostfacts

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadThisHost(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	f, err := Read(t.Context(), Options{Host: "bench1", WorkerBuild: "v0", Now: func() time.Time { return at }})
	require.NoError(t, err)
	require.Equal(t, "bench1", f.Host)
	require.Equal(t, "v0", f.WorkerBuild)
	require.Equal(t, at, f.SeenAt)
	require.NotEmpty(t, f.OS)
	require.NotEmpty(t, f.Kernel)
	require.NotEmpty(t, f.CPU)
	require.Positive(t, f.Sockets)
	require.Positive(t, f.Cores)
	require.GreaterOrEqual(t, f.Threads, f.Cores)
	require.GreaterOrEqual(t, f.Cores, f.Sockets)
	require.Greater(t, f.MemoryBytes, int64(64<<20))
	require.NotEmpty(t, f.BootID)
	require.True(t, len(f.GPUs) > 0 || f.GPUsMissing != "", "no GPU needs a reason")
	again, err := Read(t.Context(), Options{})
	require.NoError(t, err)
	require.NotEmpty(t, again.Host)
	require.Equal(t, f.BootID, again.BootID, "the same boot has the same id")
}

// tree writes files below a new folder and gives its path.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func TestGPUs(t *testing.T) {
	t.Parallel()
	h100 := func(uuid string) string {
		return "Model: \t\t NVIDIA H100 PCIe\nIRQ:   \t\t 176\nGPU UUID: \t " + uuid + "\nBus Type: \t PCIe\n"
	}
	const version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Sat Feb 10 02:47:48 UTC 2026\nGCC version:\n"
	pci := map[string]string{
		"bus/pci/devices/0000:01:00.0/vendor": "0x10de\n", "bus/pci/devices/0000:01:00.0/class": "0x030200\n",
		"bus/pci/devices/0000:01:00.0/device": "0x2331\n",
		"bus/pci/devices/0000:01:00.1/vendor": "0x10de\n", "bus/pci/devices/0000:01:00.1/class": "0x040300\n", // its sound part
		"bus/pci/devices/0000:00:02.0/vendor": "0x8086\n", "bus/pci/devices/0000:00:02.0/class": "0x030000\n",
	}
	for _, c := range []struct {
		name      string
		proc, sys map[string]string
		want      gpus
	}{
		{
			name: "driver with two cards, one without a UUID yet",
			proc: map[string]string{
				"driver/nvidia/version":                       version,
				"driver/nvidia/gpus/0000:01:00.0/information": h100("GPU-11111111-2222-3333-4444-555555555555"),
				"driver/nvidia/gpus/0000:02:00.0/information": h100("GPU-????????-????-????-????-????????????"),
			},
			want: gpus{
				names:  []string{"NVIDIA H100 PCIe (GPU-11111111-2222-3333-4444-555555555555)", "NVIDIA H100 PCIe"},
				driver: "535.161.08",
			},
		},
		{
			name: "open kernel module", sys: pci,
			proc: map[string]string{
				"driver/nvidia/version":                       "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n",
				"driver/nvidia/gpus/0000:01:00.0/information": h100(""),
			},
			want: gpus{names: []string{"NVIDIA H100 PCIe"}, driver: "580.95.05"},
		},
		{
			name: "card without a driver", sys: pci,
			want: gpus{
				names:   []string{"NVIDIA PCI device 10de:2331 at 0000:01:00.0"},
				missing: missingDriver + ": the GPUs found on the PCI bus cannot be named or used",
			},
		},
		{name: "no card", sys: map[string]string{"bus/pci/devices/0000:00:02.0/vendor": "0x8086\n"}, want: gpus{missing: missingDriver}},
		{name: "no bus", want: gpus{missing: missingTables}},
		{
			name: "driver without cards", sys: map[string]string{"module/nvidia/version": "535.161.08\n"},
			want: gpus{driver: "535.161.08", missing: missingCards},
		},
		{
			name: "garbage", want: gpus{missing: missingTables},
			proc: map[string]string{"driver/nvidia/version": "\x00\xff", "driver/nvidia/gpus/x/information": "::\n\n:Model"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := readGPUs(Options{ProcFS: tree(t, c.proc), SysFS: tree(t, c.sys)})
			if c.want.names == nil {
				c.want.names = []string{}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestBootIDWithoutKernelTable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-01-01T00:00:00Z", bootID(t.TempDir(), 1767225600))
}
