package localstack

import "context"

// kind is what the three servers have in common; the rest of the package starts,
// adopts and stops them without knowing which is which.
type kind interface {
	name() Name
	// external gives the address of a server that was named in the options and
	// is not ours to start.
	external(ctx context.Context) (address string, ok bool)
	// ports lists what the server listens on; last is its record of last time.
	ports(last record) []portWant
	// prepare finds or builds the program and makes the data folder.
	prepare(ctx context.Context, last record) (launch, error)
	// listenOn adds the ports to the launch.
	listenOn(l launch, ports map[string]int) launch
	// probe asks the server whether it answers.
	probe(ctx context.Context, ports map[string]int) error
	// settle sets up what lives in a server that answers.
	settle(ctx context.Context, ports map[string]int) error
	// existing tells, without changing anything, what prepare would use.
	existing(ctx context.Context) Finding
}

// site is where a stack lives: the options with the resolved state folder, its
// mark, and the account of Postgres.
type site struct {
	Options
	folder string
	mark   folderMark
	// moved is the folder's former name when it was moved or copied.
	moved string
}

func (s *site) kinds() (map[Name]kind, error) {
	tp, err := temporalPin()
	if err != nil {
		return nil, err
	}
	op, err := ollamaPin()
	if err != nil {
		return nil, err
	}
	return map[Name]kind{
		Temporal: &temporalKind{site: s, tool: temporalTool(tp)},
		Ollama:   &ollamaKind{site: s, tool: ollamaTool(op)},
		Postgres: &postgresKind{site: s},
	}, nil
}

func temporalTool(p pin) tool {
	return tool{name: Temporal, command: "temporal", pin: p, first: "about 4 min on two cores"}
}

func ollamaTool(p pin) tool {
	return tool{
		name: Ollama, command: "ollama", pin: p, cgo: true, first: "about 3 min on two cores",
		stamp: "github.com/ollama/ollama/version.Version", revision: "1",
	}
}
