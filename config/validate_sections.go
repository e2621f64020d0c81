package config

import (
	"strings"
	"time"
)

// maxTokens caps contexts and answers: above any model known.
const maxTokens = 16_777_216

func (c checker) hosts(s *Spec) {
	c.nonEmpty("hosts", len(s.Hosts), "name a host, e.g. hosts: [local]")
	for i, h := range s.Hosts {
		c.name(c.named(index("hosts", i)), h.Name, hostPattern, hostRule)
	}
	unique(c, "hosts", "name", s.Hosts, func(h HostSpec) string { return h.Name })
}

// named is the path of a section's name: the section itself where it was
// written as a plain name.
func (c checker) named(path string) string {
	if c.found.plain[path] {
		return path
	}
	return join(path, "name")
}

func (c checker) runtimes(s *Spec) {
	c.nonEmpty("runtimes", len(s.Runtimes), "add one, e.g. runtimes: [{name: ollama, kind: ollama}]")
	for i, r := range s.Runtimes {
		path := index("runtimes", i)
		c.name(join(path, "name"), r.Name, namePattern, nameRule)
		c.oneOf(join(path, "kind"), r.Kind, knownKinds())
		c.number(join(path, "temperature"), r.Temperature, 0, 2)
		c.between(join(path, "top_k"), r.TopK, 1, 1_000_000)
		c.above(join(path, "top_p"), r.TopP, 1)
		c.above(join(path, "repeat_penalty"), r.RepeatPenalty, 2)
		c.between(join(path, "max_output_tokens"), r.MaxOutputTokens, 1, maxTokens)
		c.span(join(path, "call_timeout"), r.CallTimeout, time.Second, 24*time.Hour)
		c.between(join(path, "threads"), r.Threads, 0, 4096)
	}
	unique(c, "runtimes", "name", s.Runtimes, func(r RuntimeSpec) string { return r.Name })
}

// above wants a number greater than 0 and at most high.
func (c checker) above(path string, value, high float64) {
	if !c.found.broken(path) && (value <= 0 || value > high) {
		c.found.add(path, inRange, "is %s, expected above 0 and at most %s", decimal(value), decimal(high))
	}
}

func (c checker) models(s *Spec) {
	c.nonEmpty("models", len(s.Models), "name a model, e.g. models: [\"llama3.2:1b\"]")
	hosts, runtimes := namesOf(s.Hosts, HostSpec.name), namesOf(s.Runtimes, RuntimeSpec.name)
	for i, m := range s.Models {
		path := index("models", i)
		c.name(c.named(path), m.Name, modelPattern, modelRule)
		c.modelSource(path, m)
		c.between(join(path, "context_tokens"), m.ContextTokens, 16, maxTokens)
		c.ladder(path, m, s.Runtimes)
		c.known(join(path, "hosts"), m.Hosts, hosts, "host")
		c.known(join(path, "runtimes"), m.Runtimes, runtimes, "runtime")
		c.notEmptied(join(path, "hosts"), m.Hosts)
		c.notEmptied(join(path, "runtimes"), m.Runtimes)
	}
	// Runtimes treat names as equal whatever their case, so two such models
	// would be one.
	unique(c, "models", "name", s.Models, func(m ModelSpec) string { return strings.ToLower(m.Name) })
}

// notEmptied refuses a restriction that was written but allows nothing.
func (c checker) notEmptied(path string, list []string) {
	if c.found.given(path) {
		c.nonEmpty(path, len(list), "take the key out to use all")
	}
}

func namesOf[T any](list []T, name func(T) string) []string {
	names := make([]string, 0, len(list))
	for _, item := range list {
		names = append(names, name(item))
	}
	return names
}

func (h HostSpec) name() string    { return h.Name }
func (r RuntimeSpec) name() string { return r.Name }

func (c checker) modelSource(path string, m ModelSpec) {
	if here := join(path, "gguf"); c.found.given(here) && m.GGUF == "" && !c.found.broken(here) {
		c.found.add(here, "name a file, or take the key out to pull the model by name", "is empty, expected a path or builtin:FILE")
	}
	if here := join(path, "template"); m.Template != "" {
		c.text(here, m.Template, 16<<10, "")
		if m.GGUF == "" && !c.found.broken(here) {
			c.found.add(here, "add gguf, or take the template out: a pulled model brings its own", "is given for a model without gguf")
		}
	}
	if here := join(path, "digest"); m.Digest != "" && !c.found.broken(here) {
		if !digestPattern.MatchString(m.Digest) {
			c.found.add(here, "copy it from the runtime's list of models", "is %s, expected 12 to 64 hex digits", shown(m.Digest))
		}
	}
}

func (c checker) ladder(model string, m ModelSpec, runtimes []RuntimeSpec) {
	path := join(model, "ladder")
	c.nonEmpty(path, len(m.Ladder), "take the key out for the default ladder")
	if len(m.Ladder) > 32 {
		c.found.add(path, "take some out", "has %d rungs, expected at most 32", len(m.Ladder))
		return
	}
	c.fits(join(model, "context_tokens"), m.ContextTokens, m, runtimes)
	for i, r := range m.Ladder {
		here := index(path, i)
		c.name(join(here, "name"), r.Name, namePattern, nameRule)
		c.between(join(here, "gpu_layers"), r.GPULayers, -1, 10_000)
		c.between(join(here, "batch_tokens"), r.BatchTokens, 0, maxTokens)
		if r.ContextTokens != 0 {
			c.between(join(here, "context_tokens"), r.ContextTokens, 16, maxTokens)
			c.fits(join(here, "context_tokens"), r.ContextTokens, m, runtimes)
		}
	}
	unique(c, path, "name", m.Ladder, func(r RungSpec) string { return r.Name })
}

// fits checks that an answer of full length leaves room for a prompt.
func (c checker) fits(path string, context int, m ModelSpec, runtimes []RuntimeSpec) {
	for i, r := range runtimes {
		used := len(m.Runtimes) == 0
		for _, name := range m.Runtimes {
			used = used || name == r.Name
		}
		output := join(index("runtimes", i), "max_output_tokens")
		if used && context <= r.MaxOutputTokens && !c.found.broken(path) && !c.found.broken(output) {
			c.found.add(path, "raise it, or lower "+output,
				"is %d, expected more than the %d of %s, or no prompt fits", context, r.MaxOutputTokens, output)
		}
	}
}
