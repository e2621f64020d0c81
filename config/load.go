package config

import (
	"cmp"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// settingsFile is looked for in the working folder, then in the user's
// configuration folder.
const settingsFile = "wattsweep.yaml"

// LoadOptions say where settings may come from.
type LoadOptions struct {
	// File names the settings file; empty takes --config, then WATTSWEEP_CONFIG,
	// then looks in the usual places, where none need exist.
	File string
	// Flags as BindFlags made them and the command line filled them; may be nil.
	Flags *pflag.FlagSet
	// Environ is the environment as os.Environ gives it; nil is the process's.
	Environ []string
	// Dir is the working folder; empty is the process's.
	Dir string
}

// BindFlags adds the flags of the settings to a command. Flags that the set
// has already are left alone.
func BindFlags(fs *pflag.FlagSet) {
	usage := map[string]string{
		configFlag: "settings file (default: " + settingsFile + " here or in the user's configuration folder)",
		"host":     "name of this machine in specs", "output": "print listings as table, json or csv",
		"state": "folder of the embedded servers (default .wattsweep)", "cache": "folder of built servers (default: the user's cache folder)",
		"database":         "DSN of Postgres; prefer " + EnvPrefix + "DATABASE_DSN, which other users cannot see",
		"temporal-address": "Temporal server, host:port", "temporal-namespace": "Temporal namespace",
		"temporal-profile": "profile of Temporal's own configuration file",
	}
	add := func(name string) {
		if fs.Lookup(name) == nil {
			fs.String(name, "", usage[name])
		}
	}
	add(configFlag)
	for _, key := range settingKeys() {
		if key.flag != "" {
			add(key.flag)
		}
	}
}

// Load merges the settings from flags, environment, file and defaults, in that
// order of precedence, and checks them. What is wrong comes back as one
// fault.Error of kind Invalid that wraps a *fault.Problems. Warnings name
// variables that look like ours but are not.
func Load(opts LoadOptions) (Settings, []Warning, error) {
	env := environment(opts.Environ)
	file, err := findFile(opts, env)
	if err != nil {
		return Settings{}, nil, err
	}
	v := viper.New()
	found := newFindings(cmp.Or(file, "settings"))
	if err := setDefaultsAndFile(v, file, env, found); err != nil {
		return Settings{}, nil, err
	}
	setEnvironment(v, env, found)
	setFlags(v, opts.Flags, found)
	var settings Settings
	if len(found.list) == 0 {
		if err := v.UnmarshalExact(&settings); err != nil {
			found.add("", "correct the values it names", "cannot be read: %v", err)
		}
	}
	if len(found.list) == 0 {
		checkSettings(settings, found)
	}
	if err := found.err(); err != nil {
		return Settings{}, nil, err
	}
	return settings, unknownVariables(env), nil
}

// setDefaultsAndFile puts the file over the defaults. The file is read by our
// own reader, which knows lines, near keys and types; viper gets its values
// and merges, so that no value is read in two ways.
func setDefaultsAndFile(v *viper.Viper, file string, env map[string]string, found *findings) error {
	var defaults Settings
	defaults.setDefaults()
	defaults.Cache = cmp.Or(userFolder(env, "XDG_CACHE_HOME", ".cache"), filepath.Join(defaults.State, "cache"))
	for _, key := range settingKeys() {
		v.SetDefault(key.path, plainValue(valueAt(defaults, key.path)))
	}
	if file == "" {
		return nil
	}
	data, err := readCapped(file)
	if err != nil {
		return fault.New(fault.Invalid, "", "name a settings file that can be read", "read settings: %w", err)
	}
	root := parseYAML(data, found)
	if root == nil || len(found.list) > 0 {
		return nil
	}
	var written Settings
	decode(root, &written, found)
	if len(found.list) > 0 {
		return nil
	}
	if err := v.MergeConfigMap(givenValues(written, found)); err != nil {
		return fault.New(fault.Internal, "", "", "merge settings %s: %w", file, err)
	}
	return nil
}

// givenValues is the tree of the values that the user wrote.
func givenValues(written Settings, found *findings) map[string]any {
	tree := map[string]any{}
	for _, key := range settingKeys() {
		if !found.given(key.path) {
			continue
		}
		inner, rest := tree, key.path
		for {
			section, below, nested := strings.Cut(rest, ".")
			if !nested {
				break
			}
			next, ok := inner[section].(map[string]any)
			if !ok {
				next = map[string]any{}
				inner[section] = next
			}
			inner, rest = next, below
		}
		inner[rest] = plainValue(valueAt(written, key.path))
	}
	return tree
}

// setEnvironment puts variables over the file. Every key is looked up by name,
// since viper alone overlooks variables whose key has no default.
func setEnvironment(v *viper.Viper, env map[string]string, found *findings) {
	for _, key := range settingKeys() {
		text, ok := env[key.env()]
		if !ok || text == "" {
			continue
		}
		if key.kind.Kind() != reflect.Slice {
			set(v, key, text, key.env(), found)
			continue
		}
		// A list is written in YAML or JSON, as in the file.
		inner := newFindings(key.env())
		var holder Settings
		root := parseYAML([]byte(nestedYAML(key.path, text)), inner)
		if root != nil {
			decode(root, &holder, inner)
		}
		for _, p := range inner.list {
			found.addAt(0, key.env()+": "+p.Where, p.Mend, "%s", p.Msg)
		}
		v.Set(key.path, valueAt(holder, key.path).Interface())
	}
}

// nestedYAML writes a value under its key path, as a file would. The value
// begins on a line of its own, so that it may have several.
func nestedYAML(path, value string) string {
	out, indent := "", ""
	for key := range strings.SplitSeq(path, ".") {
		out += indent + key + ":\n"
		indent += "  "
	}
	return out + indent + strings.ReplaceAll(value, "\n", "\n"+indent) + "\n"
}

// setFlags puts flags that were given over everything else.
func setFlags(v *viper.Viper, flags *pflag.FlagSet, found *findings) {
	if flags == nil {
		return
	}
	for _, key := range settingKeys() {
		if key.flag == "" || !flags.Changed(key.flag) {
			continue
		}
		set(v, key, flags.Lookup(key.flag).Value.String(), "--"+key.flag, found)
	}
}

// set takes one text value; a later problem then names where it came from.
func set(v *viper.Viper, key settingKey, text, from string, found *findings) {
	if key.kind == durationType {
		if _, err := parseSpan(text); err != nil {
			found.addAt(0, from, "write the unit, e.g. 30s", "is %s, expected %s", shown(text), expected(durationType))
			return
		}
	}
	if _, err := strconv.ParseFloat(text, 64); key.kind.Kind() == reflect.Float64 && err != nil {
		found.addAt(0, from, "write a number", "is %s, expected %s", shown(text), expected(key.kind))
		return
	}
	if _, err := strconv.ParseBool(text); key.kind.Kind() == reflect.Bool && err != nil {
		found.addAt(0, from, "write true or false", "is %s, expected %s", shown(text), expected(key.kind))
		return
	}
	found.from[key.path] = from
	v.Set(key.path, text)
}
