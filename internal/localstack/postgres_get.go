package localstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// installPackage installs the system's own Postgres with apt-get, as root.
func (k *postgresKind) installPackage(ctx context.Context) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return errors.New("this system has no apt-get")
	}
	undo, err := noMainCluster("/etc/postgresql-common")
	if err != nil {
		return err
	}
	if err := k.aptGet(ctx, apt); err != nil {
		undo()
		return err
	}
	return nil
}

func (k *postgresKind) aptGet(ctx context.Context, apt string) error {
	head := "installing the system's package postgresql"
	k.Progress(Event{Server: Postgres, Step: StepInstall, Text: head})
	stop := ticking(k.Progress, Event{Server: Postgres, Step: StepInstall}, 5*time.Second, func() string { return head })
	defer stop()
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "postgresql"},
	} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.WaitDelay = 5 * time.Second
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastOf(string(out)))
		}
	}
	return nil
}

// noMainCluster keeps Debian's package from making and starting a server of its
// own on port 5432, which would idle beside our measurements. A file that is
// there already is left as it is; undo removes one that we wrote.
func noMainCluster(dir string) (undo func(), err error) {
	path := filepath.Join(dir, "createcluster.conf")
	if _, err := os.Stat(path); err == nil {
		return func() {}, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, diskError(dir, err)
	}
	text := "# Written by wattsweep before it installed postgresql: it starts servers itself.\ncreate_main_cluster = false\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return nil, diskError(path, err)
	}
	return func() { _ = os.Remove(path) }, nil
}

// fetchable are the versions that can be downloaded, newest first.
func fetchable() map[int]embeddedpostgres.PostgresVersion {
	return map[int]embeddedpostgres.PostgresVersion{
		18: embeddedpostgres.V18, 17: embeddedpostgres.V17, 16: embeddedpostgres.V16,
		15: embeddedpostgres.V15, 14: embeddedpostgres.V14, 13: embeddedpostgres.V13,
	}
}

// defaultFetch is the major version fetched when no data exists yet.
const defaultFetch = 16

// fetch downloads real binaries into a folder that the account can reach, once.
func (k *postgresKind) fetch(ctx context.Context, acc *account, want int) (pgBinaries, error) {
	want = orDefault(want, defaultFetch)
	version, ok := fetchable()[want]
	if !ok {
		return pgBinaries{}, fmt.Errorf("version %d cannot be fetched", want)
	}
	root := k.CacheDir
	if err := os.MkdirAll(root, 0o755); err != nil {
		return pgBinaries{}, diskError(root, err)
	}
	if acc != nil && acc.command(ctx, "/", "/bin/sh", "-c", `cd -- "$1"`, "sh", root).Run() != nil {
		shared, err := acc.sharedFolder(ctx, "binaries")
		if err != nil {
			return pgBinaries{}, err
		}
		root = shared
	}
	dir := filepath.Join(root, "postgres-"+string(version))
	l, err := waitLock(ctx, dir+".lock", k.Owner, func(h holder) {
		k.Progress(Event{Server: Postgres, Step: StepInstall, Text: fmt.Sprintf("process %d fetches it already; waiting", h.Pid)})
	})
	if err != nil {
		return pgBinaries{}, err
	}
	defer l.release()
	if found, err := lookAt(ctx, acc, filepath.Join(dir, "bin"), SourceCache); err == nil {
		return found, nil
	}
	if err := k.download(ctx, version, root, dir); err != nil {
		return pgBinaries{}, err
	}
	return lookAt(ctx, acc, filepath.Join(dir, "bin"), SourceFetched)
}

// download uses the library only to fetch and unpack. Its own start would want
// to run initdb, as root even; a data path under a device file ends it there.
func (k *postgresKind) download(ctx context.Context, version embeddedpostgres.PostgresVersion, root, dir string) error {
	head := "fetching Postgres " + string(version) + " (first time only)"
	k.Progress(Event{Server: Postgres, Step: StepInstall, Text: head})
	stop := ticking(k.Progress, Event{Server: Postgres, Step: StepInstall}, 5*time.Second, func() string { return head })
	defer stop()
	port, err := choosePorts([]portWant{{use: "unused"}})
	if err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(root, ".fetch-*")
	if err != nil {
		return diskError(root, err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := os.Chmod(fresh, 0o755); err != nil {
		return diskError(fresh, err)
	}
	unpacked := filepath.Join(fresh, "unpacked")
	config := embeddedpostgres.DefaultConfig()
	if k.Options.Postgres.DownloadURL != "" {
		config = config.BinaryRepositoryURL(k.Options.Postgres.DownloadURL)
	}
	library := embeddedpostgres.NewDatabase(config.
		Version(version).Port(uint32(port["unused"])). //nolint:gosec // a port
		CachePath(filepath.Join(fresh, "archive")).BinariesPath(unpacked).
		RuntimePath(filepath.Join(fresh, "run")).DataPath(filepath.Join(os.DevNull, "data")).
		Logger(io.Discard))
	done := make(chan error, 1)
	go func() { done <- library.Start() }()
	select {
	case <-ctx.Done():
		return fmt.Errorf("fetch Postgres: %w", ctx.Err())
	case err = <-done:
	}
	if _, statErr := os.Stat(filepath.Join(unpacked, "bin", "initdb")); statErr != nil {
		return fault.New(fault.Unavailable, "", "install Postgres (package postgresql), or check the network",
			"fetch Postgres %s: %s", version, withoutAddress(err))
	}
	if err := os.RemoveAll(dir); err != nil {
		return diskError(dir, err)
	}
	return renameOver(unpacked, dir)
}

// withoutAddress keeps a library's error to one short line.
func withoutAddress(err error) string {
	if err == nil {
		return "nothing was unpacked"
	}
	words := strings.Fields(err.Error())
	words = slices.DeleteFunc(words, func(w string) bool { return strings.Contains(w, "://") })
	text := strings.Join(words, " ")
	return text[:min(len(text), 200)]
}

func (k *postgresKind) existing(ctx context.Context) Finding {
	acc := postgresAccount()
	found, ok, err := k.installed(ctx, acc, 0)
	switch {
	case err != nil:
		return Finding{Server: Postgres, Source: SourceNone, Mend: fault.HintOf(err), Problem: err.Error()}
	case ok:
		return Finding{Server: Postgres, OK: true, Source: found.source, Path: found.dir, Version: found.version}
	}
	f := Finding{Server: Postgres, OK: true, Source: SourceFetched, Mend: "binaries will be fetched at the first start (about 30 MB)"}
	_, aptErr := exec.LookPath("apt-get")
	switch {
	case acc != nil && aptErr == nil && !k.Options.Postgres.NoSystemInstall:
		f.Source, f.Mend = SourceInstalled, "the system's package postgresql will be installed at the first start"
	case k.Options.Postgres.NoDownload:
		f.OK, f.Source, f.Mend = false, SourceNone, "install Postgres (package postgresql)"
	}
	return f
}
