package pdu

import (
	"math"
	"strings"
	"testing"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func watts() *object {
	return &object{q: power, factor: 0.1, resolution: 0.1, na: []int64{-1, 9999999}, availableSlot: -1, timestampSlot: -1, qualitySlot: -1}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	ok, gone, far := bench.ReadingOK, bench.ReadingMissing, bench.ReadingOutOfRange
	for _, c := range []struct {
		name  string
		kind  gosnmp.Asn1BER
		value any
		state bench.ReadingState
		want  float64
		why   string
	}{
		{"integer", gosnmp.Integer, 4123, ok, 412.3, ""},
		{"gauge", gosnmp.Gauge32, uint(4123), ok, 412.3, ""},
		{"counter64", gosnmp.Counter64, uint64(4123), ok, 412.3, ""},
		{"zero is a value", gosnmp.Integer, 0, ok, 0, ""},
		{"float", gosnmp.OpaqueFloat, float32(4125.5), ok, 412.55, ""},
		{"double", gosnmp.OpaqueDouble, 4123.0, ok, 412.3, ""},
		{"text", gosnmp.OctetString, []byte("4123"), ok, 412.3, ""},
		{"text with a point", gosnmp.OctetString, []byte(" 4123.0\x00"), ok, 412.3, ""},
		{"no such instance", gosnmp.NoSuchInstance, nil, gone, 0, whyNoObject},
		{"no such object", gosnmp.NoSuchObject, nil, gone, 0, whyNoObject},
		{"end of view", gosnmp.EndOfMibView, nil, gone, 0, whyNoObject},
		{"null", gosnmp.Null, nil, gone, 0, whyNoObject},
		{"not answered", gosnmp.UnknownType, nil, gone, 0, whyNoAnswer},
		{"listed", gosnmp.Integer, -1, gone, 0, whyNA},
		{"listed above zero", gosnmp.Integer, 9999999, gone, 0, whyNA},
		{"negative", gosnmp.Integer, -410, gone, 0, whyNegative},
		{"-1 as a count", gosnmp.Gauge32, uint(math.MaxUint32), gone, 0, whyNA},
		{"too large", gosnmp.Counter64, uint64(math.MaxUint64), far, 0, whyTooLarge},
		{"nan", gosnmp.OpaqueDouble, math.NaN(), far, 0, whyNotFinite},
		{"infinite", gosnmp.OpaqueFloat, float32(math.Inf(1)), far, 0, whyNotFinite},
		{"words", gosnmp.OctetString, []byte("n/a"), far, 0, whyText},
		{"number with a unit", gosnmp.OctetString, []byte("412 W"), far, 0, whyText},
		{"exponent", gosnmp.OctetString, []byte("1e3"), far, 0, whyText},
		{"hexadecimal", gosnmp.OctetString, []byte("0x10"), far, 0, whyText},
		{"spelled infinite", gosnmp.OctetString, []byte("Inf"), far, 0, whyText},
		{"two signs", gosnmp.OctetString, []byte("-+3"), far, 0, whyText},
		{"no digits", gosnmp.OctetString, []byte("."), far, 0, whyText},
		{"empty", gosnmp.OctetString, []byte{}, far, 0, whyText},
		{"long", gosnmp.OctetString, []byte(strings.Repeat("1", 33)), far, 0, whyText},
		{"time", gosnmp.TimeTicks, uint32(4123), far, 0, whyType},
		{"address", gosnmp.IPAddress, "10.0.0.1", far, 0, whyType},
		{"oid", gosnmp.ObjectIdentifier, ".1.3.6", far, 0, whyType},
		{"type and value differ", gosnmp.Integer, "4123", far, 0, whyType},
		{"nil value", gosnmp.Integer, nil, far, 0, whyType},
	} {
		s := watts().decode(gosnmp.SnmpPDU{Type: c.kind, Value: c.value})
		require.Equal(t, c.state, s.state, c.name)
		require.Equal(t, c.why, s.reason, c.name)
		if c.state == ok {
			require.InDelta(t, c.want, s.value, 1e-6, c.name)
		}
	}
}

// anyValue draws what a device could answer, and what it could not.
func anyValue(t *rapid.T) gosnmp.SnmpPDU {
	return gosnmp.SnmpPDU{
		Type: gosnmp.Asn1BER(rapid.Uint8().Draw(t, "type")),
		Value: rapid.OneOf(
			rapid.Just[any](nil), rapid.Int().AsAny(), rapid.Uint().AsAny(), rapid.Uint32().AsAny(), rapid.Uint64().AsAny(),
			rapid.Int32().AsAny(), rapid.Float32().AsAny(), rapid.Float64().AsAny(), rapid.String().AsAny(),
			rapid.SliceOf(rapid.Byte()).AsAny(), rapid.Just[any](math.NaN()), rapid.Just[any](math.Inf(-1)), rapid.Bool().AsAny(),
		).Draw(t, "value"),
	}
}

// No answer of any type and size panics, or becomes a figure that it is not: a
// reading with a value is finite, not negative, within what can be, and came
// from a numeric type or from text that is a number.
func TestNoAnswerBecomesAFigureItIsNot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := watts()
		o.q = rapid.SampledFrom(quantities()).Draw(t, "quantity")
		o.factor = rapid.SampledFrom([]float64{1e-3, 0.1, 1, 1e3, 3.6e6}).Draw(t, "factor")
		v := anyValue(t)
		s := o.decode(v)
		if s.state != bench.ReadingOK {
			require.NotEmpty(t, s.reason)
			return
		}
		require.Empty(t, s.reason)
		require.False(t, math.IsNaN(s.value) || math.IsInf(s.value, 0) || s.value < 0)
		if _, most := o.q.siUnit(); most > 0 {
			require.LessOrEqual(t, s.value, most)
		}
		require.Contains(t, []gosnmp.Asn1BER{
			gosnmp.Integer, gosnmp.Gauge32, gosnmp.Counter32, gosnmp.Counter64,
			gosnmp.Uinteger32, gosnmp.OpaqueFloat, gosnmp.OpaqueDouble, gosnmp.OctetString,
		}, v.Type)
		require.NotNil(t, v.Value)
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"1", "-1.5", "", "1e9", "0x1", "NaN", " 12 ", "1.", ".1", "+7", "٣"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := text(raw)
		if s.ok() {
			require.LessOrEqual(t, len(strings.Trim(string(raw), " \x00")), maxText)
			require.False(t, strings.ContainsAny(string(raw), "eExXnNiIpP_"))
			require.False(t, math.IsNaN(s.value) || math.IsInf(s.value, 0))
		}
	})
}

func TestFallOfACounter(t *testing.T) {
	t.Parallel()
	o := &object{q: energy, wrapAt: 1000}
	say := func(x float64) bench.ReadingState {
		o.now = sample{value: x}
		o.note()
		return o.now.state
	}
	require.Equal(t, bench.ReadingOK, say(970))
	require.Equal(t, bench.ReadingWrapped, say(10))
	require.InDelta(t, 1000, o.memory.unrolled, 0)
	require.Equal(t, bench.ReadingOK, say(600))
	require.Equal(t, bench.ReadingReset, say(5), "a fall from far below the range is a reset")
	require.InDelta(t, 0, o.memory.unrolled, 0)
	o.wrapAt = 0
	require.Equal(t, bench.ReadingOK, say(4e9))
	require.Equal(t, bench.ReadingReset, say(1), "without a range every fall is a reset")
}
