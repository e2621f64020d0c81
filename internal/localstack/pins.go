package localstack

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

// The modules under tools/ pin the servers we build. Their go.mod and go.sum
// are copied here (a test holds them equal), because an installed program must
// be able to build the same servers and go:embed cannot reach another module.
var (
	//go:embed pins/temporal.mod.txt
	temporalMod string
	//go:embed pins/temporal.sum.txt
	temporalSum string
	//go:embed pins/ollama.mod.txt
	ollamaMod string
	//go:embed pins/ollama.sum.txt
	ollamaSum string
)

// pin is a server program as a Go tool of fixed version.
type pin struct {
	mod, sum string
	// pkg is the package of the program, version its module's version.
	pkg, version string
}

func temporalPin() (pin, error) { return parsePin(temporalMod, temporalSum) }
func ollamaPin() (pin, error)   { return parsePin(ollamaMod, ollamaSum) }

// parsePin reads the tool line of a go.mod and the version of the module that
// holds that package.
func parsePin(mod, sum string) (pin, error) {
	tool := regexp.MustCompile(`(?m)^tool (\S+)$`).FindStringSubmatch(mod)
	if tool == nil {
		return pin{}, fmt.Errorf("go.mod names no tool")
	}
	for _, req := range regexp.MustCompile(`(?m)^\s*(?:require\s+)?(\S+)\s+(v\S+)`).FindAllStringSubmatch(mod, -1) {
		if tool[1] == req[1] || strings.HasPrefix(tool[1], req[1]+"/") {
			return pin{mod: mod, sum: sum, pkg: tool[1], version: req[2]}, nil
		}
	}
	return pin{}, fmt.Errorf("go.mod requires no module for tool %s", tool[1])
}
