package pdu

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// scopeNames are the scopes that a profile may have, in the order of what
// feeds a host: the first that is there is read when the user names nothing.
func scopeNames() []string { return []string{"inlet", "phase", "outlet"} }

// checker gathers what is wrong with a profile.
type checker struct{ list []fault.Problem }

func (c *checker) add(where, msg, mend string) {
	c.list = append(c.list, fault.Problem{Where: where, Msg: msg, Mend: mend})
}

func (c *checker) oid(where, oid string, needed bool) {
	if oid == "" && !needed {
		return
	}
	if msg := checkTemplate(oid); msg != "" {
		c.add(where, "the object identifier "+msg, "write numbers joined by dots; {unit} and {index} stand for what is read")
	}
}

// problems lists everything that is wrong with the profile.
func (p *profile) problems() []fault.Problem {
	var c checker
	if !plainName(p.Name) {
		c.add("name", "is empty or holds more than small letters, digits and dashes", "write something like my-pdu")
	}
	if p.Source == "" {
		c.add("source", "is empty", "say where the objects and units come from")
	}
	for i, prefix := range p.Match.SysObjectID {
		c.oid(fmt.Sprintf("match.sys_object_id[%d]", i), prefix, true)
	}
	for i, probe := range p.Match.Probe {
		c.oid(fmt.Sprintf("match.probe[%d]", i), probe, true)
	}
	if p.Unit < 0 || p.Unit > math.MaxInt32 {
		c.add("unit", "is no number of a device", "write 0 or 1")
	}
	c.oid("identity.model", p.Identity.Model, false)
	c.oid("identity.firmware", p.Identity.Firmware, false)
	c.oid("identity.serial", p.Identity.Serial, false)
	if r := p.Refresh; !(r.Seconds >= 0 && r.Seconds <= 3600) || (r.Seconds > 0) != (r.Basis != "") {
		c.add("refresh", "needs seconds from 0 to 3600 together with their basis", "leave it out where the maker does not say")
	}
	c.shape(p)
	return c.list
}

func (c *checker) shape(p *profile) {
	switch {
	case p.Table == nil && len(p.Scopes) == 0:
		c.add("scopes", "is missing", "say what is read, by inlet, phase or outlet")
	case p.Table != nil && len(p.Scopes) > 0:
		c.add("table", "stands beside scopes", "a device describes its sensors itself, or the profile does")
	case p.Table != nil:
		p.Table.check(c)
	}
	for name, s := range p.Scopes {
		c.scope("scopes."+name, name, s)
	}
	slices.SortFunc(c.list, func(a, b fault.Problem) int { return strings.Compare(a.Where, b.Where) })
}

func (c *checker) scope(where, name string, s scope) {
	if !slices.Contains(scopeNames(), name) {
		c.add(where, "is no scope", "use inlet, phase or outlet")
	}
	pattern := s.Index
	if pattern == "" {
		pattern = "{n}"
	}
	sample := strings.ReplaceAll(expand(pattern, 1, ""), "{n}", "1")
	if msg := checkOID("1.3.6." + sample); msg != "" || strings.Count(pattern, "{n}") > 1 {
		c.add(where+".index", "is no pattern of an index", "write something like {n} or {unit}.1.{n}")
	}
	if s.First != "" {
		if _, err := fullIndex(s.Index, s.First, 1); err != nil {
			c.add(where+".first", err.Error(), "write a number")
		}
	}
	c.oid(where+".list", s.List, false)
	if s.State != nil {
		c.oid(where+".state.oid", s.State.OID, true)
		if len(s.State.On) == 0 {
			c.add(where+".state.on", "is empty", "list the values that mean on")
		}
	}
	some := false
	for _, q := range quantities() {
		if v := s.of(q); v != nil {
			some = true
			c.value(where+"."+string(q), q, v)
		}
	}
	if !some {
		c.add(where, "holds no value", "give power, energy or current")
	}
}

func (c *checker) value(where string, q quantity, v *value) {
	c.oid(where+".oid", v.OID, true)
	c.oid(where+".digits", v.Digits, false)
	c.oid(where+".available", v.Available, false)
	c.oid(where+".timestamp", v.Timestamp, false)
	u, ok := lookUnit(v.Unit)
	if !ok || u.q != q {
		c.add(where+".unit", fmt.Sprintf("%q is no unit of %s", clip(v.Unit), q), "units are "+strings.Join(unitNames(), ", "))
	}
	if (v.Digits == "") != usableScale(v.Scale) {
		c.add(where+".scale", "scale must be above 0, or digits name an object, not both", "raw × scale is in unit")
	}
	c.figures(where, q, v)
	if v.Assumed && v.Method == "" {
		c.add(where+".method", "is empty", "say what an assumed value is worked out from")
	}
	c.vector(where+".vector", u, v)
}

// figures looks at what is known of a value's quality.
func (c *checker) figures(where string, q quantity, v *value) {
	if v.WrapsAt != 0 && (q != energy || !usableScale(v.WrapsAt)) {
		c.add(where+".wraps_at", "is a raw count above 0 of an energy counter", "leave it out for a counter that does not wrap")
	}
	for name, x := range map[string]float64{"resolution": v.Resolution, "window_seconds": v.Window, "accuracy.relative": v.Accuracy.Relative, "accuracy.absolute": v.Accuracy.Absolute} {
		if !(x >= 0 && x <= math.MaxFloat32) {
			c.add(where+"."+name, "is negative or no number", "leave it out where it is not known")
		}
	}
	if (v.Accuracy.Relative > 0 || v.Accuracy.Absolute > 0) && v.Accuracy.Source == "" {
		c.add(where+".accuracy.source", "is empty", "say who states this accuracy")
	}
	if f := v.Floor; f != nil && !f.stated(q) {
		c.add(where+".floor", "needs a value or, for power, amperes; and a basis", "say below what the device shows 0, and who says so")
	}
}

// stated reports whether a floor is one number with its basis; amperes are for
// power alone.
func (f floor) stated(q quantity) bool {
	if f.Basis == "" || (f.Ampere != 0 && q != power) {
		return false
	}
	return (f.Value > 0 && f.Ampere == 0) || (f.Ampere > 0 && f.Value == 0)
}

// vector works the row's test out.
func (c *checker) vector(where string, u unitFactor, v *value) {
	t := v.Vector
	if t == nil || t.From == "" {
		c.add(where, "is missing, or does not say where it comes from", "give raw, value and from: every row is tested")
		return
	}
	scale := v.Scale
	if v.Digits != "" {
		if t.Digits < 0 || t.Digits > maxDigits {
			c.add(where+".digits", fmt.Sprintf("is not from 0 to %d", maxDigits), "write what the device said")
			return
		}
		scale = math.Pow10(-t.Digits)
	}
	got := float64(t.Raw) * scale * u.factor
	if math.Abs(got-t.Value) > 1e-9*math.Abs(t.Value)+1e-12 {
		c.add(where+".value", fmt.Sprintf("is %g, but raw %d gives %g", t.Value, t.Raw, got), "unit or scale may be wrong")
	}
}

// maxDigits bounds the decimal digits that a device may state.
const maxDigits = 12

func usableScale(x float64) bool { return x > 0 && x <= 1e15 }

// plainName reports whether a text is fit to be part of a channel's name.
func plainName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}
