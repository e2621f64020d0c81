//go:build cgo && linux

package nvml

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// bound is the library that this process has bound its functions to. go-nvml
// and the dynamic loader keep that for the life of the process; a second
// library would be loaded and silently not called.
//
//nolint:gochecknoglobals // a fact of the process, not of one session
var bound struct {
	sync.Mutex
	path   string
	object sharedObject
}

// bind loads the library at path, once per process, and gives the file that go-nvml
// is to open: the same.
func bind(path string) (object sharedObject, file string, err error) {
	bound.Lock()
	defer bound.Unlock()
	file = path
	if strings.Contains(path, "/") {
		if p, err := filepath.EvalSymlinks(path); err == nil {
			file = p
		}
	}
	if bound.path != "" {
		if bound.path == file {
			return bound.object, bound.path, nil
		}
		return sharedObject{}, "", fault.New(fault.Invalid, "", "use one NVML library per process",
			"open the NVML library %s: this process already uses %s, and functions are bound once", path, bound.path)
	}
	object, err = loadObject(file)
	if err != nil {
		return sharedObject{}, "", &meters.Missing{
			Meter: Name, Why: "the driver's library could not be loaded: " + err.Error(),
			Mend: "install NVIDIA's driver; in a container run with --gpus all; or name the library's path in the settings",
		}
	}
	// Missing any of these, go-nvml would end the process.
	needed := [][]string{{"nvmlInit_v2", "nvmlInit"}, {"nvmlShutdown"}, {"nvmlErrorString"}}
	for _, names := range needed {
		if !object.has(names...) {
			return sharedObject{}, "", &meters.Missing{
				Meter: Name, Why: fmt.Sprintf("%s is no NVML library: it has no %s", path, names[0]),
				Mend: "name the path of the driver's libnvidia-ml.so.1",
			}
		}
	}
	bound.path, bound.object = file, object
	return object, file, nil
}

// openDriver loads the library and initialises it.
func openDriver(path string) (driver, error) {
	object, file, err := bind(path)
	if err != nil {
		return nil, err
	}
	lib := gonvml.New(gonvml.WithLibraryPath(file))
	if r := again(func() ret { return retOf(lib.Init()) }); r != retOK {
		return nil, &meters.Missing{
			Meter: Name, Why: "the driver's library is there but does not start: " + r.String(), Mend: mendInit(r),
		}
	}
	return &goDriver{lib: lib, has: symbolsOf(lib), object: object}, nil
}

func mendInit(r ret) string {
	switch r {
	case retMismatch:
		return "the driver was upgraded while running: reboot, or reload the kernel module"
	case retNoPermission, retOperatingSys:
		return "let this user open /dev/nvidiactl and /dev/nvidia*; in a container run with --gpus all"
	default:
		return "check that nvidia-smi works on this host"
	}
}

// symbolsOf gives a look-up that is true when one of the names is exported.
func symbolsOf(lib gonvml.Interface) func(...string) bool {
	return func(names ...string) bool {
		for _, name := range names {
			if lib.Extensions().LookupSymbol(name) == nil {
				return true
			}
		}
		return false
	}
}

// goDriver is the library through go-nvml. Every call is made only after its
// symbol was looked up: a missing one would end the process.
type goDriver struct {
	lib    gonvml.Interface
	has    func(symbols ...string) bool
	object sharedObject
}

// retOf is a return code of go-nvml as ours.
func retOf(r gonvml.Return) ret { return ret(uint32(r)) } //nolint:gosec // codes are not negative

// guarded makes a call that gives one value, if one of symbols is exported.
func guarded[T any](has func(...string) bool, call func() (T, gonvml.Return), symbols ...string) (T, ret) {
	var value T
	if !has(symbols...) {
		return value, retNoSymbol
	}
	r := again(func() ret {
		var r gonvml.Return
		value, r = call()
		return retOf(r)
	})
	return value, r
}

func (d *goDriver) version() (string, ret) {
	return guarded(d.has, d.lib.SystemGetDriverVersion, "nvmlSystemGetDriverVersion")
}

func (d *goDriver) nvmlVersion() (string, ret) {
	return guarded(d.has, d.lib.SystemGetNVMLVersion, "nvmlSystemGetNVMLVersion")
}

func (d *goDriver) cudaVersion() (int, ret) {
	return guarded(d.has, d.lib.SystemGetCudaDriverVersion, "nvmlSystemGetCudaDriverVersion")
}

func (d *goDriver) count() (int, ret) {
	return guarded(d.has, d.lib.DeviceGetCount, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount")
}

func (d *goDriver) board(index int) (board, ret) {
	dev, r := guarded(d.has, func() (gonvml.Device, gonvml.Return) { return d.lib.DeviceGetHandleByIndex(index) },
		"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
	if r != retOK {
		return nil, r
	}
	return &goBoard{dev: dev, has: d.has, object: d.object, index: index}, retOK
}

func (d *goDriver) shutdown() ret { return retOf(d.lib.Shutdown()) }
