package config

import (
	"reflect"
	"strings"
	"time"
)

// EnvPrefix begins the name of every environment variable of wattsweep.
const EnvPrefix = "WATTSWEEP_"

// configFlag and configEnv name a settings file; it is no setting itself.
const (
	configFlag = "config"
	configEnv  = EnvPrefix + "CONFIG"
)

// settingKey is one value of the settings: its key path and its names outside
// the file.
type settingKey struct {
	path string // database.dsn
	kind reflect.Type
	flag string // empty: no flag
}

// env is the name of the environment variable: WATTSWEEP_DATABASE_DSN.
func (k settingKey) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// settingKeys lists every value of Settings in the order of the struct.
func settingKeys() []settingKey {
	return keysOf(reflect.TypeFor[Settings](), "")
}

func keysOf(section reflect.Type, prefix string) []settingKey {
	var keys []settingKey
	for _, f := range fieldsOf(section) {
		kind, path := section.Field(f.index).Type, join(prefix, f.key)
		if kind.Kind() == reflect.Struct {
			keys = append(keys, keysOf(kind, path)...)
			continue
		}
		keys = append(keys, settingKey{path: path, kind: kind, flag: flagOf(path)})
	}
	return keys
}

// flagOf names the flag of a key; worker tuning and lists have none.
func flagOf(path string) string {
	switch path {
	case "database.dsn":
		return "database"
	case "temporal.address", "temporal.namespace", "temporal.profile":
		return strings.ReplaceAll(path, ".", "-")
	case "host", "output", "state", "cache":
		return path
	}
	return ""
}

// valueAt reads the value of a key path out of settings.
func valueAt(s Settings, path string) reflect.Value {
	v := reflect.ValueOf(s)
	for key := range strings.SplitSeq(path, ".") {
		for _, f := range fieldsOf(v.Type()) {
			if f.key == key {
				v = v.Field(f.index)
				break
			}
		}
	}
	return v
}

// plainValue gives a default as viper and people read it.
func plainValue(v reflect.Value) any {
	if v.Type() == durationType {
		return plain(time.Duration(v.Int()))
	}
	return v.Interface()
}
