package plug

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
)

const (
	defaultTimeout = time.Second
	// assumedPeriod is how often metering chips are read by their firmware.
	assumedPeriod = time.Second
	// Polled faster than this a plug has nothing new and its small processor
	// is kept from measuring.
	leastInterval = 200 * time.Millisecond
	mostInterval  = 30 * time.Second
)

// Options say which plug to read and how.
type Options struct {
	Name     string // of the plug; the meter is called plug.NAME
	Kind     string // ShellyGen1, ShellyGen2, Tasmota; "" asks the plug
	URL      string // http://192.0.2.7; a user and password in it are taken out of it
	User     string // "" is admin where there is a password
	Password string
	Switch   int           // number of the switch or phase, from 0
	Timeout  time.Duration // of one request; 0 is one second
	// Interval between reads; 0 is half of the update period that was found, or
	// of one second where none was.
	Interval time.Duration
	// Feed names the supply line that the plug is in, "" where that is not known.
	Feed string
	// Watch is how long Characterise looks for the update period; 0 is 12 s.
	Watch time.Duration
	// Simulated marks every channel as made up, for a test server.
	Simulated bool
}

// Meter reads one smart plug.
type Meter struct {
	name     string
	opts     Options
	client   *client
	way      variant
	told     []quantity // in the order of channels
	channels []bench.Channel
	interval time.Duration
	found    meters.Found                   // the shortest update period that was seen
	logs     [quantities]*meters.RenewalLog // what reads of stages showed; nil where it is not remembered
	closed   bool
}

var (
	_ meters.Meter         = (*Meter)(nil)
	_ meters.Paced         = (*Meter)(nil)
	_ meters.Characterised = (*Meter)(nil)
)

// What the reasons of readings are; the order is that of reasons.
const (
	reasonTimeout = iota
	reasonUnreachable
	reasonAuth
	reasonHTTP
	reasonRedirect
	reasonTooLong
	reasonJSON
	reasonField
	reasonInvalid
	reasonType
	reasonRange
)

func reasons() []string {
	return []string{
		reasonTimeout:     "the plug did not answer in time",
		reasonUnreachable: "the plug could not be reached",
		reasonAuth:        "the plug refused the user or the password",
		reasonHTTP:        "the plug answered with an error",
		reasonRedirect:    "the plug sent the request elsewhere, which is not followed",
		reasonTooLong:     "the answer is longer than any plug's",
		reasonJSON:        "the answer is not the JSON of this kind of plug",
		reasonField:       "the answer lacks this value",
		reasonInvalid:     "the plug says that its metering does not work now",
		reasonType:        "the value in the answer is no number",
		reasonRange:       "the value is outside of what a plug can measure",
	}
}

// New asks the plug once and opens the meter. A plug that does not answer, or
// not as one, is a *meters.Missing; options that cannot be are a fault.
func New(ctx context.Context, opts Options) (*Meter, error) { return open(ctx, opts, transport()) }

func open(ctx context.Context, opts Options, rt http.RoundTripper) (*Meter, error) {
	base, err := opts.check()
	if err != nil {
		return nil, err
	}
	m := &Meter{name: "plug." + opts.Name, opts: opts, client: newClient(opts, base, rt)}
	if err := m.probe(ctx); err != nil {
		m.client.close()
		return nil, err
	}
	for _, q := range m.told {
		if q == power || q == energy {
			m.logs[q] = meters.NewRenewalLog()
		}
	}
	m.interval = opts.Interval
	if m.interval == 0 {
		m.interval = assumedPeriod / 2
	}
	return m, nil
}

// check refuses what cannot be, and fills what was left out.
func (o *Options) check() (*url.URL, error) {
	refuse := func(hint, format string, args ...any) error {
		return fault.New(fault.Invalid, "", hint, "smart plug %q: "+format, append([]any{o.Name}, args...)...)
	}
	if !speakable(o.Name) {
		return nil, refuse("name the plug with letters, digits, - and _", "name cannot be used in the name of a channel")
	}
	base, err := url.Parse(o.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, refuse("give the address as http://192.0.2.7", "address is not one of http or https") // may hold a password: not quoted
	}
	o.takeLogin(base)
	if strings.ContainsAny(o.User, "\"\\\r\n:") {
		return nil, refuse("plugs know no such users", "user holds a quote, a colon or a line's end")
	}
	if o.Kind != "" && variants(o.Kind, 0) == nil {
		return nil, refuse("use shelly-gen1, shelly-gen2 or tasmota, or leave it out", "kind %q is not known", o.Kind)
	}
	if o.Switch < 0 || o.Switch > 63 || o.Timeout < 0 || o.Interval < 0 || o.Watch < 0 {
		return nil, refuse("switches are counted from 0; 0 for a time leaves it to the meter", "number of the switch or a time is out of range")
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Watch == 0 {
		o.Watch = 12 * time.Second
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimRight(base.Path, "/")}, nil
}

// speakable reports whether a name can be part of a channel's.
func speakable(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return name != "" && len(name) <= 64 && strings.Trim(name, letters) == ""
}

// takeLogin takes user and password out of the address, where they are given
// nowhere else.
func (o *Options) takeLogin(base *url.URL) {
	if base.User == nil {
		return
	}
	o.User = cmp.Or(o.User, base.User.Username())
	secret, _ := base.User.Password()
	o.Password = cmp.Or(o.Password, secret)
}

// Name is plug.NAME.
func (m *Meter) Name() string { return m.name }

// Channels describes what this plug tells: power, and energy, voltage and
// current where it has them.
func (m *Meter) Channels() []bench.Channel { return m.channels }

// Interval is how often the plug is worth asking.
func (m *Meter) Interval() time.Duration { return m.interval }

// Reasons lists why readings can hold no value.
func (m *Meter) Reasons() []string { return reasons() }

var errClosed = errors.New("plug meter is closed")

// Read asks the plug once. It waits for the answer, no longer than
// Options.Timeout, and allocates, as HTTP does.
func (m *Meter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	got, sent, err := m.ask(ctx, now)
	if err != nil {
		return err
	}
	for i, q := range m.told {
		dst[i] = bench.Reading{At: sent.midpoint(), Value: got[q].value, State: got[q].state, Reason: got[q].reason}
		if m.logs[q] != nil {
			m.logs[q].Add(dst[i])
		}
	}
	return nil
}

// ask gives what the plug told, or why it told nothing; an error is the
// caller's own cancellation.
func (m *Meter) ask(ctx context.Context, now func() time.Duration) (answer, reply, error) {
	sent, err := m.client.get(ctx, now, m.login(m.way.path))
	if err == nil {
		return m.way.read(sent.body), sent, nil
	}
	if why, ok := errors.AsType[*trouble](err); ok {
		return all(absent(why.reason)), sent, nil
	}
	return answer{}, sent, err
}

func (m *Meter) login(path string) string {
	if m.opts.Kind == Tasmota {
		return withLogin(path, m.opts.User, m.opts.Password)
	}
	return path
}

// Close ends the connection.
func (m *Meter) Close() error {
	if !m.closed {
		m.closed = true
		m.client.close()
	}
	return nil
}
