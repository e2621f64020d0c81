package localstack

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Name says which of the three servers is meant.
type Name string

// The servers, by the names used in the state file, the logs and the events.
const (
	Temporal Name = "temporal"
	Postgres Name = "postgres"
	Ollama   Name = "ollama"
)

// names is every server in the order of listings; stopping goes backwards.
func names() []Name { return []Name{Postgres, Temporal, Ollama} }

// Options says what to start, where its data lies and how long to wait.
type Options struct {
	// State is the folder of all data; DefaultState when empty. It is created.
	State string
	// CacheDir holds servers that were built or fetched, shared by all state
	// folders; the user's cache folder + "wattsweep/bin" when empty.
	CacheDir string
	// Owner names the command in the lock ("wattsweep demo"), for the message
	// that a second program gets.
	Owner string
	// Detach lets the servers outlive this process.
	Detach bool
	// Supervise starts an owned server again when it ends unasked, on the same
	// ports, at most maxRestarts times. It has no effect with Detach.
	Supervise bool
	// MinFree is the free space in bytes that the state folder needs; 500 MB
	// when 0.
	MinFree uint64
	// ReadyLimit is how long one server may take to answer; 3 min when 0.
	ReadyLimit time.Duration
	// StopLimit is how long one server may take to end before it is killed; 20 s when 0.
	StopLimit time.Duration
	// Progress is told what happens, one call at a time; may be nil.
	Progress func(Event)

	Temporal TemporalOptions
	Postgres PostgresOptions
	Ollama   OllamaOptions
}

// TemporalOptions says which Temporal server and how it is set up.
type TemporalOptions struct {
	// Address of a server that runs already ("host:7233"); nothing is started.
	Address string
	// UIURL of that server's web pages, for Address only; may be empty.
	UIURL string
	// Path of the temporal program; searched for, or built, when empty.
	Path string
	// Namespace that is created; DefaultNamespace when empty.
	Namespace string
	// Retention of closed workflows; 90 days when 0.
	Retention time.Duration
	// SearchAttributes that are registered.
	SearchAttributes []SearchAttribute
	// DynamicConfig is server settings as key and JSON value; the demo's
	// settings (DefaultDynamicConfig) when nil.
	DynamicConfig map[string]string
	// Pragmas are settings of its SQLite file; DefaultPragmas when nil.
	Pragmas map[string]string
	// Port and UIPort are chosen when 0.
	Port, UIPort int
}

// SearchAttribute is a custom field that workflows can be listed by.
type SearchAttribute struct {
	Name string
	// Type is one of Text, Keyword, Int, Double, Bool, Datetime, KeywordList.
	Type string
}

// PostgresOptions says which Postgres.
type PostgresOptions struct {
	// DSN of a database that exists already; nothing is started.
	DSN string
	// BinDir is the folder of initdb and postgres; searched for when empty.
	BinDir string
	// Port is chosen when 0.
	Port int
	// NoSystemInstall forbids installing the system's package as root.
	NoSystemInstall bool
	// NoDownload forbids fetching binaries.
	NoDownload bool
	// DownloadURL is a mirror of the repository of binaries, for networks that
	// reach no other; the library's own when empty.
	DownloadURL string
	// Ping proves that the database answers queries; when nil, a start-up
	// packet that the server answers with its authentication request is proof.
	Ping func(ctx context.Context, dsn string) error
}

// OllamaOptions says which Ollama.
type OllamaOptions struct {
	// URL of a server that runs already ("http://host:11434"); nothing is started.
	URL string
	// Path of the ollama program; searched for, or built, when empty.
	Path string
	// PreferRunning uses the server at RunningURL when one answers there.
	PreferRunning bool
	// RunningURL is where PreferRunning looks; Ollama's own default when empty.
	RunningURL string
	// Port is chosen when 0.
	Port int
	// Env is set on top of our own settings, for example OLLAMA_FLASH_ATTENTION.
	Env map[string]string
}

// Defaults of the options.
const (
	DefaultState      = ".wattsweep"
	DefaultNamespace  = "wattsweep"
	defaultRunningURL = "http://127.0.0.1:11434"
	defaultMinFree    = 500 << 20
	defaultReady      = 3 * time.Minute
	defaultStop       = 20 * time.Second
	defaultRetention  = 90 * 24 * time.Hour
	database          = "wattsweep" // name of the database and of its owner
)

// DefaultDynamicConfig is the server settings of the demo: one partition per
// task queue and fast transfer reads bring the wait between two activities from
// 100 ms to 28 ms; eager activities, the priority matcher and worker heartbeats
// are on by default in later servers; ids are held to what the SQL columns take.
//
// The rest keeps a sweep of thousands of cells level: the server would hold up
// to 8096 workflows that have ended in memory for an hour, and looks, for each
// new task, at all that were done since it last wrote down how far it is.
func DefaultDynamicConfig() map[string]string {
	return map[string]string{
		"matching.numTaskqueueReadPartitions":  "1",
		"matching.numTaskqueueWritePartitions": "1",
		"history.transferProcessorMaxPollRPS":  "1000",
		"matching.useNewMatcher":               "true",
		"frontend.WorkerHeartbeatsEnabled":     "true",
		"frontend.ListWorkersEnabled":          "true",
		"limit.maxIDLength":                    "255",

		"system.enableActivityEagerExecution":          "true",
		"history.hostLevelCacheMaxSize":                "512",
		"history.transferProcessorUpdateAckInterval":   `"5s"`,
		"history.timerProcessorUpdateAckInterval":      `"5s"`,
		"history.visibilityProcessorUpdateAckInterval": `"5s"`,
	}
}

// DefaultPragmas is the settings of Temporal's SQLite file: a write-ahead log,
// which is on disk before a step counts as done, so that a power cut loses
// none. It takes one write to the disk for each step instead of three.
func DefaultPragmas() map[string]string {
	return map[string]string{"journal_mode": "wal", "synchronous": "full"}
}

// RelaxedPragmas leave the moment of writing to the kernel: a killed server
// still loses nothing, but a power cut loses the last seconds of steps, as if
// they had not been done. That is for machines that hold nothing of value.
func RelaxedPragmas() map[string]string {
	return map[string]string{"journal_mode": "wal", "synchronous": "normal"}
}

// withDefaults fills in what is empty and makes the folders absolute.
func (o Options) withDefaults() (Options, error) {
	o.State = orDefault(o.State, DefaultState)
	o.Owner = orDefault(o.Owner, filepath.Base(os.Args[0]))
	o.MinFree = orDefault(o.MinFree, defaultMinFree)
	o.ReadyLimit = orDefault(o.ReadyLimit, defaultReady)
	o.StopLimit = orDefault(o.StopLimit, defaultStop)
	o.Temporal.Namespace = orDefault(o.Temporal.Namespace, DefaultNamespace)
	o.Temporal.Retention = orDefault(o.Temporal.Retention, defaultRetention)
	o.Ollama.RunningURL = orDefault(o.Ollama.RunningURL, defaultRunningURL)
	if o.Temporal.DynamicConfig == nil {
		o.Temporal.DynamicConfig = DefaultDynamicConfig()
	}
	if o.Temporal.Pragmas == nil {
		o.Temporal.Pragmas = DefaultPragmas()
	}
	if o.CacheDir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return o, fault.New(fault.Invalid, "", "set HOME, or name a cache folder in the settings",
				"find the user's cache folder: %w", err)
		}
		o.CacheDir = filepath.Join(user, "wattsweep", "bin")
	}
	var err error
	if o.CacheDir, err = filepath.Abs(o.CacheDir); err != nil {
		return o, fault.New(fault.Invalid, "", "", "cache folder %s: %w", o.CacheDir, err)
	}
	if o.State, err = filepath.Abs(o.State); err != nil {
		return o, fault.New(fault.Invalid, "", "", "state folder %s: %w", o.State, err)
	}
	o.Progress = serialised(o.Progress)
	return o, o.validate()
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// validate finds every mistake at once.
func (o Options) validate() error {
	var list []fault.Problem
	add := func(where, msg, mend string) {
		list = append(list, fault.Problem{Where: where, Msg: msg, Mend: mend})
	}
	for _, p := range []struct {
		where string
		port  int
	}{
		{"temporal.port", o.Temporal.Port},
		{"temporal.ui_port", o.Temporal.UIPort},
		{"postgres.port", o.Postgres.Port},
		{"ollama.port", o.Ollama.Port},
	} {
		if p.port < 0 || p.port > 65535 {
			add(p.where, "port out of range", "use 1 to 65535, or 0 for any free port")
		}
	}
	types := []string{"Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"}
	for _, a := range o.Temporal.SearchAttributes {
		if a.Name == "" || strings.ContainsAny(a.Name, "= \t\n\x00") {
			add("temporal.search_attributes", "bad name", "use letters and digits")
		}
		if !slices.Contains(types, a.Type) {
			add("temporal.search_attributes."+a.Name, "unknown type", "use one of "+strings.Join(types, ", "))
		}
	}
	for key, value := range o.Ollama.Env {
		switch {
		case key == "OLLAMA_HOST" || key == "OLLAMA_MODELS" || key == "HOME":
			add("ollama.env."+key, "set by wattsweep itself", "leave it out")
		case key == "OLLAMA_DEBUG" && value != "0" && value != "false" && value != "":
			add("ollama.env."+key, "a debug log would hold prompts", "leave it out")
		case key == "" || strings.ContainsAny(key, "=\x00") || strings.ContainsRune(value, 0):
			add("ollama.env", "bad name or value", "use NAME: value")
		}
	}
	if strings.ContainsAny(o.State, "\x00\n") {
		add("state", "folder name with a control character", "choose a plain name")
	}
	if len(list) > 0 {
		return fault.New(fault.Invalid, "", "", "local servers: %w", &fault.Problems{Subject: "options", List: list})
	}
	return nil
}
