package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/runtimes/ollama"
)

// runningOllama is where an Ollama that the user started answers by default.
const runningOllama = "http://127.0.0.1:11434"

// addOllama gives a command the choice of an Ollama that runs already. It is
// not the default: measuring takes every model out of its memory.
func addOllama(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "ollama", "",
		"use an Ollama that runs already: its address, or running for "+runningOllama+"; measuring empties its memory")
}

// useOllama makes the settings name the Ollama that the user chose, for this
// process and for a worker that it starts, once it is seen to answer.
func useOllama(ctx context.Context, s *session, address string) error {
	if address == "" {
		return nil
	}
	if address == "running" {
		address = runningOllama
	}
	client, err := ollama.New(ollama.Options{BaseURL: address})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := client.Inspect(ctx); err != nil {
		return fmt.Errorf("use the Ollama at %s: %w", address, err)
	}
	s.settings.Runtimes = []config.RuntimeServer{{Name: "ollama", Kind: "ollama", URL: address}}
	list, err := json.Marshal(s.settings.Runtimes)
	if err != nil {
		return fmt.Errorf("hand the Ollama on to the worker: %w", err)
	}
	s.given = append(s.given, config.EnvPrefix+"RUNTIMES="+string(list))
	return nil
}
