package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// environment makes a map of KEY=VALUE lines.
func environment(lines []string) map[string]string {
	if lines == nil {
		lines = os.Environ()
	}
	env := make(map[string]string, len(lines))
	for _, line := range lines {
		if key, value, ok := strings.Cut(line, "="); ok {
			env[key] = value
		}
	}
	return env
}

// findFile gives the path of the settings file, or "" where there is none and
// none was asked for.
func findFile(opts LoadOptions, env map[string]string) (string, error) {
	asked := opts.File
	if asked == "" && opts.Flags != nil && opts.Flags.Changed(configFlag) {
		asked, _ = opts.Flags.GetString(configFlag) // our own flag is a string
	}
	if asked = cmp.Or(asked, env[configEnv]); asked != "" {
		asked = inFolder(opts.Dir, asked)
		if _, err := os.Stat(asked); err != nil {
			return "", fault.New(fault.Invalid, "", "name a settings file that exists, or none", "read settings: %w", err)
		}
		return asked, nil
	}
	for _, dir := range []string{opts.Dir, userFolder(env, "XDG_CONFIG_HOME", ".config")} {
		path := filepath.Join(dir, settingsFile)
		if dir == "" && path != settingsFile {
			continue
		}
		switch _, err := os.Stat(path); {
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fault.New(fault.Invalid, "", "make it readable or take it away", "read settings: %w", err)
		}
	}
	return "", nil
}

// userFolder is the user's folder for wattsweep, "" where there is no home.
func userFolder(env map[string]string, variable, underHome string) string {
	if base := env[variable]; filepath.IsAbs(base) {
		return filepath.Join(base, "wattsweep")
	}
	if home := env["HOME"]; home != "" {
		return filepath.Join(home, underHome, "wattsweep")
	}
	if base := env["LOCALAPPDATA"]; base != "" {
		return filepath.Join(base, "wattsweep", strings.TrimPrefix(underHome, "."))
	}
	return ""
}

// unknownVariables warns of variables that begin as ours do but name nothing.
func unknownVariables(env map[string]string) []Warning {
	known := []string{configEnv}
	for _, key := range settingKeys() {
		known = append(known, key.env())
	}
	var warnings []Warning
	for name := range env {
		if !strings.HasPrefix(name, EnvPrefix) || slices.Contains(known, name) {
			continue
		}
		mend := "unset it if it is a mistake"
		if near := nearest(name, known); near != "" {
			mend = fmt.Sprintf("did you mean %s?", near)
		}
		warnings = append(warnings, Warning{Where: name, Msg: "is not a known variable and is ignored", Mend: mend})
	}
	slices.SortFunc(warnings, func(a, b Warning) int { return strings.Compare(a.Where, b.Where) })
	return warnings
}

// OwnHostName is the machine's name as specs may write it.
func OwnHostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "local"
	}
	return cleanHostName(name)
}

// cleanHostName lower-cases a name and replaces what a task queue cannot hold.
func cleanHostName(name string) string {
	name, _, _ = strings.Cut(strings.ToLower(name), ".") // the domain says nothing here
	name = strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return '-'
	}, name)
	return cmp.Or(strings.Trim(name[:min(len(name), 63)], "-"), "local")
}

// LookupEnv finds the variable of the process's environment that a setting
// names as the place of a secret.
func LookupEnv(name string) (string, bool) { return os.LookupEnv(name) }
