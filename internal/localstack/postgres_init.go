package localstack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// initialise makes the data folder under a temporary name and renames it when it
// is whole, database included, so that a crash leaves none or a good one.
func (k *postgresKind) initialise(ctx context.Context, acc *account, bin pgBinaries, parent string) error {
	k.Progress(Event{Server: Postgres, Step: StepInit, Text: "making its data folder in " + parent})
	pw, err := k.password()
	if err != nil {
		return err
	}
	leftovers, _ := filepath.Glob(filepath.Join(parent, "data.new-*")) // of a start that was killed
	for _, old := range append(leftovers, filepath.Join(parent, "password.new")) {
		if err := os.RemoveAll(old); err != nil {
			return diskError(old, err)
		}
	}
	fresh, err := os.MkdirTemp(parent, "data.new-*")
	if err != nil {
		return diskError(parent, err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := acc.own(fresh); err != nil {
		return err
	}
	secret := filepath.Join(parent, "password.new")
	if err := writeFileAtomic(secret, []byte(pw+"\n"), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(secret) }()
	if err := acc.own(secret); err != nil {
		return err
	}
	if err := initdb(ctx, acc, bin, fresh, secret); err != nil {
		return err
	}
	if err := createDatabase(ctx, acc, bin, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, filepath.Join(parent, "data")); err != nil {
		return diskError(parent, err)
	}
	return nil
}

// initdb makes a cluster in UTF-8 whose text sorts by code point, the same on
// every machine. Systems without the locale C.UTF-8 get C.
func initdb(ctx context.Context, acc *account, bin pgBinaries, dir, secret string) error {
	var tried error
	for _, locale := range []string{"C.UTF-8", "C"} {
		cmd := acc.command(ctx, dir, filepath.Join(bin.dir, "initdb"), "-D", dir, "-U", database,
			"--auth=scram-sha-256", "--pwfile="+secret, "--encoding=UTF8", "--locale="+locale, "--data-checksums")
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("initdb: %w", ctx.Err())
		}
		if strings.Contains(string(out), "No space left on device") {
			return diskError(dir, fmt.Errorf("initdb: %w", syscall.ENOSPC))
		}
		tried = fmt.Errorf("initdb with locale %s: %w: %s", locale, err, lastOf(string(out)))
	}
	return fault.New(fault.Unavailable, "", "check that this Postgres works: "+bin.dir,
		"make a Postgres data folder in %s: %w", dir, tried)
}

// createDatabase makes our database with the server in single-user mode, so that
// no client program is needed.
func createDatabase(ctx context.Context, acc *account, bin pgBinaries, dir string) error {
	cmd := acc.command(ctx, dir, filepath.Join(bin.dir, "postgres"), "--single", "-D", dir, "postgres")
	cmd.Stdin = strings.NewReader("CREATE DATABASE " + database + " OWNER " + database + "\n")
	out, err := cmd.CombinedOutput()
	// Single-user mode ends well also when the statement failed.
	if failed := regexp.MustCompile(`(?m)^.*(ERROR|FATAL|PANIC): .*$`).FindString(string(out)); err == nil && failed != "" {
		err = fmt.Errorf("it said: %s", failed)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "", "check that this Postgres works: "+bin.dir,
			"create database %s: %w", database, err)
	}
	return nil
}

// lastOf is the last line of a program's output.
func lastOf(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := lines[len(lines)-1]
	return last[:min(len(last), 300)]
}
