package app

import (
	"errors"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/runtimes/ollama"
	"github.com/wattsweep/wattsweep/models"
)

// runtimeFor gives the runtime that a spec names: the server of that name in
// the settings, else the embedded one.
func (a *App) runtimeFor(cfg bench.RuntimeConfig) (runtimes.Runtime, error) {
	switch cfg.Kind {
	case "ollama":
		return a.ollama(cfg.Name)
	default:
		return nil, fault.New(fault.Unsupported, "", "use a runtime of kind ollama", "runtime %s is of kind %q, which this worker does not know", cfg.Name, cfg.Kind)
	}
}

// ollama gives one client per server for the life of the app: its connection
// stays warm, and it remembers what loads and prompts looked like.
func (a *App) ollama(name string) (runtimes.Runtime, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.runtimes[name]; ok {
		return known, nil
	}
	opts, err := a.ollamaOptions(name)
	if err != nil {
		return nil, err
	}
	client, err := ollama.New(opts)
	if err != nil {
		return nil, err
	}
	if a.runtimes == nil {
		a.runtimes = map[string]runtimes.Runtime{}
	}
	a.runtimes[name] = client
	return client, nil
}

func (a *App) ollamaOptions(name string) (ollama.Options, error) {
	for _, r := range a.Settings.Runtimes {
		if r.Name == name && r.Kind == "ollama" {
			return ollama.Options{BaseURL: r.URL, LogPath: r.LogPath}, nil
		}
	}
	if a.stack == nil || a.stack.OllamaURL == "" {
		return ollama.Options{}, fault.New(fault.Invalid, "", "name it in the settings' list of runtimes with its url",
			"this host has no Ollama server called %s", name)
	}
	env := make([]string, 0, len(a.stack.OllamaEnv))
	for key, value := range a.stack.OllamaEnv {
		if strings.HasPrefix(key, "OLLAMA_") && key != "OLLAMA_MODELS" {
			env = append(env, key+"="+value)
		}
	}
	sort.Strings(env)
	return ollama.Options{BaseURL: a.stack.OllamaURL, LogPath: a.stack.OllamaLog, Env: env}, nil
}

// sourceOf says where a model comes from: a file in the binary, a file on this
// host, or a registry.
func sourceOf(m bench.ModelConfig) runtimes.Source {
	src := runtimes.Source{Model: m}
	if m.GGUF == "" {
		return src
	}
	src.OpenGGUF = func() (io.ReadCloser, int64, error) {
		if name, ok := strings.CutPrefix(m.GGUF, models.Prefix); ok {
			return models.Open(name)
		}
		f, err := os.Open(m.GGUF)
		if err != nil {
			return nil, 0, fault.New(fault.Invalid, fault.CodeModelNotFound, "put the file there on this host, or name another",
				"open model file of %s: %w", m.Name, err)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		return f, info.Size(), nil
	}
	return src
}
