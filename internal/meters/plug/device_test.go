package plug

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// device answers as a plug does; its state is set by a test.
type device struct {
	mu       sync.Mutex
	kind     string // ShellyGen1, ShellyGen2, PM1, EM1, Tasmota
	powerW   float64
	energyWh float64
	password string
	nonce    string
	// instead answers in place of the metering, where it is set.
	instead  func(http.ResponseWriter, *http.Request)
	requests []string
	refused  int
}

func (d *device) set(change func(*device)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *device) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = append(d.requests, r.URL.RequestURI())
	switch {
	case r.URL.Path == "/shelly" && d.kind == ShellyGen1:
		fmt.Fprintf(w, `{"type":"SHPLG-S","mac":"AABBCCDDEEFF","auth":%t,"fw":"simulated","num_meters":1}`, d.password != "")
		return
	case r.URL.Path == "/shelly" && d.kind != Tasmota:
		fmt.Fprintf(w, `{"id":"shellyplusplugs-aabbccddeeff","mac":"AABBCCDDEEFF","model":"SNPL-00112EU","gen":2,"app":"PlusPlugS","auth_en":%t}`, d.password != "")
		return
	}
	if !d.authorised(w, r) {
		d.refused++
		return
	}
	if r.URL.Query().Get("cmnd") != "Status 5" && d.instead != nil {
		d.instead(w, r)
		return
	}
	switch d.kind + r.URL.Path + r.URL.Query().Get("cmnd") {
	case ShellyGen1 + "/meter/0":
		fmt.Fprintf(w, `{"power":%.2f,"is_valid":true,"timestamp":1680779310,"counters":[2.1,2.1,2.1],"total":%.0f}`, d.powerW, d.energyWh*60)
	case ShellyGen2 + "/rpc/Switch.GetStatus", "PM1/rpc/PM1.GetStatus":
		fmt.Fprintf(w, `{"id":0,"source":"init","output":true,"apower":%.1f,"voltage":231.8,"current":0.617,"pf":0.95,"freq":50,`+
			`"aenergy":{"total":%.3f,"by_minute":[1,2,3],"minute_ts":1680779310},"temperature":{"tC":41.1,"tF":106}}`, d.powerW, d.energyWh)
	case "EM1/rpc/EM1.GetStatus":
		fmt.Fprintf(w, `{"id":0,"current":2.598,"voltage":234.9,"act_power":%.1f,"aprt_power":612.4,"pf":0.84,"freq":50,"calibration":"factory"}`, d.powerW)
	case Tasmota + "/cmStatus 5":
		fmt.Fprint(w, `{"StatusNET":{"Hostname":"tasmota-5A9AE8","IPAddress":"192.0.2.9","Mac":"2C:3A:E8:5A:9A:E8"}}`)
	case Tasmota + "/cmStatus 8":
		fmt.Fprintf(w, `{"StatusSNS":{"Time":"2026-11-20T01:00:50","ENERGY":{"TotalStartTime":"2026-01-01T00:00:00","Total":%.3f,"Yesterday":0.1,`+
			`"Today":0.3,"Power":%.0f,"ApparentPower":151,"ReactivePower":45,"Factor":0.95,"Voltage":229,"Current":0.662}}}`, d.energyWh/1000, d.powerW)
	default:
		http.Error(w, "Not Found", http.StatusNotFound)
	}
}

// authorised asks for what the kind asks for.
func (d *device) authorised(w http.ResponseWriter, r *http.Request) bool {
	if d.password == "" {
		return true
	}
	switch d.kind {
	case ShellyGen1:
		if user, password, ok := r.BasicAuth(); ok && user == "admin" && password == d.password {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="shelly"`)
	case Tasmota:
		if q := r.URL.Query(); q.Get("user") == "admin" && q.Get("password") == d.password {
			return true
		}
		fmt.Fprint(w, `{"WARNING":"Need user=<username>&password=<password>"}`)
		return false
	default:
		if d.digestOK(r) {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Digest qop="auth", realm="shellyplusplugs-aabbccddeeff", nonce="`+d.nonce+`", algorithm=SHA-256`)
	}
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

var digestParts = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

func (d *device) digestOK(r *http.Request) bool {
	header, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Digest ")
	if !ok {
		return false
	}
	got := map[string]string{}
	for _, m := range digestParts.FindAllStringSubmatch(strings.ReplaceAll(header, "?id=0", "?id%3D0"), -1) {
		got[m[1]] = m[2]
	}
	uri := strings.ReplaceAll(got["uri"], "?id%3D0", "?id=0")
	h := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	want := h(h("admin:shellyplusplugs-aabbccddeeff:"+d.password) + ":" + d.nonce + ":" + got["nc"] + ":" + got["cnonce"] + ":auth:" + h("GET:"+uri))
	return got["nonce"] == d.nonce && uri == r.URL.RequestURI() && got["response"] == want
}

// serve puts a device on the loopback.
func serve(t *testing.T, d *device) Options {
	t.Helper()
	if d.nonce == "" {
		d.nonce = "1680779310"
	}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return Options{Name: "desk", URL: server.URL, Timeout: 10 * time.Second, Password: d.password, Simulated: true}
}

// direct answers without a network, so that a test can use fake time; before
// may wait, as a slow network does.
type direct struct {
	handler http.Handler
	before  func(*http.Request) error
}

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.before != nil {
		if err := d.before(r); err != nil {
			return nil, err
		}
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Result(), nil
}
