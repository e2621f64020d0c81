package plug

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The kinds of plugs.
const (
	ShellyGen1 = "shelly-gen1" // HTTP by paths: Plug, Plug S, 1PM, EM
	ShellyGen2 = "shelly-gen2" // HTTP by RPC: Plus, Pro, Gen3 and Gen4
	Tasmota    = "tasmota"
)

// quantity is what a plug tells.
type quantity int

const (
	power quantity = iota
	energy
	voltage
	current
	quantities
)

// answer is one sample of everything a plug tells.
type answer [quantities]field

// all is an answer without values.
func all(f field) answer {
	var a answer
	for i := range a {
		a[i] = f
	}
	return a
}

// The most that is believed: twice what any such device is built for.
const (
	mostW = 50e3
	mostJ = 1e15
	mostV = 1000
	mostA = 200
)

const (
	joulesPerWattMinute = 60
	joulesPerWh         = 3600
	joulesPerKWh        = 3.6e6
)

// variant is one way of asking a kind of plug.
type variant struct {
	path  string
	read  func(body []byte) answer
	about string // what is asked, for Method
	// step is the smallest change of each quantity; where it is 0 the digits
	// behind the point tell it, times scale.
	step  [quantities]float64
	scale [quantities]float64
}

// variants lists the ways to ask, in the order they are tried.
func variants(kind string, number int) []variant {
	switch kind {
	case ShellyGen1:
		return []variant{
			{
				path: fmt.Sprintf("/meter/%d", number), about: "Shelly, first generation, /meter: power in W, total in watt-minutes",
				read: func(b []byte) answer { return readGen1(b, joulesPerWattMinute) },
				step: [quantities]float64{power: 0.01, energy: joulesPerWattMinute},
			},
			{
				path: fmt.Sprintf("/emeter/%d", number), about: "Shelly, first generation, /emeter: power in W, total in Wh",
				read: func(b []byte) answer { return readGen1(b, joulesPerWh) },
				step: [quantities]float64{power: 0.01, energy: 0.1 * joulesPerWh, voltage: 0.01, current: 0.01},
			},
		}
	case ShellyGen2:
		step := [quantities]float64{power: 0.1, energy: 0.001 * joulesPerWh, voltage: 0.1, current: 0.001}
		var list []variant
		for _, component := range []string{"Switch", "PM1", "EM1"} {
			list = append(list, variant{
				path:  fmt.Sprintf("/rpc/%s.GetStatus?id=%d", component, number),
				about: "Shelly, later generations, " + component + ".GetStatus: active power in W, energy in Wh",
				read:  readGen2, step: step,
			})
		}
		return list
	case Tasmota:
		var list []variant
		for _, status := range []string{"8", "10"} {
			list = append(list, variant{
				path:  "/cm?cmnd=Status%20" + status,
				about: "Tasmota, Status " + status + ": power in W, total in kWh",
				read:  func(b []byte) answer { return readTasmota(b, number) },
				scale: [quantities]float64{power: 1, energy: joulesPerKWh, voltage: 1, current: 1},
			})
		}
		return list
	}
	return nil
}

// steps gives the smallest change of each quantity, by the first answer where
// the kind leaves the digits to the owner.
func (v variant) steps(first answer) [quantities]float64 {
	steps := v.step
	for q := range steps {
		if steps[q] == 0 && v.scale[q] > 0 {
			steps[q] = v.scale[q] * math.Pow10(-min(first[q].decimals, 9))
		}
	}
	return steps
}

// readGen1 reads {"power":2.21,"is_valid":true,"total":439237}; joules is what
// one step of total holds.
func readGen1(body []byte, joules float64) answer {
	o := object(body)
	if o == nil {
		return all(absent(reasonJSON))
	}
	if valid, told := o["is_valid"]; told && string(valid) != "true" {
		return all(absent(reasonInvalid))
	}
	return answer{
		power:   number(o["power"], 1, mostW),
		energy:  number(o["total"], joules, mostJ),
		voltage: number(o["voltage"], 1, mostV),
		current: number(o["current"], 1, mostA),
	}
}

// readGen2 reads the status of a switch or a meter:
// {"apower":8.9,"voltage":231.8,"current":0.06,"aenergy":{"total":1170.2}}.
func readGen2(body []byte) answer {
	o := object(body)
	if o == nil {
		return all(absent(reasonJSON))
	}
	if strings.Contains(string(o["errors"]), "power_meter_failure") {
		return all(absent(reasonInvalid))
	}
	watts := o["apower"]
	if watts == nil {
		watts = o["act_power"]
	}
	a := answer{
		power:   number(watts, 1, mostW),
		energy:  absent(reasonField),
		voltage: number(o["voltage"], 1, mostV),
		current: number(o["current"], 1, mostA),
	}
	if counters, told := o["aenergy"]; told {
		if inner := object(counters); inner != nil {
			a[energy] = number(inner["total"], joulesPerWh, mostJ)
		} else {
			a[energy] = outside(reasonType)
		}
	}
	return a
}

// readTasmota reads {"StatusSNS":{"ENERGY":{"Total":3.185,"Power":143}}}; old
// versions call it StatusPWR, and meters of several phases give lists.
func readTasmota(body []byte, phase int) answer {
	o := object(body)
	if o == nil {
		return all(absent(reasonJSON))
	}
	if _, refused := o["WARNING"]; refused {
		return all(absent(reasonAuth))
	}
	var e map[string]json.RawMessage
	if sensors := object(o["StatusSNS"]); sensors != nil {
		e = object(sensors["ENERGY"])
	}
	if e == nil {
		e = object(o["StatusPWR"])
	}
	if e == nil {
		return all(absent(reasonField))
	}
	return answer{
		power:   number(element(e["Power"], phase), 1, mostW),
		energy:  number(element(e["Total"], phase), joulesPerKWh, mostJ),
		voltage: number(element(e["Voltage"], phase), 1, mostV),
		current: number(element(e["Current"], phase), 1, mostA),
	}
}

// identity is how a plug names itself.
type identity struct {
	kind  string // "" when the answer is no plug's
	label string // model and address, for Channel.Identity
}

// readShelly reads the answer of /shelly, which needs no password.
func readShelly(body []byte) identity {
	o := object(body)
	mac := text(o["mac"])
	switch {
	case o == nil || mac == "":
		return identity{}
	case o["gen"] != nil:
		return identity{ShellyGen2, join("Shelly", text(o["model"]), text(o["id"]), mac)}
	case o["type"] != nil:
		return identity{ShellyGen1, join("Shelly", text(o["type"]), mac)}
	}
	return identity{}
}

// readTasmotaNet reads the answer of Status 5.
func readTasmotaNet(body []byte) identity {
	net := object(object(body)["StatusNET"])
	mac := text(net["Mac"])
	if mac == "" {
		return identity{}
	}
	return identity{Tasmota, join("Tasmota", text(net["Hostname"]), mac)}
}

// text reads a short JSON string, "" when raw is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil || len(s) > 64 {
		return ""
	}
	return clean(s)
}

func join(parts ...string) string {
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// clean keeps what a name of a device can hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
}

// withLogin adds Tasmota's user and password to a path.
func withLogin(path, user, password string) string {
	if password == "" {
		return path
	}
	if user == "" {
		user = "admin"
	}
	return path + "&user=" + url.QueryEscape(user) + "&password=" + url.QueryEscape(password)
}

// told reports whether a quantity is part of what this plug tells: a value, or
// one that is out of range only now.
func (f field) told() bool { return f.state != bench.ReadingMissing }
