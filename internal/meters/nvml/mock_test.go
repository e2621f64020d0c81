//go:build cgo && linux

package nvml

import (
	"errors"
	"testing"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

func all(...string) bool { return true }

// dgx is go-nvml's own mock of a machine with eight A100. It has no power, so
// the sampler that reads at every tick is another's.
func dgx() *goDriver { return &goDriver{lib: dgxa100.New(), has: all} }

func TestIdentifyDGX(t *testing.T) {
	t.Parallel()
	d := dgx()
	server := d.lib.(*dgxa100.Server)
	for _, dev := range server.Devices {
		dev := dev.(*dgxa100.Device)
		dev.GetVbiosVersionFunc = func() (string, gonvml.Return) { return "", gonvml.ERROR_NO_PERMISSION }
		dev.GetEnforcedPowerLimitFunc = func() (uint32, gonvml.Return) { return 400000, gonvml.SUCCESS }
		dev.GetEccModeFunc = func() (gonvml.EnableState, gonvml.EnableState, gonvml.Return) {
			return gonvml.FEATURE_ENABLED, gonvml.FEATURE_ENABLED, gonvml.SUCCESS
		}
		dev.GetArchitectureFunc = func() (gonvml.DeviceArchitecture, gonvml.Return) {
			return gonvml.DEVICE_ARCH_AMPERE, gonvml.SUCCESS
		}
	}
	n, r := d.count()
	require.Equal(t, retOK, r)
	require.Equal(t, 8, n)
	v := readVersions(d)
	require.Equal(t, 550, driverMajor(v.driver))
	b, r := d.board(3)
	require.Equal(t, retOK, r)
	g := identify(3, b, v)
	require.True(t, g.kind.ga100)
	require.Equal(t, "Ampere", g.facts.Architecture)
	require.Equal(t, "off", g.facts.MIG)
	require.Equal(t, "on", g.facts.ECC)
	require.InDelta(t, 400, g.facts.PowerLimitW, 0)
	require.Equal(t, "no permission", g.facts.Missing["vbios"])
	require.NotEmpty(t, g.facts.UUID)
	require.False(t, g.simulated())
}

func TestProcessesAreMerged(t *testing.T) {
	t.Parallel()
	dev := &mock.Device{
		GetComputeRunningProcessesFunc: func() ([]gonvml.ProcessInfo, gonvml.Return) {
			return []gonvml.ProcessInfo{{Pid: 9, UsedGpuMemory: 10}, {Pid: 7, UsedGpuMemory: sentinel64}, {Pid: 9, UsedGpuMemory: 5, GpuInstanceId: 2}}, gonvml.SUCCESS
		},
		GetGraphicsRunningProcessesFunc: func() ([]gonvml.ProcessInfo, gonvml.Return) {
			return []gonvml.ProcessInfo{{Pid: 9, UsedGpuMemory: 12}, {Pid: 3, UsedGpuMemory: 1}}, gonvml.SUCCESS
		},
	}
	got, r := (&goBoard{dev: dev, has: all}).processes()
	require.Equal(t, retOK, r)
	require.Equal(t, []process{{3, 1, true}, {7, sentinel64, false}, {9, 15, true}}, got)

	dev.GetGraphicsRunningProcessesFunc = func() ([]gonvml.ProcessInfo, gonvml.Return) { return nil, gonvml.ERROR_NOT_SUPPORTED }
	got, r = (&goBoard{dev: dev, has: all}).processes()
	require.Equal(t, retOK, r)
	require.Len(t, got, 2)
}

// A call whose symbol is missing is not made: the mock panics if it is.
func TestNothingIsCalledWithoutItsSymbol(t *testing.T) {
	t.Parallel()
	none := func(...string) bool { return false }
	d := &goDriver{lib: &mock.Interface{}, has: none}
	_, r := d.version()
	require.Equal(t, retNoSymbol, r)
	_, r = d.count()
	require.Equal(t, retNoSymbol, r)
	_, r = d.board(0)
	require.Equal(t, retNoSymbol, r)
	b := &goBoard{dev: &mock.Device{}, has: none}
	g := identify(0, b, readVersions(d))
	require.Empty(t, g.facts.UUID)
	require.Equal(t, "not in this driver's library", g.facts.Missing["uuid"])
	_, r = b.processes()
	require.Equal(t, retNoSymbol, r)
	_, r = b.migDevices()
	require.Equal(t, retNoSymbol, r)
}

func TestUnknownIsAskedTwice(t *testing.T) {
	t.Parallel()
	asked := 0
	dev := &mock.Device{GetUUIDFunc: func() (string, gonvml.Return) {
		asked++
		if asked == 1 {
			return "", gonvml.ERROR_UNKNOWN
		}
		return "GPU-1", gonvml.SUCCESS
	}}
	uuid, r := (&goBoard{dev: dev, has: all}).uuid()
	require.Equal(t, retOK, r)
	require.Equal(t, "GPU-1", uuid)
	require.Equal(t, 2, asked)
}

// A GPU whose handle is refused, as one that fell off the bus before the start,
// is told and leaves the others.
func TestSessionWithABoardThatIsRefused(t *testing.T) {
	t.Parallel()
	lib := &mock.Interface{
		SystemGetDriverVersionFunc:     func() (string, gonvml.Return) { return "535.1", gonvml.SUCCESS },
		SystemGetNVMLVersionFunc:       func() (string, gonvml.Return) { return "12.535", gonvml.SUCCESS },
		SystemGetCudaDriverVersionFunc: func() (int, gonvml.Return) { return 12020, gonvml.SUCCESS },
		DeviceGetCountFunc:             func() (int, gonvml.Return) { return 1, gonvml.SUCCESS },
		DeviceGetHandleByIndexFunc:     func(int) (gonvml.Device, gonvml.Return) { return nil, gonvml.ERROR_GPU_IS_LOST },
		ShutdownFunc:                   func() gonvml.Return { return gonvml.SUCCESS },
	}
	s, err := newSession(t.Context(), &goDriver{lib: lib, has: all}, Options{}.withDefaults())
	require.NoError(t, err)
	require.Empty(t, s.Meters())
	require.Equal(t, []string{"GPU 0: the GPU is lost: it fell off the bus"}, s.Absent())
	require.Equal(t, []bench.GPUCall{{Name: "nvmlDeviceGetHandleByIndex", Result: retLost.String()}}, s.Facts()[0].Calls)
	who, err := s.Foreign(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, who[0].Doubt)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
}

func TestOpenWithoutADriver(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Options{Library: "libno-such-library-of-wattsweep.so"})
	_, absent := errors.AsType[*meters.Missing](err)
	require.True(t, absent)
	require.ErrorContains(t, err, "could not be loaded")
}
