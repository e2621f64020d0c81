package pdu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// plainProfile is a whole profile with one row, to break in tests.
const plainProfile = `name: mine
source: a test
match: {sys_object_id: [1.3.6.1.4.1.99999], probe: [1.3.6.1.4.1.99999.1.1]}
unit: 1
scopes:
  inlet:
    first: "1"
    power: {oid: "1.3.6.1.4.1.99999.1.{index}", unit: W, scale: 1, vector: {raw: 7, value: 7, from: a test}}
    energy: {oid: "1.3.6.1.4.1.99999.2.{index}", unit: Wh, scale: 1, wraps_at: 1000, vector: {raw: 2, value: 7200, from: a test}}
`

func TestBuiltinProfilesAreWhole(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 15)
	names, err := Profiles()
	require.NoError(t, err)
	for i, p := range all {
		require.Equal(t, p.Name, names[i])
		require.NotEmpty(t, p.Match.SysObjectID, p.Name)
		require.NotEmpty(t, p.Match.Probe, p.Name)
		_, err := os.Stat(filepath.Join("profiles", p.Name+".yaml"))
		require.NoError(t, err, "a profile's file has its name")
	}
}

func TestThesisObjectIsTenthsOfAmpere(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	for _, p := range all {
		if p.Name != "apc-rpdu" {
			continue
		}
		v := p.Scopes["inlet"].Current
		require.Equal(t, "1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.1", expand(v.OID, 1, "1"))
		require.Equal(t, "A", v.Unit)
		require.InDelta(t, 0.1, v.Scale, 0)
		return
	}
	t.Fatal("there is no profile apc-rpdu")
}

func TestProfileIsParsedStrictly(t *testing.T) {
	t.Parallel()
	_, err := parseProfile("mine.yaml", []byte(plainProfile))
	require.NoError(t, err)
	for _, c := range []struct{ name, from, to, says string }{
		{"unknown key", "unit: 1\n", "unit: 1\ncolour: red\n", "colour"},
		{"bad oid", "99999.1.{index}", "99999.x.{index}", "scopes.inlet.power.oid"},
		{"oid that begins wrongly", "1.3.6.1.4.1.99999.1.{index}", "9.3.6.1.4.1.99999.1.{index}", "scopes.inlet.power.oid"},
		{"wrong unit", "unit: W,", "unit: A,", "scopes.inlet.power.unit"},
		{"unknown unit", "unit: W,", "unit: hp,", "scopes.inlet.power.unit"},
		{"no scale", "scale: 1, vector: {raw: 7", "vector: {raw: 7", "scopes.inlet.power.scale"},
		{"scale that is no number", "scale: 1, vector: {raw: 7", "scale: .nan, vector: {raw: 7", "scopes.inlet.power.scale"},
		{"vector that does not hold", "value: 7,", "value: 70,", "scopes.inlet.power.vector.value"},
		{"no vector", ", vector: {raw: 7, value: 7, from: a test}", "", "scopes.inlet.power.vector"},
		{"wrap of a power", "scale: 1, vector: {raw: 7", "scale: 1, wraps_at: 5, vector: {raw: 7", "scopes.inlet.power.wraps_at"},
		{"no scope", "  inlet:", "  rack:", "scopes.rack"},
		{"no source", "source: a test\n", "", "source"},
		{"no name", "name: mine", "name: My PDU", "name"},
		{"floor without basis", "scale: 1, vector: {raw: 7", "scale: 1, floor: {value: 5}, vector: {raw: 7", "scopes.inlet.power.floor"},
		{"accuracy without source", "scale: 1, vector: {raw: 7", "scale: 1, accuracy: {relative: 0.1}, vector: {raw: 7", "accuracy.source"},
		{"refresh without basis", "unit: 1\n", "unit: 1\nrefresh: {seconds: 2}\n", "refresh"},
		{"two documents", "name: mine", "name: mine\n---\nname: other", "mine.yaml"},
		{"wrong type", "unit: 1\n", "unit: [1]\n", "mine.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(plainProfile, c.from, c.to, 1)
			require.NotEqual(t, plainProfile, text)
			_, err := parseProfile("mine.yaml", []byte(text))
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "mine.yaml")
			require.Equal(t, fault.Invalid, fault.KindOf(err))
		})
	}
	_, err = parseProfile("empty.yaml", nil)
	require.ErrorContains(t, err, "is empty")
	_, err = parseProfile("huge.yaml", make([]byte, maxProfileBytes+1))
	require.ErrorContains(t, err, "at most")
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(plainProfile))
	entries, err := files.ReadDir("profiles")
	require.NoError(f, err)
	for _, e := range entries {
		text, err := files.ReadFile("profiles/" + e.Name())
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parseProfile("fuzz.yaml", text)
		if err != nil {
			problems, ok := errors.AsType[*fault.Problems](err)
			require.True(t, ok, "every refusal names file and field")
			require.NotEmpty(t, problems.List)
			return
		}
		for _, o := range []Options{{Name: "x"}, {Name: "x", Outlets: []string{"1", "2"}}, {Name: "x", Phases: []string{"3"}}} {
			members, err := p.members(o)
			if err != nil {
				continue
			}
			for _, m := range members {
				for _, obj := range m.values {
					require.Empty(t, checkOID(obj.oid))
				}
			}
		}
	})
}

func TestIndexes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, given string
		unit           int
		want           string
	}{
		{"", "3", 1, "3"},
		{"{unit}.1.{n}", "3", 2, "2.1.3"},
		{"{unit}.1.{n}", "1.2.3", 2, "1.2.3"},
		{"1.{n}", "4", 0, "1.4"},
		{"{unit}", "1", 7, "7"},
	} {
		got, err := fullIndex(c.pattern, c.given, c.unit)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for _, c := range [][2]string{{"", "1.2"}, {"", "x"}, {"", ""}, {"", "-1"}, {"", "99999999999"}, {"{unit}.1.{n}", "1.2"}, {"{unit}", "2"}} {
		_, err := fullIndex(c[0], c[1], 1)
		require.Error(t, err, "%q with %q", c[1], c[0])
	}
}
