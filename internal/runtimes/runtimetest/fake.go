package runtimetest

import (
	"strings"
	"sync"
	"time"
)

// Trouble is what goes wrong in a call or load, in terms that every protocol
// has. A server of a protocol says it in its own words.
type Trouble int

// The troubles.
const (
	None        Trouble = iota
	OutOfMemory         // refused before the first content
	MidMemory           // out of memory after the content of the reply
	Busy                // 503 before the first content
	Rejected            // 400 before the first content
	Broken              // 500 before the first content
	MidError            // an unknown error after the content
	Garbage             // a line that is no protocol after the content
	HugeLine            // a line of 8 MiB after the content
	HugeAnswer          // content without end
	Cut                 // the connection breaks after the content
	NoEnd               // the stream ends in good order without its final line
	Hang                // nothing more comes after the content
	HangEarly           // not even a status comes
	CutEarly            // the connection breaks before a status
)

// Reply scripts one answer.
type Reply struct {
	Thinking []string      // chunks of reasoning, before the text
	Text     []string      // chunks
	Trouble  Trouble       // after the chunks, or instead of them
	Capped   bool          // the answer says that it hit the cap
	Load     time.Duration // load time that the answer claims
}

// Model is one that the fake server knows.
type Model struct {
	Digest     string // 64 hex digits
	Parameters int64
	Layers     int // blocks
	Context    int
	SizeBytes  int64
	OnRegistry bool // a pull brings it; it is not there before
}

// Fake is the script and the state of a server that plays a runtime. Its fields
// may be set before the server is used and between calls.
type Fake struct {
	mu sync.Mutex

	Version string
	Models  map[string]*Model
	// Replies are given in turn; the last one goes on.
	Replies []Reply
	// Takes is how long every call takes before its first content.
	Takes time.Duration
	// LoadTrouble is what every load meets.
	LoadTrouble Trouble
	// PullTrouble is what every pull meets: Hang, NoEnd, MidError, Cut.
	PullTrouble Trouble
	// VRAMShare of the model's memory is on a GPU, 0 to 1.
	VRAMShare float64
	// LessContext makes loads give this many tokens instead of what was asked.
	LessContext int
	// Stubborn models stay in memory whatever is asked.
	Stubborn bool
	// Half shortens long prompts to half the context plus two, as some servers
	// do, instead of to the whole context.
	Half bool
	// Forgetful servers do not repeat the tokens of the prompt in their answer.
	Forgetful bool

	loaded  map[string]int // model to context
	loads   int
	calls   int
	prompts []string
}

// NewFake gives a server with one small model named known, and one named
// remote that a pull brings.
func NewFake() *Fake {
	return &Fake{
		Version: "0.6.5",
		Models: map[string]*Model{
			"known:latest": {
				Digest: strings.Repeat("ab", 32), Parameters: 205120, Layers: 2, Context: 2048, SizeBytes: 400000,
			},
			"remote:latest": {
				Digest: strings.Repeat("cd", 32), Parameters: 8e9, Layers: 32, Context: 131072, SizeBytes: 5e9, OnRegistry: true,
			},
		},
		Replies: []Reply{{Text: []string{"I21", ".9", " J18.9"}}},
		loaded:  map[string]int{},
	}
}

// Set changes the script while no request runs.
func (f *Fake) Set(change func(*Fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// Restart forgets what is in memory, as a server that was started again.
func (f *Fake) Restart() { f.Set(func(f *Fake) { f.loaded = map[string]int{} }) }

// Calls gives how many calls with a prompt came, Loads how many loads.
func (f *Fake) Calls() int { f.mu.Lock(); defer f.mu.Unlock(); return f.calls }

// Loads gives how often a model was brought into memory.
func (f *Fake) Loads() int { f.mu.Lock(); defer f.mu.Unlock(); return f.loads }

// reply takes the next reply of the script.
func (f *Fake) reply() Reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.Replies) == 0 {
		return Reply{}
	}
	one := f.Replies[0]
	if len(f.Replies) > 1 {
		f.Replies = f.Replies[1:]
	}
	return one
}

// canonical adds the tag that a name without one has.
func canonical(name string) string {
	if !strings.Contains(name, ":") {
		name += ":latest"
	}
	return strings.ToLower(name)
}
