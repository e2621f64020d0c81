package clock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of the kernel's interface, linux/seccomp.h and linux/filter.h.
const (
	retNotify      = 0x7fc00000 // SECCOMP_RET_USER_NOTIF
	flagContinue   = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	archX86        = 0xc000003e // AUDIT_ARCH_X86_64
	auxIgnore      = 1          // AT_IGNORE
	auxVDSO        = 33         // AT_SYSINFO_EHDR
	maxStackBytes  = 1 << 20    // of arguments and environment that are looked through
	offsetNumber   = 0          // of struct seccomp_data
	offsetArch     = 4
	offsetArgument = 16
)

// question is struct seccomp_notif, answer is struct seccomp_notif_resp.
type question struct {
	id    uint64
	pid   uint32
	flags uint32
	call  int32
	arch  uint32
	at    uint64
	args  [6]uint64
}

type answer struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// Lacks tells why no program can be run with a clock of its own here; "" when
// it can.
func Lacks() string {
	action := uint32(retNotify)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	if errno != 0 {
		return "the kernel does not let one process answer another's system calls: " + errno.Error()
	}
	return ""
}

// Launch does nothing in a program that was started as usual. In one that Start
// started it puts the filter in place, hands the listener over, and becomes the
// program that was wanted. It belongs at the very beginning of main.
func Launch() {
	if os.Getenv(launchVariable) == "" {
		return
	}
	err := launch()
	fmt.Fprintln(os.Stderr, "chaos clock:", err)
	os.Exit(1)
}

func launch() error {
	if len(os.Args) < 2 {
		return errors.New("no program named")
	}
	if err := os.Unsetenv(launchVariable); err != nil {
		return err
	}
	runtime.LockOSThread() // the filter is the thread's, and so the program's that it becomes
	listen, err := filter()
	if err != nil {
		return fmt.Errorf("put the filter in place: %w", err)
	}
	if err := unix.Sendmsg(3, []byte{1}, unix.UnixRights(listen), nil, 0); err != nil {
		return fmt.Errorf("hand the listener over: %w", err)
	}
	_ = unix.Close(listen)
	_ = unix.Close(3)
	return syscall.Exec(os.Args[1], os.Args[1:], os.Environ()) //nolint:gosec // the program under test
}

// filter makes this thread's questions for the time of day ours to answer, and
// the call by which a starting program sets its thread up, when its vDSO can be
// hidden.
func filter() (listen int, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	equal := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: yes, Jf: no, K: k}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	program := []unix.SockFilter{
		load(offsetArch), equal(archX86, 0, 5),
		load(offsetNumber), equal(unix.SYS_ARCH_PRCTL, 4, 0), equal(unix.SYS_CLOCK_GETTIME, 0, 2),
		load(offsetArgument), equal(unix.CLOCK_REALTIME, 1, 0),
		ret(unix.SECCOMP_RET_ALLOW), ret(retNotify),
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]} //nolint:gosec // nine
	for _, flags := range []uintptr{
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, // signals do not make it ask again
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,                                               // before Linux 5.19
	} {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&fprog)))
		if errno == 0 {
			return int(fd), nil
		}
		err = errno
	}
	return 0, err
}

// Start starts a prepared command with a clock of its own.
func Start(cmd *exec.Cmd) (*Clock, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start with a clock: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("start with a clock: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Args = append([]string{self, cmd.Path}, cmd.Args[1:]...)
	cmd.Path, cmd.Env = self, append(cmd.Env, launchVariable+"=1")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start with a clock: %w", err)
	}
	_ = theirs.Close()
	listen, err := receive(pair[0])
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("start with a clock: %w", err)
	}
	c := &Clock{listen: os.NewFile(uintptr(listen), "seccomp"), done: make(chan struct{})} //nolint:gosec // a descriptor
	go c.serve(listen)
	return c, nil
}

// receive takes the listener that the launcher sends.
func receive(from int) (int, error) {
	_ = unix.SetsockoptTimeval(from, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20})
	var body [1]byte
	room := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(from, body[:], room, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("take the listener: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(room[:n])
	if err != nil || len(messages) != 1 {
		return 0, errors.New("take the listener: the launcher sent none")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return 0, errors.New("take the listener: the launcher sent none")
	}
	return fds[0], nil
}

// serve answers until the program and all that it started have ended.
func (c *Clock) serve(listen int) {
	defer close(c.done)
	for {
		ready := []unix.PollFd{{Fd: int32(listen), Events: unix.POLLIN}} //nolint:gosec // a descriptor
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			if ready[0].Revents != 0 {
				return
			}
			continue
		}
		var q question
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listen), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&q))); errno != 0 {
			continue // it was killed while it asked
		}
		a := c.reply(q)
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listen), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&a)))
	}
}

// reply tells the time as the program is to see it. Whatever else is asked, and
// what cannot be answered, the kernel does as it would have.
func (c *Clock) reply(q question) answer {
	a := answer{id: q.id, flags: flagContinue}
	if q.call == unix.SYS_ARCH_PRCTL {
		_ = hideVDSO(int(q.pid)) // Answered tells whether it worked
		return a
	}
	var told [16]byte
	now := time.Now().Add(time.Duration(c.step.Load()))
	binary.LittleEndian.PutUint64(told[0:], uint64(now.Unix()))       //nolint:gosec // after 1970
	binary.LittleEndian.PutUint64(told[8:], uint64(now.Nanosecond())) //nolint:gosec // positive
	local := []unix.Iovec{{Base: &told[0], Len: uint64(len(told))}}
	remote := []unix.RemoteIovec{{Base: uintptr(q.args[1]), Len: len(told)}}
	if n, err := unix.ProcessVMWritev(int(q.pid), local, remote, 0); err != nil || n != len(told) {
		return a
	}
	c.answered.Add(1)
	a.flags = 0
	return a
}

// hideVDSO marks the entry of the vDSO in what the kernel told a program at its
// start as one to be passed over. It lies on the stack, after the arguments and
// the environment.
func hideVDSO(pid int) error {
	stack, err := stackOf(pid)
	if err != nil {
		return err
	}
	mem, err := os.OpenFile("/proc/"+strconv.Itoa(pid)+"/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = mem.Close() }()
	var word [8]byte
	at := func(offset int64) (uint64, error) {
		_, err := mem.ReadAt(word[:], stack+offset)
		return binary.LittleEndian.Uint64(word[:]), err
	}
	nulls := 0 // one ends the arguments, one the environment
	for offset := int64(8); offset < maxStackBytes; offset += 8 {
		value, err := at(offset)
		if err != nil {
			return err
		}
		if nulls == 2 && value == 0 {
			return errors.New("no vDSO is told of")
		}
		if nulls == 2 && value == auxVDSO {
			binary.LittleEndian.PutUint64(word[:], auxIgnore)
			_, err := mem.WriteAt(word[:], stack+offset)
			return err
		}
		if nulls == 2 {
			offset += 8 // entries are pairs
		} else if value == 0 {
			nulls++
		}
	}
	return errors.New("the stack's head has no end")
}

// stackOf is where a program's stack began: field 28 of its status line.
func stackOf(pid int) (int64, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 26 {
		return 0, errors.New("status line too short")
	}
	return strconv.ParseInt(fields[25], 10, 64)
}
