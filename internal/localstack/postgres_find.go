package localstack

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// minPostgres is the oldest major version that our schema runs on.
const minPostgres = 12

// pgBinaries is a folder with initdb and postgres.
type pgBinaries struct {
	dir     string
	major   int
	version string
	source  Source
}

// binaries finds Postgres, or gets it: from PATH, from the folders where
// packages put it, from the system's packages when we are root, else as a
// download. want is the major version of the data that exists, 0 for none: data
// of one major version cannot be read by another.
func (k *postgresKind) binaries(ctx context.Context, acc *account, want int) (pgBinaries, error) {
	if found, ok, err := k.installed(ctx, acc, want); err != nil || ok {
		return found, err
	}
	var tried []string
	if acc != nil && !k.Options.Postgres.NoSystemInstall {
		if err := k.installPackage(ctx); err != nil {
			tried = append(tried, err.Error())
		} else if found, ok, err := k.installed(ctx, postgresAccount(), want); err != nil || ok {
			found.source = SourceInstalled
			return found, err
		}
	}
	if !k.Options.Postgres.NoDownload {
		found, err := k.fetch(ctx, postgresAccount(), want)
		if err == nil {
			return found, nil
		}
		tried = append(tried, err.Error())
	}
	version := "12 or newer"
	if want != 0 {
		version = fmt.Sprintf("%d, which made the data in %s", want, k.folder)
	}
	return pgBinaries{}, fault.New(fault.Unsupported, "",
		"install Postgres (package postgresql) or give the address of a database in the settings",
		"no Postgres %s found in PATH or the usual folders%s", version, joined(tried))
}

func joined(tried []string) string {
	text := ""
	for _, one := range tried {
		text += "; " + one
	}
	return text
}

// installed looks at the folder that was named, else at PATH, else at the usual
// places with the newest version first.
func (k *postgresKind) installed(ctx context.Context, acc *account, want int) (pgBinaries, bool, error) {
	if dir := k.Options.Postgres.BinDir; dir != "" {
		found, err := lookAt(ctx, acc, dir, SourceGiven)
		if err == nil && want != 0 && found.major != want {
			err = fmt.Errorf("version %d, but the data was made by version %d", found.major, want)
		}
		if err != nil {
			return found, false, fault.New(fault.Invalid, "", "name the folder that holds initdb and postgres, or none",
				"Postgres in %s: %w", dir, err)
		}
		return found, true, nil
	}
	var all []pgBinaries
	if path, err := exec.LookPath("postgres"); err == nil {
		if found, err := lookAt(ctx, acc, filepath.Dir(path), SourcePath); err == nil {
			all = append(all, found)
		}
	}
	all = append(all, usual(ctx, acc)...)
	for _, found := range all {
		if want == 0 || found.major == want {
			return found, true, nil
		}
	}
	return pgBinaries{}, false, nil
}

// usual looks where packages and installers put Postgres, newest first.
func usual(ctx context.Context, acc *account) []pgBinaries {
	var all []pgBinaries
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/lib/postgresql/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
		"/usr/libexec/postgresql*", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin", "/Library/PostgreSQL/*/bin",
	} {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		for _, dir := range dirs {
			if found, err := lookAt(ctx, acc, dir, SourceFolder); err == nil {
				all = append(all, found)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b pgBinaries) int { return cmp.Compare(b.major, a.major) })
	return all
}

// lookAt proves that a folder holds a Postgres that the account can run. Links
// are resolved, since postgres finds its own files from where it lies.
func lookAt(ctx context.Context, acc *account, dir string, source Source) (pgBinaries, error) {
	resolved, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return pgBinaries{}, err
	}
	dir = filepath.Dir(resolved)
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return pgBinaries{}, err
	}
	said, err := acc.runs(ctx, filepath.Join(dir, "postgres"))
	if err != nil {
		return pgBinaries{}, fmt.Errorf("run its --version: %w", err)
	}
	m := regexp.MustCompile(`PostgreSQL\) ((\d+)\S*)`).FindStringSubmatch(said)
	if m == nil {
		return pgBinaries{}, fmt.Errorf("its --version names no version")
	}
	major, err := strconv.Atoi(m[2])
	if err != nil || major < minPostgres {
		return pgBinaries{}, fmt.Errorf("version %s is older than %d", m[1], minPostgres)
	}
	return pgBinaries{dir: dir, major: major, version: m[1], source: source}, nil
}
