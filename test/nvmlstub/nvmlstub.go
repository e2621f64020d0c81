// Package nvmlstub builds a stand-in for the NVIDIA driver's library and writes
// what it plays, so that tests load NVML by the true path, dlopen and all,
// without a GPU.
//
//	library := nvmlstub.Build(t)
//	config := nvmlstub.Write(t, nvmlstub.Config{Driver: "550.54 (simulated)", GPUs: []nvmlstub.GPU{nvmlstub.H100(0)}})
//	cmd.Env = append(os.Environ(), nvmlstub.Env+"="+config) // a worker told to use library
//
// The library reads the file that $NVMLSTUB_CONFIG names when it is
// initialised, by the first session of a process; a process can use one
// library. Power is a function of time or a trace, the energy counter is its
// exact integral, and sensors renew, average and lag as the file says. Every
// driver version says "simulated", or Write refuses it.
//
// A trace is a CSV file of t_s,watts[,util,mem_bytes], with or without a
// header, t rising; it is joined by straight lines and played again from its
// start when it ends.
package nvmlstub

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Env is the variable that names the library's configuration.
const Env = "NVMLSTUB_CONFIG"

//go:embed nvmlstub.c play.h
var source embed.FS

// Config is what the library plays.
type Config struct {
	Driver string // must say that it is simulated
	NVML   string
	CUDA   int // 12040 is 12.4
	// Init is what initialising returns, 0 for success.
	Init int
	// Epoch is the zero of the library's time on the system's monotonic clock;
	// nil is when it is initialised. See Monotonic.
	Epoch *time.Duration
	GPUs  []GPU
}

// GPU is one GPU. What is zero is not told or has no such feature.
type GPU struct {
	Name, UUID, VBIOS, Bus string
	Architecture           int // 7 Ampere, 8 Ada, 9 Hopper, 10 Blackwell
	PCIDevice              uint32
	PowerLimitW            float64

	Power Power // the truth
	// Update is how often the power sensor renews its value, Window what
	// instant power averages over, AverageWindow what the average does (0: there
	// is none), Lag how late both are.
	Update, Window, AverageWindow, Lag time.Duration
	// EnergyUpdate is how often the counter is renewed (0: as power), EnergyStepJ
	// its step, EnergyOffsetJ what it shows at zero, EnergyResetAt when it starts
	// anew (0: never).
	EnergyUpdate  time.Duration
	EnergyStepJ   float64
	EnergyOffsetJ float64
	EnergyResetAt time.Duration
	// ModuleScope refuses the power fields for the GPU alone, as Grace Hopper.
	ModuleScope bool
	// LostAt is when the GPU falls off the bus (0: never).
	LostAt time.Duration

	UtilisationPercent     float64
	MemoryUsedB            float64
	MemoryTotalB           float64 // 0: not supported, as on GB10
	MemoryReservedB        float64
	MIG                    int // -1 off, 0 not supported, n instances
	ECC                    int // -1 off, 0 not supported, 1 on
	Temperature            int
	SMMHz, MemoryMHz       int
	PState                 int
	Throttle               uint64  // bits of the reasons for lowered clocks
	ThrottledShare         float64 // of time, by the power cap
	Corrected, Uncorrected uint64  // memory errors

	Processes []Process
	Returns   []Return
}

// Power is the true power over time.
type Power string

// Constant is w watts for ever.
func Constant(w float64) Power { return Power(fmt.Sprintf("const %g", w)) }

// Ramp is w watts at zero, rising by slope watts a second.
func Ramp(w, slope float64) Power { return Power(fmt.Sprintf("ramp %g %g", w, slope)) }

// Sine swings around mean.
func Sine(mean, amplitude float64, period time.Duration) Power {
	return Power(fmt.Sprintf("sine %g %g %g", mean, amplitude, period.Seconds()))
}

// Square is high for the first half of each period and low for the second.
func Square(low, high float64, period time.Duration) Power {
	return Power(fmt.Sprintf("square %g %g %g", low, high, period.Seconds()))
}

// Trace plays a CSV file.
func Trace(path string) Power { return Power("trace " + path) }

// Process is on the GPU from From until To (0: for ever). Bytes of 2^64-1 say
// that the driver does not tell.
type Process struct {
	PID      int
	Bytes    uint64
	From, To time.Duration
}

// Return forces a return code on a symbol, such as nvmlDeviceGetPowerUsage, or
// on a field, such as field83, from From until To (0: for ever).
type Return struct {
	Symbol   string
	Code     int
	From, To time.Duration
}

// H100 is a GPU in the shape of an H100: instant and averaged power, a counter,
// ECC, MIG off. Its UUID ends in no, so that several differ.
func H100(no int) GPU {
	return GPU{
		Name: "NVIDIA H100 PCIe", UUID: fmt.Sprintf("GPU-00000000-0000-4000-8000-%012d", no), VBIOS: "96.00.30.00.01",
		Bus: fmt.Sprintf("00000000:%02X:00.0", no+1), Architecture: 9, PCIDevice: 0x233110DE, PowerLimitW: 350,
		Power:  Sine(300, 100, 1700*time.Millisecond),
		Update: 100 * time.Millisecond, Window: 25 * time.Millisecond, AverageWindow: time.Second,
		UtilisationPercent: 87, MemoryUsedB: 40 << 30, MemoryTotalB: 80 << 30, MemoryReservedB: 600 << 20,
		MIG: -1, ECC: 1, Temperature: 54, SMMHz: 1755, MemoryMHz: 1593,
	}
}

// errNoCompiler says that the library cannot be built here.
var errNoCompiler = errors.New("the stand-in for the driver's library needs a C compiler; none was found")

// Build compiles the library, without the symbols named in omit, and gives its
// path. Without a C compiler the test is skipped.
func Build(tb testing.TB, omit ...string) string {
	tb.Helper()
	library, err := Compile(tb.TempDir(), omit...)
	if errors.Is(err, errNoCompiler) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return library
}

// Compile builds the library in dir, without the symbols named in omit, and
// gives its path; for a program that is no test.
func Compile(dir string, omit ...string) (string, error) {
	compiler := ""
	for _, name := range []string{"gcc", "cc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			compiler = path
			break
		}
	}
	if compiler == "" {
		return "", errNoCompiler
	}
	if err := os.CopyFS(dir, source); err != nil {
		return "", fmt.Errorf("write the library's source: %w", err)
	}
	library := filepath.Join(dir, "libnvidia-ml.so.1")
	args := []string{"-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,-soname,libnvidia-ml.so.1", "-o", library}
	for _, symbol := range omit {
		args = append(args, "-DNVMLSTUB_OMIT_"+symbol)
	}
	args = append(args, filepath.Join(dir, "nvmlstub.c"), "-lm")
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil { //nolint:noctx // a second at most
		return "", fmt.Errorf("compile the library: %w\n%s", err, out)
	}
	return library, nil
}

// Write writes the configuration into a temporary folder and gives its path.
func Write(tb testing.TB, c Config) string {
	tb.Helper()
	text, err := c.Text()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "nvmlstub.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatalf("write the library's configuration: %v", err)
	}
	return path
}

// Text is the configuration as the library reads it: lines of key=value. The
// library refuses what it does not understand.
func (c Config) Text() (string, error) {
	if !strings.Contains(c.Driver, "simulated") {
		return "", fmt.Errorf("driver version %q: it must say that it is simulated", c.Driver)
	}
	w := writer{}
	w.text("driver", c.Driver)
	w.text("nvml", c.NVML)
	w.number("cuda", float64(c.CUDA))
	w.number("init", float64(c.Init))
	if c.Epoch != nil {
		w.line("epoch", fmt.Sprintf("%.9f", c.Epoch.Seconds()))
	}
	w.number("gpus", float64(len(c.GPUs)))
	for i, g := range c.GPUs {
		g.write(&w, fmt.Sprintf("gpu%d.", i))
	}
	return w.out.String(), w.err
}

func (g GPU) write(w *writer, p string) {
	for key, v := range map[string]string{"name": g.Name, "uuid": g.UUID, "vbios": g.VBIOS, "bus": g.Bus, "power": string(g.Power)} {
		w.text(p+key, v)
	}
	scope, mig, ecc := 0.0, 0.0, 0.0
	if g.ModuleScope {
		scope = 1
	}
	if g.MIG != 0 {
		mig = 1
	}
	if g.ECC != 0 {
		ecc = 1
	}
	for key, v := range map[string]float64{
		"arch": float64(g.Architecture), "pci_device": float64(g.PCIDevice), "limit_mw": 1000 * g.PowerLimitW,
		"update": g.Update.Seconds(), "window": g.Window.Seconds(), "average_window": g.AverageWindow.Seconds(),
		"lag": g.Lag.Seconds(), "energy_update": g.EnergyUpdate.Seconds(), "step": g.EnergyStepJ, "offset": g.EnergyOffsetJ,
		"reset_at": g.EnergyResetAt.Seconds(), "lost_at": g.LostAt.Seconds(), "scope": scope,
		"util": g.UtilisationPercent, "memory": g.MemoryUsedB, "total": g.MemoryTotalB, "reserved": g.MemoryReservedB,
		"mig_supported": mig, "mig_on": max(0, min(1, float64(g.MIG))), "mig_devices": max(0, float64(g.MIG)),
		"ecc_supported": ecc, "ecc_on": max(0, float64(g.ECC)), "temperature": float64(g.Temperature),
		"sm": float64(g.SMMHz), "mem": float64(g.MemoryMHz), "pstate": float64(g.PState),
		"throttle": float64(g.Throttle), "throttled": g.ThrottledShare,
		"corrected": float64(g.Corrected), "uncorrected": float64(g.Uncorrected),
	} {
		w.number(p+key, v)
	}
	for _, one := range g.Processes {
		w.line(p+"process", fmt.Sprintf("%d %d %g %g", one.PID, one.Bytes, one.From.Seconds(), until(one.To)))
	}
	for _, one := range g.Returns {
		w.line(p+"return", fmt.Sprintf("%s %d %g %g", one.Symbol, one.Code, one.From.Seconds(), until(one.To)))
	}
}

func until(to time.Duration) float64 {
	if to == 0 {
		return 1e18
	}
	return to.Seconds()
}

// writer writes lines, none of which can hold another.
type writer struct {
	out strings.Builder
	err error
}

func (w *writer) text(key, value string) {
	if value != "" {
		w.line(key, value)
	}
}

func (w *writer) number(key string, value float64) {
	if value != 0 {
		w.line(key, fmt.Sprintf("%.17g", value))
	}
}

func (w *writer) line(key, value string) {
	const room = 900 // of the library's 1024
	if strings.ContainsAny(value, "\r\n\x00") || len(key)+len(value) > room {
		w.err = fmt.Errorf("%s: a value is one line of at most %d bytes", key, room)
		return
	}
	w.out.WriteString(key + "=" + value + "\n")
}
