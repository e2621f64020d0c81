package localstack

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func someRecord() record {
	return record{
		Pid: 4711, Start: "123", Boot: "b", Exe: "/usr/bin/ollama", Path: "/usr/bin/ollama", Version: "0.6.5",
		Ports: map[string]int{"api": 22222}, Detached: true, Data: "/s/ollama", Log: "/s/logs/ollama.log",
	}
}

func TestStateSurvivesWritingAndReading(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	want := stateFile{Format: stateFormat, Folder: folder, Servers: map[Name]record{Ollama: someRecord()}}
	require.NoError(t, writeState(folder, want))
	got, err := readState(folder)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got, cmp.AllowUnexported(record{})))
	left, err := filepath.Glob(filepath.Join(folder, ".*"))
	require.NoError(t, err)
	require.Empty(t, left, "no temporary file stays")
}

func TestStateRefusesWhatItCouldNotHaveWritten(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":            ``,
		"cut":              `{"format":1,"folder":"/s","serv`,
		"other format":     `{"format":2,"folder":"/s","servers":{}}`,
		"unknown key":      `{"format":1,"folder":"/s","servers":{},"more":1}`,
		"unknown server":   `{"format":1,"folder":"/s","servers":{"redis":{"pid":0}}}`,
		"two values":       `{"format":1,"folder":"/s","servers":{}} {}`,
		"relative folder":  `{"format":1,"folder":"s","servers":{}}`,
		"no folder":        `{"format":1,"servers":{}}`,
		"first process":    `{"format":1,"folder":"/s","servers":{"ollama":{"pid":1,"start":"1","exe":"/x"}}}`,
		"group":            `{"format":1,"folder":"/s","servers":{"ollama":{"pid":-5,"start":"1","exe":"/x"}}}`,
		"pid, no start":    `{"format":1,"folder":"/s","servers":{"ollama":{"pid":5,"exe":"/x"}}}`,
		"pid, no program":  `{"format":1,"folder":"/s","servers":{"ollama":{"pid":5,"start":"1"}}}`,
		"port":             `{"format":1,"folder":"/s","servers":{"ollama":{"pid":0,"ports":{"api":70000}}}}`,
		"relative program": `{"format":1,"folder":"/s","servers":{"ollama":{"pid":5,"start":"1","exe":"x"}}}`,
	} {
		_, err := parseState([]byte(text))
		require.Error(t, err, name)
	}
}

func FuzzParseState(f *testing.F) {
	good, err := json.Marshal(stateFile{Format: stateFormat, Folder: "/s", Servers: map[Name]record{Ollama: someRecord()}})
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"format":1,"folder":"/s","servers":{"ollama":{"pid":1}}}`))
	f.Add([]byte(`{"format":1,"folder":"\u0000","servers":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := parseState(raw)
		if err != nil {
			return
		}
		for name, r := range s.Servers {
			require.Contains(t, names(), name)
			require.False(t, r.Pid < 0 || r.Pid == 1)
		}
		again, err := json.Marshal(s)
		require.NoError(t, err)
		_, err = parseState(again)
		require.NoError(t, err, "what was read can be written")
	})
}

// sleeper starts a harmless process of this test.
func sleeper(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	cmd.Env = append(os.Environ(), env...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestOnlyTheProcessOnRecordIsTouched(t *testing.T) {
	t.Parallel()
	cmd := sleeper(t)
	who, ok := identify(cmd.Process.Pid)
	require.True(t, ok)
	truth := record{Pid: who.pid, Start: who.start, Boot: who.boot, Exe: who.exe}
	require.True(t, truth.running())

	otherStart, otherBoot, otherExe, self := truth, truth, truth, truth
	otherStart.Start += "1"
	otherBoot.Boot += "x"
	otherExe.Exe = "/usr/bin/ollama"
	self.Pid = os.Getpid()
	for _, r := range []record{otherStart, otherBoot, otherExe, self, {Pid: 1}, {}} {
		require.False(t, r.running())
		require.True(t, gone(r.signal(syscall.SIGKILL)))
	}
	require.True(t, truth.running(), "no wrong record reached it")

	// A forged state file names processes that are not ours: Down leaves them.
	folder := stateDir(t)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	_, err := folderID(folder)
	require.NoError(t, err)
	forged := stateFile{Format: stateFormat, Folder: folder, Servers: map[Name]record{
		Ollama: otherStart, Temporal: otherExe, Postgres: {Pid: os.Getpid(), Start: "1", Exe: "/usr/bin/postgres"},
	}}
	require.NoError(t, writeState(folder, forged))
	require.NoError(t, Down(t.Context(), folder, nil))
	require.True(t, truth.running())

	// A copied folder names the right process, which belongs to the other one.
	forged.Folder, forged.Servers = folder+"-elsewhere", map[Name]record{Ollama: truth}
	require.NoError(t, writeState(folder, forged))
	require.NoError(t, Down(t.Context(), folder, nil))
	require.True(t, truth.running())

	// The very same record in our own file is ours to end.
	forged.Folder = folder
	require.NoError(t, writeState(folder, forged))
	require.NoError(t, Down(t.Context(), folder, nil))
	require.False(t, truth.running())
}

func TestUnrecordedChildIsFoundByItsMarkAndCorruptStateIsSetAside(t *testing.T) {
	t.Parallel()
	folder := stateDir(t)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	id, err := folderID(folder)
	require.NoError(t, err)
	mark := folderMark{id: id, folder: folder}
	ours := sleeper(t, markVariable+"="+string(Ollama)+mark.String())
	other := sleeper(t, markVariable+"="+string(Ollama)+folderMark{id: id, folder: folder + "x"}.String())
	require.NoError(t, os.WriteFile(filepath.Join(folder, stateName), []byte("{not json"), 0o600))
	var notices []string
	require.NoError(t, Down(t.Context(), folder, func(e Event) { notices = append(notices, e.Text) }))
	_, alive := identify(ours.Process.Pid)
	require.False(t, alive)
	_, alive = identify(other.Process.Pid)
	require.True(t, alive)
	require.FileExists(t, filepath.Join(folder, stateName+".corrupt"))
	require.Contains(t, notices[0], "set aside")
	require.Contains(t, notices[1], strconv.Itoa(ours.Process.Pid))
}
