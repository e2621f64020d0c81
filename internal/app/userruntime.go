package app

import "github.com/wattsweep/wattsweep/internal/runtimes"

// UseRuntime serves specs that name a runtime with rt, whatever the settings
// say of that name. It is for programs that bring a runtime of their own; it
// must be called before a worker is started.
func (a *App) UseRuntime(name string, rt runtimes.Runtime) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.runtimes == nil {
		a.runtimes = map[string]runtimes.Runtime{}
	}
	a.runtimes[name] = rt
}
