package localstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// account is whom Postgres runs as when we are root: it refuses to run as root.
// A nil account means that we run as an ordinary user and stay who we are.
type account struct {
	name string
	cred *syscall.Credential
}

// postgresAccount is the user postgres where there is one, else nobody.
func postgresAccount() *account {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &account{name: name, cred: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
	}
	return &account{name: "nobody", cred: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

func (a *account) credential() *syscall.Credential {
	if a == nil {
		return nil
	}
	return a.cred
}

// command prepares a program to run as the account, away from our environment.
func (a *account) command(ctx context.Context, dir, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = inherited("HOME="+dir, "LC_ALL=C")
	if a != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.cred}
	}
	return cmd
}

// own gives a folder to the account, for it alone.
func (a *account) own(dir string) error {
	if a == nil {
		return nil
	}
	if err := os.Chown(dir, int(a.cred.Uid), int(a.cred.Gid)); err != nil {
		return diskError(dir, err)
	}
	return nil
}

// reaches tells whether the account can enter a folder and write there: modes,
// access lists and mounts all have a say, so it is tried, not computed.
func (a *account) reaches(ctx context.Context, dir string) bool {
	if a == nil {
		return true
	}
	return a.command(ctx, "/", "/bin/sh", "-c", `cd -- "$1" && test -w . && test -x .`, "sh", dir).Run() == nil
}

// runs tells whether the account can run a program.
func (a *account) runs(ctx context.Context, path string) (string, error) {
	out, err := a.command(ctx, "/", path, "--version").CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// sharedRoots are folders that every user can reach, the lasting one first.
func sharedRoots() []string {
	return []string{"/var/lib/wattsweep", filepath.Join(os.TempDir(), "wattsweep")}
}

// sharedFolder makes a folder that the account can reach, for a purpose of this
// state folder, when the state folder itself lies where it cannot (a home of
// mode 0700). Its name comes from the state folder's, so it is found again.
func (a *account) sharedFolder(ctx context.Context, key string) (string, error) {
	sum := sha256.Sum256([]byte(key))
	var tried []error
	for _, root := range sharedRoots() {
		dir := filepath.Join(root, hex.EncodeToString(sum[:6]))
		if err := a.makeShared(root, dir); err != nil {
			tried = append(tried, err)
			continue
		}
		if a.reaches(ctx, dir) {
			return dir, nil
		}
	}
	return "", fault.New(fault.Unsupported, "",
		"choose a state folder that every user can enter, or run as an ordinary user",
		"no folder found where user %s can keep the data of Postgres: %w", a.name, errors.Join(tried...))
}

// makeShared makes root and dir. The root can lie in the temporary folder,
// where anyone could have put it before us: it must be ours and no link.
func (a *account) makeShared(root, dir string) error {
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return diskError(root, err)
	}
	if err := os.Mkdir(root, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return diskError(root, err)
	}
	if err := ownedBy(root, os.Geteuid()); err != nil {
		return err
	}
	if err := os.Chmod(root, 0o755); err != nil {
		return diskError(root, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return diskError(dir, err)
	}
	return a.own(dir)
}

func ownedBy(dir string, uid int) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return diskError(dir, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != uid {
		return fault.New(fault.Invalid, "", "remove it", "folder %s does not belong to this user", dir)
	}
	return nil
}
