package plug

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The example of RFC 7616, section 3.9.1.
func TestDigestOfTheStandard(t *testing.T) {
	t.Parallel()
	c, ok := parseChallenge(`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, ` +
		`nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`)
	require.True(t, ok)
	c.used = 1
	header := c.response("Mufasa", "Circle of Life", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
	require.Contains(t, header, `response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`)
	require.Contains(t, header, `opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`)
	require.Contains(t, header, `nc=00000001`)
}

func TestChallengesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "Basic realm=\"x\"", `Digest realm="x", nonce="1", qop="auth"`, `Digest realm="x", nonce="1", qop="auth", algorithm=MD5`,
		`Digest realm="x", qop="auth", algorithm=SHA-256`, `Digest realm="x", nonce="1", qop="auth-int", algorithm=SHA-256`,
		`Digest realm="x, nonce="1`, "Digest " + strings.Repeat("a", 3000),
	} {
		_, ok := parseChallenge(bad)
		require.False(t, ok, "%q", bad)
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Digest qop="auth", realm="shellyplus1-aabbcc", nonce="60dc59c6", algorithm=SHA-256`)
	f.Add(`Digest nonce=1,qop=auth,algorithm=SHA-256,opaque="x`)
	f.Fuzz(func(t *testing.T, header string) {
		c, ok := parseChallenge(header)
		if !ok {
			return
		}
		answer := c.authorise("admin", "x", "/rpc/Switch.GetStatus?id=0")
		require.NotContains(t, answer, "\n")
		require.Equal(t, 0, strings.Count(answer, `"`)%2)
	})
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"power":2.21,"is_valid":true,"total":439237}`,
		`{"apower":8.9,"voltage":231.8,"current":0.06,"aenergy":{"total":1170.2},"errors":[]}`,
		`{"StatusSNS":{"ENERGY":{"Total":[3.1,2],"Power":143,"Voltage":229,"Current":0.6}}}`,
		`{"WARNING":"x"}`, `{"mac":"A","gen":2,"model":"M","id":"i"}`, `{"StatusNET":{"Hostname":"h","Mac":"m"}}`, `{"aenergy":7}`,
	} {
		f.Add([]byte(seed), 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, at int) {
		at = max(0, at%64)
		for _, a := range []answer{readGen1(body, 60), readGen2(body), readTasmota(body, at)} {
			for q, v := range a {
				if v.state == bench.ReadingOK {
					require.GreaterOrEqual(t, v.value, 0.0, "quantity %d", q)
					require.LessOrEqual(t, v.value, mostJ)
				} else {
					require.Less(t, int(v.reason), len(reasons()))
				}
			}
			for _, v := range variants(Tasmota, 0)[0].steps(a) {
				require.Positive(t, v)
			}
		}
		for _, id := range []identity{readShelly(body), readTasmotaNet(body)} {
			require.LessOrEqual(t, len(id.label), 300)
			require.NotContains(t, id.label, "\n")
		}
	})
}
