package metertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

func TestScriptedConforms(t *testing.T) {
	Run(t, func(*testing.T) meters.Meter { return NewScripted(Script{Power: Constant(100)}) })
}

func TestInconsistent(t *testing.T) {
	t.Parallel()
	good := NewScripted(Script{}).Channels()
	require.Empty(t, Inconsistent(good[0]))
	require.Empty(t, Inconsistent(good[1]))
	for name, spoil := range map[string]func(c *bench.Channel){
		"name":     func(c *bench.Channel) { c.Name = "" },
		"unit":     func(c *bench.Channel) { c.Unit = "kWh" },
		"scope":    func(c *bench.Channel) { c.Scope = "rack" },
		"sensor":   func(c *bench.Channel) { c.Sensor = "guess" },
		"counter":  func(c *bench.Channel) { c.Sensor = bench.SensorCounter },
		"estimate": func(c *bench.Channel) { c.Estimated = true },
		"energy":   func(c *bench.Channel) { c.Unit = bench.UnitJoule },
		"window":   func(c *bench.Channel) { c.Sensor = bench.SensorAveraged },
		"wrap":     func(c *bench.Channel) { c.WrapAt = 5 },
		"negative": func(c *bench.Channel) { c.Floor = -1 },
		"method":   func(c *bench.Channel) { c.Method = "" },
		"identity": func(c *bench.Channel) { c.Identity = "" },
		"accuracy": func(c *bench.Channel) { c.RelAccuracy = 0.05 },
	} {
		c := good[0]
		spoil(&c)
		require.NotEmpty(t, Inconsistent(c), name)
	}
}

// The integral of each script is checked against a fine sum of its power.
func TestScriptsIntegrate(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Power{
		"constant": Constant(470),
		"ramp":     Ramp(100, 20),
		"sine":     Sine(300, 150, 700*time.Millisecond),
		"square":   Square(60, 480, 300*time.Millisecond),
	} {
		const step = 50 * time.Microsecond
		sum := 0.0
		for at := time.Duration(0); at < 2*time.Second; at += step {
			sum += p.At(at+step/2) * step.Seconds()
		}
		require.InEpsilon(t, sum, p.Energy(2*time.Second), 1e-6, name)
	}
}
