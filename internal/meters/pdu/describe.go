package pdu

import (
	"context"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Info is what is known of the device, for a person. It holds no secret, and
// no names of outlets, which may be those of people or rooms.
type Info struct {
	Profile  string `json:"profile"`
	Title    string `json:"title,omitempty"`
	Descr    string `json:"sys_descr,omitempty"`
	ObjectID string `json:"sys_object_id,omitempty"`
	Model    string `json:"model,omitempty"`
	Firmware string `json:"firmware,omitempty"`
	Serial   string `json:"serial,omitempty"`
	// Reads is what feeds the host; Outlets are the numbers of all there are.
	Reads   []string `json:"reads"`
	Outlets []string `json:"outlets,omitempty"`

	RefreshPeriod time.Duration   `json:"refresh_ns"`
	RefreshBasis  string          `json:"refresh_basis"`
	Interval      time.Duration   `json:"interval_ns"`
	RoundTrip     time.Duration   `json:"round_trip_ns"` // the longest of a few
	Channels      []bench.Channel `json:"channels"`
	Doubts        []string        `json:"doubts,omitempty"`
}

// Describe tells what the device is and how well it measures, as far as is
// known now: more after Characterise.
func (m *Meter) Describe() Info {
	i := m.info
	i.Reads = nil
	for _, one := range m.members {
		i.Reads = append(i.Reads, one.text)
	}
	i.RefreshPeriod, i.RefreshBasis, i.Interval = m.period, m.periodBasis, m.Interval()
	i.RoundTrip = 2 * m.stampError
	i.Channels, i.Doubts = m.Channels(), m.Doubts()
	return i
}

// describeDevice asks for model, firmware, serial number and outlets. None of
// it is needed to measure.
func (m *Meter) describeDevice(ctx context.Context) {
	if m.profile == nil {
		return
	}
	for _, one := range []struct {
		oid string
		to  *string
	}{
		{m.profile.Identity.Model, &m.info.Model},
		{m.profile.Identity.Firmware, &m.info.Firmware},
		{m.profile.Identity.Serial, &m.info.Serial},
	} {
		if one.oid == "" {
			continue
		}
		got, err := m.s.get(ctx, m.elapsed, []string{expand(one.oid, m.profile.unit(m.opts), "1")})
		if err == nil {
			*one.to = plainText(got[0].v)
		}
	}
	m.info.Outlets = m.list(ctx, "outlet")
}

// plainText is an octet string in printable characters, shortened.
func plainText(v gosnmp.SnmpPDU) string {
	raw, ok := v.Value.([]byte)
	if !ok || v.Type != gosnmp.OctetString {
		return ""
	}
	const most = 120
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(raw), "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
