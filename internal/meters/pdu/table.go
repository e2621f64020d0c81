package pdu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"
)

// sensorTable is a device that describes its sensors itself, row by row:
// ENTITY-SENSOR-MIB, or the variables of a Rittal CMC III.
type sensorTable struct {
	// The columns; an index is put after them.
	Name      string `yaml:"name"`
	Unit      string `yaml:"unit"`
	Scale     string `yaml:"scale"`
	Precision string `yaml:"precision"`
	Value     string `yaml:"value"`
	Quality   string `yaml:"quality"`
	Rate      string `yaml:"rate"` // milliseconds between renewals
	// Form is how the scale is written: entity (RFC 3433) or signed (negative
	// divides, positive multiplies).
	Form string `yaml:"form"`
	// Units says what a row's unit means, by its text or number.
	Units map[string]string `yaml:"units"`
	Good  []int64           `yaml:"good"` // values of Quality that are good
	// Suffixes sort rows into sensors by the end of their names; without them
	// each row is a sensor and its index is its name.
	Suffixes map[quantity]string `yaml:"suffixes"`
	// First are the names of the sensor that is the whole device.
	First    []string `yaml:"first"`
	Accuracy accuracy `yaml:"accuracy"`
	Vectors  []struct {
		Scale     int64   `yaml:"scale"`
		Precision int64   `yaml:"precision"`
		Unit      string  `yaml:"unit"`
		Raw       int64   `yaml:"raw"`
		Value     float64 `yaml:"value"`
		From      string  `yaml:"from"`
	} `yaml:"vectors"`
}

func (t *sensorTable) check(c *checker) {
	for where, oid := range map[string]string{"unit": t.Unit, "scale": t.Scale, "value": t.Value} {
		c.oid("table."+where, oid, true)
	}
	for where, oid := range map[string]string{"name": t.Name, "precision": t.Precision, "quality": t.Quality, "rate": t.Rate} {
		c.oid("table."+where, oid, len(t.Suffixes) > 0 && where == "name")
	}
	if t.Form != "entity" && t.Form != "signed" {
		c.add("table.form", fmt.Sprintf("%q is unknown", clip(t.Form)), "use entity or signed")
	}
	if (t.Quality != "") != (len(t.Good) > 0) {
		c.add("table.good", "stands with quality or not at all", "list the values that are good")
	}
	if (t.Accuracy.Relative > 0 || t.Accuracy.Absolute > 0) && t.Accuracy.Source == "" {
		c.add("table.accuracy.source", "is empty", "say who states this accuracy")
	}
	for name, unit := range t.Units {
		if _, ok := lookUnit(unit); !ok {
			c.add("table.units."+clip(name), "is unknown", "units are "+strings.Join(unitNames(), ", "))
		}
	}
	for q, suffix := range t.Suffixes {
		if !slices.Contains(quantities(), q) || suffix == "" {
			c.add("table.suffixes."+clip(string(q)), "is no quantity, or has no suffix", "use power, energy, current, voltage, power_factor, apparent_power")
		}
	}
	if len(t.Vectors) == 0 {
		c.add("table.vectors", "is empty", "give at least one row with its value: every form is tested")
	}
	for i, v := range t.Vectors {
		where := fmt.Sprintf("table.vectors[%d]", i)
		u, known := lookUnit(t.Units[v.Unit])
		scale, ok := t.factor(float64(v.Scale), float64(v.Precision))
		if got := float64(v.Raw) * scale * u.factor; !known || !ok || v.From == "" || math.Abs(got-v.Value) > 1e-9*math.Abs(v.Value) {
			c.add(where, fmt.Sprintf("gives %g, or its unit, scale or origin is missing", got), "say what the device said and what it means")
		}
	}
}

// factor works out how much of its unit one count of a row is.
func (t *sensorTable) factor(scale, precision float64) (float64, bool) {
	if scale != math.Trunc(scale) || precision != math.Trunc(precision) {
		return 0, false
	}
	if t.Form == "entity" { // RFC 3433: 9 is units, 8 milli, 10 kilo; precision -8 to 9
		if scale < 1 || scale > 17 || precision < -8 || precision > 9 {
			return 0, false
		}
		return math.Pow10(3*(int(scale)-9)) / math.Pow10(int(precision)), true
	}
	switch {
	case scale == 0:
		return 1, true
	case scale < 0 && scale >= -1e9:
		return -1 / scale, true
	case scale > 0 && scale <= 1e9:
		return scale, true
	}
	return 0, false
}

// row is one line of the device's table.
type row struct {
	index, name, unit string
	scale, precision  float64
	hasScale          bool
}

// rows reads the describing columns. Only whole rows are kept.
func (t *sensorTable) rows(ctx context.Context, s *session) ([]row, error) {
	by := map[string]*row{}
	for _, col := range []struct {
		oid string
		set func(*row, gosnmp.SnmpPDU)
	}{
		{t.Unit, func(r *row, v gosnmp.SnmpPDU) { r.unit = label(v) }},
		{t.Scale, func(r *row, v gosnmp.SnmpPDU) { n := number(v); r.scale, r.hasScale = n.value, n.ok() }},
		{t.Precision, func(r *row, v gosnmp.SnmpPDU) { r.precision = number(v).value }},
		{t.Name, func(r *row, v gosnmp.SnmpPDU) { r.name = label(v) }},
	} {
		if col.oid == "" {
			continue
		}
		cells, err := s.walk(ctx, col.oid)
		if err != nil {
			return nil, err
		}
		for _, v := range cells {
			index := strings.TrimPrefix(v.Name, strings.TrimPrefix(col.oid, ".")+".")
			if by[index] == nil {
				by[index] = &row{index: index}
			}
			col.set(by[index], v)
		}
	}
	var all []row
	for _, r := range by {
		if _, known := t.Units[r.unit]; known && r.hasScale {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(a, b row) int {
		if later(a.index, b.index) {
			return 1
		}
		return -1
	})
	return all, nil
}

// label is a cell's text, for a number its digits.
func label(v gosnmp.SnmpPDU) string {
	if raw, ok := v.Value.([]byte); ok && v.Type == gosnmp.OctetString {
		return clip(strings.ToValidUTF8(strings.Trim(string(raw), " \x00"), "?"))
	}
	if n := number(v); n.ok() {
		return strconv.FormatFloat(n.value, 'f', -1, 64)
	}
	return ""
}

// sensor is a group of rows that measure one thing.
type sensor struct {
	key  string
	rows map[quantity]row
}

// sensors groups the rows.
func (t *sensorTable) sensors(all []row, unit int) []sensor {
	var out []sensor
	for _, r := range all {
		if first, _, _ := strings.Cut(r.index, "."); unit > 0 && len(t.Suffixes) > 0 && first != strconv.Itoa(unit) {
			continue
		}
		u, _ := lookUnit(t.Units[r.unit])
		key, q := r.index, u.q
		if len(t.Suffixes) > 0 {
			suffix, ok := t.Suffixes[q]
			if !ok || !strings.HasSuffix(r.name, suffix) {
				continue
			}
			key = strings.Trim(strings.TrimSuffix(r.name, suffix), ". ")
		}
		at := slices.IndexFunc(out, func(s sensor) bool { return s.key == key })
		if at < 0 {
			at = len(out)
			out = append(out, sensor{key: key, rows: map[quantity]row{}})
		}
		if _, taken := out[at].rows[q]; !taken {
			out[at].rows[q] = r
		}
	}
	return out
}

// object makes what is read of a row.
func (t *sensorTable) object(r row) *object {
	u, _ := lookUnit(t.Units[r.unit])
	scale, ok := t.factor(r.scale, r.precision)
	if !ok {
		return nil
	}
	o := &object{
		q: u.q, oid: t.Value + "." + r.index, factor: scale * u.factor,
		relative: t.Accuracy.Relative, absolute: t.Accuracy.Absolute * u.factor, accuracy: t.Accuracy.Source,
		goodQuality: t.Good,
	}
	if t.Quality != "" {
		o.quality = t.Quality + "." + r.index
	}
	o.settle()
	return o
}

// rate asks how often a row is renewed; 0 when the device does not say.
func (t *sensorTable) rate(ctx context.Context, s *session, r row) time.Duration {
	if t.Rate == "" {
		return 0
	}
	got, err := s.get(ctx, func() time.Duration { return 0 }, []string{t.Rate + "." + r.index})
	if err != nil {
		return 0
	}
	ms := number(got[0].v)
	if !ms.ok() || ms.value < 0 || ms.value > 3.6e6 {
		return 0
	}
	return time.Duration(ms.value * float64(time.Millisecond))
}
