package pdu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Columns and units as the MIBs themselves number and state them, written down
// apart from the profiles: a profile that is wrong agrees with its own test
// agent.
func TestColumnsAreThoseOfTheMIBs(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	byName := map[string]*profile{}
	for _, p := range all {
		byName[p.Name] = p
	}
	for _, c := range []struct {
		profile, scope string
		q              quantity
		oid, unit      string
		scale          float64
		object         string
	}{
		{"netio", "outlet", power, "1.3.6.1.4.1.47952.1.1.1.25.1", "W", 1, "netioOutputLoad, netioOutputEntry 25"},
		{"netio", "outlet", energy, "1.3.6.1.4.1.47952.1.1.1.26.1", "Wh", 1, "netioOutputEnergy, netioOutputEntry 26"},
		{"netio", "inlet", power, "1.3.6.1.4.1.47952.1.2.5.0", "W", 1, "netioTotalLoad"},
		{"cyberpower-epdu2", "inlet", current, "1.3.6.1.4.1.3808.1.1.6.3.4.1.5.1", "A", 0.1, "ePDU2DeviceStatusCurrentLoad"},
		{"cyberpower-epdu2", "inlet", energy, "1.3.6.1.4.1.3808.1.1.6.3.4.1.9.1", "kWh", 0.1, "ePDU2DeviceStatusEnergy"},
		{"cyberpower-epdu2", "inlet", power, "1.3.6.1.4.1.3808.1.1.6.3.4.1.18.1", "W", 1, "ePDU2DeviceStatusPowerLoad"},
		{"cyberpower-epdu2", "phase", power, "1.3.6.1.4.1.3808.1.1.6.4.4.1.7.1", "W", 1, "ePDU2PhaseStatusPower"},
		{"cyberpower-epdu2", "outlet", power, "1.3.6.1.4.1.3808.1.1.6.6.2.4.1.7.1", "W", 1, "ePDU2OutletMeteredStatusActivePower"},
		{"cyberpower-epdu2", "outlet", energy, "1.3.6.1.4.1.3808.1.1.6.6.2.4.1.11.1", "kWh", 0.1, "ePDU2OutletMeteredStatusEnergy"},
		{"eaton-g3", "outlet", energy, "1.3.6.1.4.1.534.6.6.7.6.5.1.4.0.1", "Wh", 1, "outletWh"},
		{"sentry4", "outlet", current, "1.3.6.1.4.1.1718.4.1.8.3.1.3.1.1.1", "A", 0.01, "st4OutletCurrent"},
		{"sentry4", "outlet", power, "1.3.6.1.4.1.1718.4.1.8.3.1.7.1.1.1", "W", 1, "st4OutletActivePower"},
		{"sentry4", "outlet", energy, "1.3.6.1.4.1.1718.4.1.8.3.1.14.1.1.1", "Wh", 1, "st4OutletEnergy"},
		{"vertiv-geist", "inlet", energy, "1.3.6.1.4.1.21239.5.2.3.1.1.12.1", "Wh", 1, "pduTotalEnergy"},
		{"vertiv-geist", "phase", power, "1.3.6.1.4.1.21239.5.2.3.2.1.12.1", "W", 1, "pduPhaseRealPower"},
		{"vertiv-geist", "outlet", power, "1.3.6.1.4.1.21239.5.2.3.6.1.12.1", "W", 1, "pduOutletMeterRealPower"},
		{"vertiv-geist", "outlet", energy, "1.3.6.1.4.1.21239.5.2.3.6.1.15.1", "Wh", 1, "pduOutletMeterEnergy"},
		{"liebert-rpc2", "inlet", power, "1.3.6.1.4.1.476.1.42.3.8.30.20.1.65.1.1", "W", 1, "lgpPduPsEntryPwrTotal"},
		{"liebert-rpc2", "inlet", energy, "1.3.6.1.4.1.476.1.42.3.8.30.20.1.50.1.1", "kWh", 0.1, "lgpPduPsEntryEnergyAccum"},
		{"liebert-rpc2", "outlet", energy, "1.3.6.1.4.1.476.1.42.3.8.50.20.1.85.1.1.1", "kWh", 0.1, "lgpPduRcpEntryEnergyAccum"},
		{"gude-epc8221", "inlet", power, "1.3.6.1.4.1.28507.56.1.5.1.2.1.4.1", "W", 1, "epc8221PowerActive"},
		{"gude-epc8221", "inlet", energy, "1.3.6.1.4.1.28507.56.1.5.1.2.1.3.1", "Wh", 1, "epc8221AbsEnergyActive"},
		{"raritan-px1", "outlet", power, "1.3.6.1.4.1.13742.4.1.2.2.1.7.1", "W", 1, "outletActivePower"},
	} {
		p := byName[c.profile]
		require.NotNil(t, p, c.profile)
		s := p.Scopes[c.scope]
		v := s.of(c.q)
		require.NotNil(t, v, c.object)
		index, err := fullIndex(s.Index, "1", p.Unit)
		require.NoError(t, err, c.object)
		require.Equal(t, c.oid, expand(v.OID, p.Unit, index), c.object)
		require.Equal(t, c.unit, v.Unit, c.object)
		require.InDelta(t, c.scale, v.Scale, 1e-12, c.object)
	}
}

// Where a limit of error is an assumption its source begins so, and a limit of
// the second generation of APC is as FA156074 has it: 3 % and one digit.
func TestLimitsSayWhoStatesThem(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	for _, p := range all {
		for name, s := range p.Scopes {
			for _, q := range quantities() {
				v := s.of(q)
				if v == nil || v.Accuracy.Relative == 0 {
					continue
				}
				require.Regexp(t, `^(an assumption: |Schneider FAQ FA156074)`, v.Accuracy.Source, "%s %s %s", p.Name, name, q)
				if p.Name == "apc-rpdu2" && q != energy {
					require.InDelta(t, v.Scale, v.Accuracy.Absolute, 1e-12, "%s %s", name, q)
					require.NotNil(t, v.Floor, "%s %s", name, q)
				}
			}
		}
	}
}
