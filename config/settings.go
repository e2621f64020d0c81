package config

import "time"

// Settings say where things are on this machine and how the program behaves.
// They are made by Load, which checks them.
type Settings struct {
	// Host is the name of this machine in specs; its worker answers to it. Empty: a worker takes the machine's own name, in lower case, and wattsweep up and demo take local.
	Host string `json:"host" mapstructure:"host"`
	// Output is how listings are printed: table, json or csv.
	Output string `json:"output" jsonschema:"enum=table,enum=json,enum=csv" mapstructure:"output"`
	// State is the folder of the embedded servers' data, logs and locks.
	State string `json:"state" mapstructure:"state"`
	// Cache is the folder of built servers and other things that can be made again. Default: wattsweep in the user's cache folder.
	Cache string `json:"cache" mapstructure:"cache"`
	// Database is where results are kept.
	Database DatabaseSettings `json:"database" mapstructure:"database"`
	// Temporal is the server that makes sweeps durable.
	Temporal TemporalSettings `json:"temporal" mapstructure:"temporal"`
	// Worker tunes the program that measures.
	Worker WorkerSettings `json:"worker" mapstructure:"worker"`
	// Runtimes are the model servers of this machine. Left out, an Ollama is found or started.
	Runtimes []RuntimeServer `json:"runtimes,omitempty" mapstructure:"runtimes"`
	// Meters say how this machine's power meters are reached.
	Meters MeterSettings `json:"meters" mapstructure:"meters"`
	// Drift says who is told when reference cells drift.
	Drift DriftSettings `json:"drift" mapstructure:"drift"`
}

// DatabaseSettings say where Postgres is.
type DatabaseSettings struct {
	// DSN of Postgres, e.g. postgres://user:password@host:5432/wattsweep. Empty starts one of our own.
	DSN string `json:"dsn" mapstructure:"dsn"`
}

// TemporalSettings say where Temporal is.
type TemporalSettings struct {
	// Address of the server, host:port. Empty uses Temporal's own environment and profile where there is one, else starts a server of our own.
	Address string `json:"address" mapstructure:"address"`
	// Namespace to work in. Empty takes the profile's, else default.
	Namespace string `json:"namespace" mapstructure:"namespace"`
	// Profile of Temporal's own configuration file.
	Profile string `json:"profile" mapstructure:"profile"`
}

// WorkerSettings tune the program that measures.
type WorkerSettings struct {
	// HeartbeatTimeout is how soon a worker that died is noticed, so that its work goes on elsewhere or when it is back; a third of it (at most 20s) is how long Temporal may be away unnoticed. 3s to 10m.
	HeartbeatTimeout time.Duration `json:"heartbeat_timeout" mapstructure:"heartbeat_timeout"`
	// StopTimeout is how long a stopping worker may take to finish its call. 0s to 1h.
	StopTimeout time.Duration `json:"stop_timeout" mapstructure:"stop_timeout"`
	// LeaseTimeout is how long a worker that has fallen silent keeps its host's name; a second worker under that name waits so long, and may then measure. 5s to 10m.
	LeaseTimeout time.Duration `json:"lease_timeout" mapstructure:"lease_timeout"`
	// ShareMachine lets workers of other host names measure on this machine at the same time; all of them must have it. Only where they share neither GPU, CPU nor meter, as containers with GPUs of their own: else each is in the other's figures.
	ShareMachine bool `json:"share_machine" mapstructure:"share_machine"`
	// Versioning lets control workers take part in Temporal's worker deployment versioning, so that a new version is rolled out while sweeps run. False: every worker takes all work.
	Versioning bool `json:"versioning" mapstructure:"versioning"`
}

// DriftSettings say what happens when reference cells drift.
type DriftSettings struct {
	// Hook is run once for each drift run that found drift.
	Hook HookSettings `json:"hook" mapstructure:"hook"`
}

// HookSettings name a command or a webhook that is told of drift: figures and
// ids, never journals. Give at most one of the two.
type HookSettings struct {
	// Command to run, the program first and then its arguments, without a shell; it gets the report as JSON on its standard input. Others on the machine can see arguments: put no secret there.
	Command []string `json:"command,omitempty" mapstructure:"command"`
	// URL that the report is posted to as JSON, http or https. Only its server is ever printed, as the rest often is the secret.
	URL string `json:"url" mapstructure:"url"`
	// Timeout ends a command or a request that takes longer. 1s to 10m.
	Timeout time.Duration `json:"timeout" mapstructure:"timeout"`
}

// RuntimeServer is a model server on this machine. Runtimes are a list with
// names, not keys, because viper lower-cases keys and splits them at dots.
type RuntimeServer struct {
	// Name of the runtime, as specs name it.
	Name string `json:"name" mapstructure:"name"`
	// Kind of runtime: ollama.
	Kind string `json:"kind" mapstructure:"kind"`
	// URL where it answers, e.g. http://127.0.0.1:11434.
	URL string `json:"url" mapstructure:"url"`
	// LogPath is the server's log file, from which the placement of layers is read. Empty estimates it.
	LogPath string `json:"log_path,omitempty" mapstructure:"log_path"`
}

func (s *Settings) setDefaults() {
	s.Output = "table"
	s.State = ".wattsweep"
	s.Worker.setDefaults()
	s.Drift.setDefaults()
}

func (w *WorkerSettings) setDefaults() {
	w.HeartbeatTimeout = 30 * time.Second
	w.StopTimeout = 30 * time.Second
	w.LeaseTimeout = 30 * time.Second
}

func (d *DriftSettings) setDefaults() { d.Hook.setDefaults() }

func (h *HookSettings) setDefaults() { h.Timeout = 30 * time.Second }

// Warning is something worth saying that does not refuse the settings.
type Warning struct {
	Where string // the variable or key
	Msg   string
	Mend  string
}

// String prints the warning on one line.
func (w Warning) String() string { return w.Where + ": " + w.Msg + "; " + w.Mend }
