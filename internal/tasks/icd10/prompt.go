package icd10

import (
	"embed"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// templates hold the fixed wording of the task, one file per language.
//
//go:embed prompts/*.txt
var templates embed.FS

// slot is where the journal goes in a template.
const slot = "{{journal}}"

// Languages lists the languages that the task can be asked in, sorted.
func Languages() []string {
	entries, err := templates.ReadDir("prompts")
	if err != nil { // the folder is part of the binary
		return nil
	}
	var known []string
	for _, e := range entries {
		known = append(known, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return known
}

// Prompt asks for the codes of a journal in the given language ("sv", "en").
// The error never holds any of the journal.
func Prompt(lang, journal string) (string, error) {
	template, err := template(lang)
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(journal) == "" {
		return "", fault.New(fault.Invalid, "", "verify the dataset: every journal needs a text in each language",
			"make the %s prompt: the journal is empty", lang)
	}
	return strings.Replace(template, slot, journal, 1), nil
}

// PromptHash is the SHA-256 of a language's template, 64 hex digits: the same
// hash means that the same question was asked.
func PromptHash(lang string) (string, error) {
	template, err := template(lang)
	if err != nil {
		return "", err
	}
	return bench.Hash(template), nil
}

// WithNonce puts a nonce line before a prompt, so that a prompt cache has no
// prefix to answer from.
func WithNonce(nonce, prompt string) string {
	return "[" + nonce + "]\n" + prompt
}

func template(lang string) (string, error) {
	raw, err := templates.ReadFile("prompts/" + lang + ".txt")
	if err != nil {
		return "", fault.New(fault.Invalid, "", "choose one of them, or add a template to internal/tasks/icd10/prompts",
			"find the icd10 prompt for language %.16q: known languages are %s", lang, strings.Join(Languages(), ", "))
	}
	return string(raw), nil
}
