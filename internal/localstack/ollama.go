package localstack

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ollamaKind is an Ollama of our own: its models, home and port are apart from
// any other on the machine, so that nothing else is loaded while we measure.
type ollamaKind struct {
	*site
	tool tool
}

func (k *ollamaKind) name() Name { return Ollama }

func (k *ollamaKind) external(ctx context.Context) (string, bool) {
	o := k.Options.Ollama
	if o.URL != "" {
		return strings.TrimRight(o.URL, "/"), true
	}
	if !o.PreferRunning {
		return "", false
	}
	url := strings.TrimRight(o.RunningURL, "/")
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return url, answers200(ctx, url+"/api/version") == nil
}

func (k *ollamaKind) ports(last record) []portWant {
	return []portWant{{use: "api", fixed: k.Options.Ollama.Port, last: last.Ports["api"]}}
}

func (k *ollamaKind) prepare(ctx context.Context, _ record) (launch, error) {
	p, err := k.tool.resolve(ctx, k.Options, k.Options.Ollama.Path)
	if err != nil {
		return launch{}, err
	}
	polite, hard := signals(Ollama)
	return launch{
		name: Ollama, path: p.path, version: p.version, args: []string{"serve"},
		dir: filepath.Join(k.folder, "ollama"), polite: polite, hard: hard,
		data: filepath.Join(k.folder, "ollama", "models"),
	}, nil
}

// environment is our settings of Ollama. One model and one request at a time,
// and no unloading by a timer: what is loaded, and when, is the sweep's doing.
func (k *ollamaKind) environment(port int) map[string]string {
	home := filepath.Join(k.folder, "ollama")
	env := map[string]string{
		"OLLAMA_HOST":              loopback(port),
		"OLLAMA_MODELS":            filepath.Join(home, "models"),
		"OLLAMA_NUM_PARALLEL":      "1",
		"OLLAMA_MAX_LOADED_MODELS": "1",
		"OLLAMA_KEEP_ALIVE":        "-1",
		"OLLAMA_NOPRUNE":           "1",
		"OLLAMA_NOHISTORY":         "1",
		"OLLAMA_DEBUG":             "0", // a debug log would hold prompts
		"HOME":                     home,
	}
	maps.Copy(env, k.Options.Ollama.Env)
	return env
}

func (k *ollamaKind) listenOn(l launch, ports map[string]int) launch {
	l.ports = ports
	env := k.environment(ports["api"])
	l.env = inherited()
	for _, key := range slices.Sorted(maps.Keys(env)) {
		l.env = append(l.env, key+"="+env[key])
	}
	return l
}

func (k *ollamaKind) probe(ctx context.Context, ports map[string]int) error {
	return answers200(ctx, "http://"+loopback(ports["api"])+"/api/version")
}

func (k *ollamaKind) settle(context.Context, map[string]int) error { return nil }

func (k *ollamaKind) existing(ctx context.Context) Finding {
	return k.tool.finding(ctx, k.Options, k.Options.Ollama.Path)
}
