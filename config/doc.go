// Package config holds what a user says to wattsweep: the settings of the
// program and the spec of a sweep.
//
// Settings say where things are on this machine (database, Temporal, state
// folder, runtimes). They come from flags, environment, file and defaults, in
// that order of precedence; only load.go knows viper.
//
// A Spec says what to measure. It is read strictly: unknown keys, repeated
// keys and wrong types refuse, and all problems are reported at once, each
// with its line, its key path, what was expected and how to mend it. Spec.Plan
// turns it into cells with ids that depend on nothing but what it says and on
// the content of the files it names.
package config
