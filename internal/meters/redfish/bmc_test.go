package redfish

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bmc answers as a BMC or a PDU does; resources are set by a test.
type bmc struct {
	mu        sync.Mutex
	resources map[string]any // JSON text, or func() string
	password  string
	noSession bool
	token     string
	logins    int
	ended     int
	basic     int
	// instead answers in place of the resources, where it is set.
	instead func(http.ResponseWriter, *http.Request)
}

func (b *bmc) set(change func(*bmc)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

func (b *bmc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.URL.Path == sessions && r.Method == http.MethodPost:
		b.login(w, r)
		return
	case r.URL.Path == sessions+"/7" && r.Method == http.MethodDelete && r.Header.Get("X-Auth-Token") == b.token:
		b.ended++
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if !b.allowed(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if b.instead != nil {
		b.instead(w, r)
		return
	}
	switch v := b.resources[r.URL.Path].(type) {
	case string:
		fmt.Fprint(w, v)
	case func() string:
		fmt.Fprint(w, v())
	default:
		http.Error(w, `{"error":{"code":"Base.1.0.ResourceMissingAtURI"}}`, http.StatusNotFound)
	}
}

func (b *bmc) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ UserName, Password string }
	switch {
	case b.noSession:
		w.WriteHeader(http.StatusNotFound)
	case json.NewDecoder(r.Body).Decode(&in) != nil || in.UserName != "ro" || in.Password != b.password:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		b.logins++
		b.token = fmt.Sprintf("token-%d", b.logins)
		w.Header().Set("X-Auth-Token", b.token)
		w.Header().Set("Location", "https://192.0.2.8"+sessions+"/7")
		w.WriteHeader(http.StatusCreated)
	}
}

func (b *bmc) allowed(r *http.Request) bool {
	if b.password == "" {
		return true
	}
	if user, password, ok := r.BasicAuth(); ok && user == "ro" && password == b.password {
		b.basic++
		return true
	}
	return b.token != "" && r.Header.Get("X-Auth-Token") == b.token
}

// serve puts a BMC on the loopback, with a certificate that nobody signed.
func serve(t *testing.T, b *bmc) Options {
	t.Helper()
	server := httptest.NewUnstartedServer(b)
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	o := Options{
		Name: "bmc", URL: server.URL, Fingerprint: fingerprint(server.Certificate()), Timeout: 10 * time.Second, Simulated: true,
	}
	if b.password != "" {
		o.User, o.Password = "ro", b.password
	}
	return o
}

// with adds resources to those that every BMC has.
func with(parts ...map[string]any) map[string]any {
	all := map[string]any{"/redfish/v1/": `{"UUID":"92384634-2938-2342-8820-489239905423","RedfishVersion":"1.15.0"}`}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// collection lists chassis by their ids.
func collection(ids ...string) map[string]any {
	var list []string
	all := map[string]any{}
	for _, id := range ids {
		list = append(list, `{"@odata.id":"/redfish/v1/Chassis/`+id+`"}`)
		all["/redfish/v1/Chassis/"+id] = `{"Id":"` + id + `","Name":"Chassis"}`
	}
	all["/redfish/v1/Chassis"] = `{"Members@odata.count":` + strconv.Itoa(len(ids)) + `,"Members":[` + strings.Join(list, ",") + `]}`
	return all
}

const metrics = "/EnvironmentMetrics"

// environment is a chassis of the newer form.
func environment(id string) map[string]any {
	return map[string]any{"/redfish/v1/Chassis/" + id + metrics: `{"@odata.type":"#EnvironmentMetrics.v1_3_0.EnvironmentMetrics","Id":"EnvironmentMetrics",` +
		`"PowerWatts":{"Reading":374.5},"EnergykWh":{"Reading":325.75}}`}
}

// sensed is a chassis of the newer form whose values come from sensors.
func sensed(id string, taken *string) map[string]any {
	sensor := "/redfish/v1/Chassis/" + id + "/Sensors/"
	return map[string]any{
		"/redfish/v1/Chassis/" + id + metrics: `{"PowerWatts":{"DataSourceUri":"` + sensor + `TotalPower","Reading":374},` +
			`"EnergykWh":{"DataSourceUri":"` + sensor + `TotalEnergy","Reading":12.5}}`,
		sensor + "TotalPower": func() string {
			return `{"Id":"TotalPower","ReadingType":"Power","Reading":374,"ReadingUnits":"W","ReadingTime":"` + *taken + `",` +
				`"SensingInterval":"PT2S","AveragingInterval":"PT4S","Accuracy":2.5,"Status":{"State":"Enabled","Health":"OK"}}`
		},
		sensor + "TotalEnergy": func() string {
			return `{"Id":"TotalEnergy","ReadingType":"EnergykWh","Reading":12.5,"LifetimeReading":3265.75,"ReadingTime":"` + *taken + `"}`
		},
	}
}

// older is a chassis of the older form.
func older(id, control string) map[string]any {
	return map[string]any{
		"/redfish/v1/Chassis/" + id:            `{"Id":"` + id + `","Power":{"@odata.id":"/redfish/v1/Chassis/` + id + `/Power"}}`,
		"/redfish/v1/Chassis/" + id + "/Power": `{"@odata.type":"#Power.v1_5_0.Power","PowerControl":[` + control + `]}`,
	}
}

const plainControl = `{"MemberId":"0","PowerConsumedWatts":344,"PowerCapacityWatts":1600,` +
	`"PowerMetrics":{"IntervalInMin":30,"MinConsumedWatts":271,"MaxConsumedWatts":489,"AverageConsumedWatts":319}}`

func rackPDU() map[string]any {
	pdu := "/redfish/v1/PowerEquipment/RackPDUs/1"
	return map[string]any{
		pdu + "/Metrics":    `{"Id":"Metrics","PowerWatts":{"Reading":6438},"EnergykWh":{"Reading":56438}}`,
		pdu + "/Outlets/A1": `{"Id":"A1","PowerWatts":{"Reading":197.4},"EnergykWh":{"Reading":36166}}`,
		pdu + "/Outlets/A2": `{"Id":"A2","PowerWatts":{"Reading":181.2},"EnergykWh":null}`,
	}
}

func opened(t testing.TB, opts Options) *Meter {
	t.Helper()
	m, err := New(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}
