package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

func knownOutputs() []string { return []string{"table", "json", "csv"} }

// checkSettings checks merged settings. A value may have come from a flag or
// the environment, so problems name the key and where to set it.
func checkSettings(s Settings, found *findings) {
	c := checker{found: found}
	if s.Host != "" {
		c.name("host", s.Host, hostPattern, hostRule)
	}
	c.oneOf("output", s.Output, knownOutputs())
	c.folder("state", s.State)
	c.folder("cache", s.Cache)
	c.dsn("database.dsn", s.Database.DSN)
	if s.Temporal.Address != "" {
		c.address("temporal.address", s.Temporal.Address)
	}
	if s.Temporal.Namespace != "" {
		c.name("temporal.namespace", s.Temporal.Namespace, namePattern, nameRule)
	}
	c.span("worker.heartbeat_timeout", s.Worker.HeartbeatTimeout, 3*time.Second, 10*time.Minute)
	c.span("worker.stop_timeout", s.Worker.StopTimeout, 0, time.Hour)
	c.span("worker.lease_timeout", s.Worker.LeaseTimeout, 5*time.Second, 10*time.Minute)
	for i, r := range s.Runtimes {
		path := index("runtimes", i)
		c.name(join(path, "name"), r.Name, namePattern, nameRule)
		c.oneOf(join(path, "kind"), r.Kind, knownKinds())
		c.url(join(path, "url"), r.URL)
	}
	unique(c, "runtimes", "name", s.Runtimes, func(r RuntimeServer) string { return r.Name })
	c.meterSettings(s.Meters)
	c.hook("drift.hook", s.Drift.Hook)
}

// maxArguments caps the command of a hook.
const maxArguments = 64

// hook checks who is told of drift. Nothing of the address is repeated: the
// path of a webhook often is its secret.
func (c checker) hook(path string, h HookSettings) {
	command, address := join(path, "command"), join(path, "url")
	if len(h.Command) > maxArguments {
		c.found.add(command, "put them into a script of your own", "has %d entries, expected at most %d", len(h.Command), maxArguments)
	}
	for i, word := range h.Command {
		if strings.ContainsFunc(word, unicode.IsControl) && !c.found.broken(command) {
			c.found.add(command, "put such text into a script of your own", "holds control characters in entry %d", i+1)
		}
	}
	if len(h.Command) > 0 && strings.TrimSpace(h.Command[0]) == "" && !c.found.broken(command) {
		c.found.add(command, "name a program first", "begins with an empty entry, expected a program")
	}
	if h.URL != "" {
		u, err := url.Parse(h.URL)
		if (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") && !c.found.broken(address) {
			c.found.add(address, "e.g. https://example.org/hook", "is no address of a web server, expected http:// or https:// with a server")
		}
	}
	if h.URL != "" && len(h.Command) > 0 && !c.found.broken(address) && !c.found.broken(command) {
		c.found.add(address, "take one of the two out; a command may post, too", "is given beside %s, expected one of them", command)
	}
	c.span(join(path, "timeout"), h.Timeout, time.Second, 10*time.Minute)
}

func (c checker) folder(path, value string) {
	switch {
	case c.found.broken(path):
	case strings.TrimSpace(value) == "":
		c.found.add(path, "name a folder", "is empty, expected a folder")
	case strings.ContainsFunc(value, unicode.IsControl):
		c.found.add(path, "name a plain folder", "is %s, expected a folder without control characters", shown(value))
	}
}

// dsn checks the form only and never repeats the value: it may hold a password.
func (c checker) dsn(path, value string) {
	if value == "" || c.found.broken(path) {
		return
	}
	u, err := url.Parse(value)
	isURL := err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
	if !isURL && (strings.Contains(value, "://") || !strings.Contains(value, "=")) {
		c.found.add(path, "check the scheme and escape special characters of the password",
			"is no DSN of Postgres, expected postgres://user:password@host:port/database or key=value pairs")
	}
}

func (c checker) address(path, value string) {
	host, port, err := net.SplitHostPort(value)
	number, portErr := strconv.Atoi(port)
	if (err != nil || portErr != nil || host == "" || number < 1 || number > 65535) && !c.found.broken(path) {
		c.found.add(path, "e.g. 127.0.0.1:7233", "is %s, expected host:port", shown(value))
	}
}

func (c checker) url(path, value string) {
	u, err := url.Parse(value)
	if (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") && !c.found.broken(path) {
		c.found.add(path, "e.g. http://127.0.0.1:11434", "is %s, expected the address of a server", shown(redactURL(value)))
	}
}
