package redfish

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"PT1S": time.Second, "PT0.5S": 500 * time.Millisecond, "PT2M": 2 * time.Minute, "P1DT2H3M4S": 26*time.Hour + 3*time.Minute + 4*time.Second, "P2D": 48 * time.Hour,
	} {
		got, ok := parseDuration(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "P", "PT", "1S", "PT1", "PTS", "P1Y", "P1M", "PT1S2M", "PT1S1S", "PT-1S", "PT1e3S", "PT1.2.3S", "P99999D", "PT1H "} {
		_, ok := parseDuration(bad)
		require.False(t, ok, bad)
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"PT1S", "P1DT2H3M4.5S", "PT", "P.5D", "PT9999999999999999999999S"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := parseDuration(text); ok {
			require.GreaterOrEqual(t, d, time.Duration(0))
			require.LessOrEqual(t, d, longest)
		}
	})
}

func FuzzResources(f *testing.F) {
	for _, seed := range []string{
		`{"PowerWatts":{"Reading":374.5},"EnergykWh":{"Reading":325.75,"LifetimeReading":3e3}}`,
		`{"PowerControl":[` + plainControl + `]}`, `{"Reading":1,"ReadingTime":"x","SensingInterval":"PT1S","Accuracy":2}`,
		`{"Members":[{"@odata.id":"/redfish/v1/Chassis/1"},"/redfish/v1/x",{}]}`, `{"PowerControl":[[]],"Status":7}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		resource := object(json.RawMessage(body))
		for _, i := range []item{{formExcerpt, false}, {formExcerpt, true}, {formSensor, false}, {formSensor, true}, {form: formControl}, {form: formAverage}} {
			v := i.read(resource)
			if v.state == bench.ReadingOK {
				require.GreaterOrEqual(t, v.value, 0.0)
				require.LessOrEqual(t, v.value, mostJ)
				require.Positive(t, step(v, 1))
			} else {
				require.Less(t, int(v.reason), len(reasons()))
			}
		}
		if resource == nil {
			return
		}
		tr := readTraits(resource)
		require.LessOrEqual(t, tr.accuracy, 1.0)
		for _, m := range members(resource) {
			require.Regexp(t, `^/redfish/[!-~]*$`, m)
		}
	})
}
