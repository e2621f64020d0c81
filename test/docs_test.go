package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// documents are the pages that people read.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "test/*.md", "tools/*.md", "models/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", pattern))
		require.NoError(t, err)
		for _, path := range found {
			name, err := filepath.Rel("..", path)
			require.NoError(t, err)
			pages[name] = readTree(t, name)
		}
	}
	require.Contains(t, pages, "README.md")
	require.Contains(t, pages, filepath.Join("docs", "method.md"))
	return pages
}

func TestReadmeIsShortAndNamesTheTwoCommands(t *testing.T) {
	t.Parallel()
	text := readTree(t, "README.md")
	require.LessOrEqual(t, strings.Count(text, "\n"), 150, "the README is for the first five minutes; the rest belongs to docs/")
	for _, want := range []string{"make demo", "make test", "out/demo/report.html", "estimated"} {
		require.Contains(t, text, want)
	}
}

func TestDocsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	links := 0
	for page, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			links++
			_, err := os.Stat(filepath.Join("..", filepath.Dir(page), target))
			require.NoError(t, err, "%s links to %s", page, m[1])
		}
	}
	require.Positive(t, links)
}

// Files that a page names in code marks, by their path from the root.
func TestDocsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile("`((?:config|docs|deploy|internal|test|tools|models|workflows|activities|schema)/[\\w./-]+|\\.ci/run)`")
	for page, text := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			_, fromRoot := os.Stat(filepath.Join("..", m[1]))
			_, fromPage := os.Stat(filepath.Join("..", filepath.Dir(page), m[1]))
			require.True(t, fromRoot == nil || fromPage == nil, "%s names %s, which does not exist", page, m[1])
		}
	}
}

// Commands that pages name must be ones that the program has, and the README
// must name all that it has.
func TestDocsCommandsExist(t *testing.T) {
	t.Parallel()
	have := commands(t)
	require.Contains(t, have, "demo")
	used := regexp.MustCompile("(?m)(?:`|^    (?:bin/)?|`bin/)wattsweep ([a-z]+)")
	mentioned := map[string]bool{}
	for page, text := range documents(t) {
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			require.Contains(t, have, m[1], "%s names the command wattsweep %s", page, m[1])
			mentioned[m[1]] = mentioned[m[1]] || page == "README.md"
		}
	}
	for _, name := range have {
		if name != "help" && name != "completion" { // the library's own
			require.True(t, mentioned[name], "the README does not name wattsweep %s", name)
		}
	}
}

// commands asks the program itself.
func commands(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./starter", "--help")
	cmd.Dir = ".."
	out, err := cmd.Output()
	require.NoError(t, err)
	_, list, ok := strings.Cut(string(out), "Available Commands:\n")
	require.True(t, ok, "%s", out)
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 1 {
			names = append(names, fields[0])
		}
	}
	return names
}

func TestDocsMakeTargetsExist(t *testing.T) {
	t.Parallel()
	makefile := readTree(t, "Makefile")
	used := regexp.MustCompile("(?:`|(?m:^    ))make ([a-z][a-z/-]*(?: [a-z][a-z/-]*)*)")
	for page, text := range documents(t) {
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			for target := range strings.FieldsSeq(m[1]) {
				require.Regexp(t, `(?m)^`+target+`:`, makefile, "%s names make %s", page, target)
			}
		}
	}
	ci := readTree(t, ".ci/run")
	require.Regexp(t, `(?m)^make check$`, ci)
	require.Regexp(t, `(?m)^make test$`, ci, ".ci/run runs the README's test command")
}

func TestDocsNameEverySearchAttribute(t *testing.T) {
	t.Parallel()
	text := readTree(t, "docs/operations.md")
	for _, a := range contract.SearchAttributes() {
		require.Contains(t, text, "`"+a.Name+"`")
	}
}

// foreign matches what a fresh clone cannot have: paths of one machine, and
// hosts that packages are fetched from, which differ from network to network.
var foreign = regexp.MustCompile(`(^|[^A-Za-z0-9_.])/(home|work|root|tmp)/|\b(proxy|registry|mirrors?|deb)\.[a-z]+[a-z.]*\.(org|com|net)\b`)

func TestForeignIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"see /home/me/x": true, "cd /tmp/a": true, "-v a:/root/.cache": true, "https://registry.example.org/x": true,
		"deb.example.com": true, "out/demo/report.html": false, "docs/work/x.md": false, "https://semver.org": false,
	} {
		require.Equal(t, want, foreign.MatchString(text), text)
	}
}

// What a fresh clone cannot have must not be written into it.
func TestDocsHoldNoMachineOfOurs(t *testing.T) {
	t.Parallel()
	pages := documents(t)
	for _, more := range []string{"Makefile", "Dockerfile", "docker-compose.yml", ".ci/run", ".golangci.yml", "deploy/env.example"} {
		pages[more] = readTree(t, more)
	}
	for page, text := range pages {
		require.Empty(t, foreign.FindString(text), page)
	}
}
