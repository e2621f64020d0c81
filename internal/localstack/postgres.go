package localstack

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// postgresKind is a Postgres of our own with its data in the state folder, or
// beside it where its user cannot enter the state folder.
type postgresKind struct{ *site }

func (k *postgresKind) name() Name { return Postgres }

func (k *postgresKind) external(context.Context) (string, bool) {
	return k.Options.Postgres.DSN, k.Options.Postgres.DSN != ""
}

func (k *postgresKind) ports(last record) []portWant {
	return []portWant{{use: "sql", fixed: k.Options.Postgres.Port, last: last.Ports["sql"]}}
}

// prepare finds the binaries that fit the data, and makes the data folder the
// first time.
func (k *postgresKind) prepare(ctx context.Context, last record) (launch, error) {
	acc := postgresAccount()
	parent, err := k.dataParent(ctx, acc, last)
	if err != nil {
		return launch{}, err
	}
	data := filepath.Join(parent, "data")
	bin, err := k.binaries(ctx, acc, dataVersion(data))
	if err != nil {
		return launch{}, err
	}
	if now := postgresAccount(); acc != nil && now.name != acc.name {
		acc = now // the package that was just installed brought its user
		if parent, err = k.dataParent(ctx, acc, last); err != nil {
			return launch{}, err
		}
		data = filepath.Join(parent, "data")
	}
	if dataVersion(data) == 0 {
		if err := k.initialise(ctx, acc, bin, parent); err != nil {
			return launch{}, err
		}
	}
	if err := acc.own(data); err != nil {
		return launch{}, err
	}
	polite, hard := signals(Postgres)
	return launch{
		name: Postgres, path: filepath.Join(bin.dir, "postgres"), version: bin.version, dir: data,
		env: inherited("HOME="+data, "LC_ALL=C"), user: acc.credential(),
		polite: polite, hard: hard, data: data,
	}, k.clearData(ctx, data)
}

// dataParent is the folder that holds data/: the state folder's own where the
// account can reach it, else a shared one.
func (k *postgresKind) dataParent(ctx context.Context, acc *account, last record) (string, error) {
	own := filepath.Join(k.folder, "postgres")
	if k.moved != "" && last.Data != "" && !strings.HasPrefix(last.Data, k.moved+string(filepath.Separator)) {
		return "", fault.New(fault.Invalid, "",
			"move the folder back, or delete "+filepath.Join(k.folder, stateName)+" to begin with an empty database",
			"state folder %s was %s before, and its Postgres data lies outside it, in %s", k.folder, k.moved, last.Data)
	}
	if acc == nil {
		return own, nil
	}
	if err := acc.own(own); err != nil {
		return "", err
	}
	reachable := acc.reaches(ctx, own)
	if dataVersion(filepath.Join(own, "data")) != 0 && !reachable {
		return "", fault.New(fault.Invalid, "",
			fmt.Sprintf("let user %s enter the folders above it (chmod o+x)", acc.name),
			"user %s cannot enter the Postgres data in %s", acc.name, own)
	}
	if reachable {
		return own, nil
	}
	shared, err := acc.sharedFolder(ctx, k.folder)
	if err == nil && last.Data == "" {
		k.Progress(Event{Server: Postgres, Step: StepNotice, Text: fmt.Sprintf(
			"its data lies in %s, because user %s cannot enter %s", shared, acc.name, k.folder)})
	}
	return shared, err
}

func (k *postgresKind) listenOn(l launch, ports map[string]int) launch {
	l.ports = ports
	l.args = []string{"-D", l.data}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(ports["sql"]),
		// Socket paths end at 107 bytes; a state folder can lie deeper.
		"unix_socket_directories=",
		"max_connections=150",
		"fsync=on",
		"synchronous_commit=on",
		"full_page_writes=on",
		"logging_collector=off",
		// A journal must not reach the log in a failing statement, a detail
		// line or a parameter.
		"log_statement=none",
		"log_min_messages=log", // no errors of statements: they quote values, and the client gets them
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
		"log_min_duration_statement=-1",
	} {
		l.args = append(l.args, "-c", setting)
	}
	return l
}

// dsn is the address of the database, with its password.
func (k *postgresKind) dsn(ports map[string]int) (string, error) {
	pw, err := k.password()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", database, pw, loopback(ports["sql"]), database), nil
}

// password reads the random password, made the first time.
func (k *postgresKind) password() (string, error) {
	path := filepath.Join(k.folder, "postgres.password")
	raw, err := os.ReadFile(path)
	if pw := strings.TrimSpace(string(raw)); err == nil && pw != "" {
		return pw, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", diskError(path, err)
	}
	pw, err := randomHex(16)
	if err != nil {
		return "", err
	}
	return pw, writeFileAtomic(path, []byte(pw+"\n"), 0o600)
}

func (k *postgresKind) probe(ctx context.Context, ports map[string]int) error {
	if err := shakeHands(ctx, loopback(ports["sql"])); err != nil {
		return err
	}
	if k.Options.Postgres.Ping == nil {
		return nil
	}
	dsn, err := k.dsn(ports)
	if err != nil {
		return err
	}
	if err := k.Options.Postgres.Ping(ctx, dsn); err != nil {
		return fmt.Errorf("query Postgres on port %d: %w", ports["sql"], err)
	}
	return nil
}

func (k *postgresKind) settle(context.Context, map[string]int) error { return nil }

// shakeHands sends the start-up packet of protocol 3.0. A server that takes
// connections answers with 'R', its request for a password; one that still
// recovers or is full answers with 'E'.
func shakeHands(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp4", address)
	if err != nil {
		return fmt.Errorf("dial Postgres: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("dial Postgres: %w", err)
		}
	}
	body := "user\x00" + database + "\x00database\x00" + database + "\x00\x00"
	packet := binary.BigEndian.AppendUint32(nil, uint32(8+len(body))) //nolint:gosec // a short constant
	packet = binary.BigEndian.AppendUint32(packet, 3<<16)
	if _, err := conn.Write(append(packet, body...)); err != nil {
		return fmt.Errorf("greet Postgres: %w", err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return fmt.Errorf("greet Postgres: %w", err)
	}
	if answer[0] != 'R' {
		return errors.New("greet Postgres: it does not take connections yet")
	}
	return nil
}
