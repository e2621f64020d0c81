package snmpagent

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func constants() Config {
	return Config{Objects: []Object{
		{OID: "1.3.6.1.4.1.99999.1.10", Type: "gauge", Value: Constant("10")},
		{OID: ".1.3.6.1.4.1.99999.1.9", Type: "gauge", Value: Constant("9")},
		{OID: "1.3.6.1.4.1.99999.1.2", Type: "gauge", Value: Constant("")},
		{OID: "1.3.6.1.2.1.99.1", Type: "integer", Value: Constant("1")},
	}}
}

func TestTableAnswersInNumericOrder(t *testing.T) {
	t.Parallel()
	a := newTable(constants())
	require.Equal(t, []string{"1.3.6.1.4.1.99999", "1.3.6.1.2.1.99"}, a.roots())
	require.Equal(t, ".1.3.6.1.4.1.99999.1.9\ngauge\n9\n", a.get(".1.3.6.1.4.1.99999.1.9", false))
	require.Equal(t, "NONE\n", a.get(".1.3.6.1.4.1.99999.1.2", false), "no instance now")
	require.Equal(t, "NONE\n", a.get(".1.3.6.1.4.1.99999.1", false))
	require.Equal(t, ".1.3.6.1.4.1.99999.1.9\ngauge\n9\n", a.get(".1.3.6.1.4.1.99999", true))
	require.Equal(t, ".1.3.6.1.4.1.99999.1.10\ngauge\n10\n", a.get(".1.3.6.1.4.1.99999.1.9", true))
	require.Equal(t, "NONE\n", a.get(".1.3.6.1.4.1.99999.1.10", true))
	a.remove("1.3.6.1.4.1.99999.1.10")
	require.Equal(t, "NONE\n", a.get(".1.3.6.1.4.1.99999.1.10", false))
	require.EqualValues(t, 7, a.asked.Load())
}

func TestStallHoldsAnswersBack(t *testing.T) {
	t.Parallel()
	a := newTable(constants())
	a.stall(true)
	done := make(chan string, 1)
	go func() { done <- a.get(".1.3.6.1.2.1.99.1", false) }()
	select {
	case <-done:
		t.Fatal("a stalled agent answered")
	case <-time.After(50 * time.Millisecond):
	}
	a.stall(false)
	require.Contains(t, <-done, "integer\n1\n")
}

func TestPowerIsRenewedAndWraps(t *testing.T) {
	t.Parallel()
	anchor := time.Unix(1_700_000_000, 0)
	p := Power{Anchor: anchor, At: func(d time.Duration) float64 { return 100 * d.Seconds() }, Renewed: time.Second}
	raw := p.Raw(0.1, 0)
	require.Equal(t, "1000", raw(anchor.Add(1999*time.Millisecond)))
	require.Equal(t, "2000", raw(anchor.Add(2*time.Second)))
	require.Equal(t, "500", p.Raw(0.1, 1500)(anchor.Add(2*time.Second)))
}

func TestAgentSaysThatItIsSimulated(t *testing.T) {
	t.Parallel()
	a := Start(t, Config{Descr: "APC", Objects: constants().Objects})
	require.True(t, strings.HasPrefix(a.Address, "127.0.0.1:"))
	conf, err := readConf(a)
	require.NoError(t, err)
	require.Contains(t, conf, "sysDescr simulated APC")
}

func readConf(a *Agent) (string, error) {
	text, err := os.ReadFile(a.conf())
	return string(text), err
}
