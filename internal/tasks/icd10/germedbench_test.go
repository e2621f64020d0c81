package icd10

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// germedbench is a public set of discharge notes with the raw replies of three
// models and the scores their makers published, read from the shared data.
const germedbench = "../../../../shared/data/germedbench"

// diagnosis is one gold diagnosis: a code and the codes that count as well.
type diagnosis struct {
	Code       string   `json:"code"`
	Acceptable []string `json:"acceptable_codes"`
	Type       string   `json:"typ"`
}

// options are the normalised codes of which any one finds the diagnosis.
func (d diagnosis) options() []string {
	return normalised(append([]string{d.Code}, d.Acceptable...))
}

type reply struct {
	Case       string   `json:"case_id"`
	Codes      []string `json:"codes"`
	Main       *string  `json:"hauptdiagnose"`
	ParseError bool     `json:"parse_error"`
	Raw        string   `json:"raw"`
	Usage      struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
}

func TestGerMedBenchScores(t *testing.T) {
	t.Parallel()
	requireSharedData(t)
	gold := readGold(t)
	rows := readExpected(t)
	require.Len(t, rows, 3)
	for _, row := range rows {
		t.Run(row["model"], func(t *testing.T) {
			t.Parallel()
			got := published(t, readReplies(t, row["model"]), gold)
			require.Len(t, got, len(row)-1, "every column but the model's name")
			for column, value := range got {
				require.Equal(t, row[column], value, column)
			}
		})
	}
}

// Reading the raw replies must give the codes that the set's makers got by
// parsing the JSON, and codes even where that JSON is cut off.
func TestGerMedBenchReplies(t *testing.T) {
	t.Parallel()
	requireSharedData(t)
	for _, row := range readExpected(t) {
		for _, r := range readReplies(t, row["model"]) {
			got := ReadCodes(r.Raw, math.MaxInt)
			if r.ParseError {
				require.Greater(t, len(got), 20, "%s: a runaway reply", r.Case)
				require.Len(t, ReadCodes(r.Raw, 0), MaxCodes)
				continue
			}
			require.Equal(t, set(normalised(r.Codes)), got, "%s %s", row["model"], r.Case)
		}
	}
}

// Labels that physicians typed ("R002 Hjärtklappning", "I 48.9", "S4220") are
// as messy as answers; labels.tsv beside them has each code as cleaned by hand.
func TestOpenChartLabels(t *testing.T) {
	t.Parallel()
	requireSharedData(t)
	rows := readTable(t, "../../../../shared/data/openchart-se/labels.tsv")
	require.Len(t, rows, 25)
	for _, row := range rows {
		require.Equal(t, []string{row["code"]}, ReadCodes(row["raw"], 0), row["raw"])
	}
}

// published recomputes every column of expected_icd10.tsv.
func published(t *testing.T, replies []reply, gold map[string][]diagnosis) map[string]string {
	t.Helper()
	sum := map[string]float64{}
	parsed, prompt, completion := 0, 0, 0
	for _, r := range replies {
		prompt += r.Usage.Prompt
		completion += r.Usage.Completion
		if r.ParseError {
			continue
		}
		parsed++
		truth, ok := gold[r.Case]
		require.True(t, ok, r.Case)
		for column, value := range ofCase(t, r, truth) {
			sum[column] += value
		}
	}
	all := len(replies)
	per := func(column string, n int) string { return fmt.Sprintf("%.4f", sum[column]/float64(n)) }
	return map[string]string{
		"cases":                      strconv.Itoa(all),
		"parse_errors":               strconv.Itoa(all - parsed),
		"pub_exact_f1":               per("exact f1", parsed),
		"pub_category_f1":            per("category f1", parsed),
		"pub_main_accuracy":          per("main right", parsed),
		"main_tier_scored":           per("main tier", parsed),
		"main_tier_all50":            per("main tier", all),
		"main_tier_acceptable_all50": per("main tier, acceptable", all),
		"goldmax_tier_scored":        per("gold tier", parsed),
		"goldmax_tier_all50":         per("gold tier", all),
		"prompt_tokens":              strconv.Itoa(prompt),
		"completion_tokens":          strconv.Itoa(completion),
	}
}

// ofCase gives the figures of one parsed reply.
func ofCase(t *testing.T, r reply, truth []diagnosis) map[string]float64 {
	t.Helper()
	said := normalised(r.Codes)
	figures := map[string]float64{}

	_, _, figures["exact f1"] = SetHits(serving(said, truth), mainCodes(truth)).PRF()
	var categories []string
	for _, d := range truth {
		categories = append(categories, mapped(d.options(), Category)...)
	}
	_, _, figures["category f1"] = SetHits(mapped(said, Category), categories).PRF()

	at := slices.IndexFunc(truth, func(d diagnosis) bool { return d.Type == "Hauptdiagnose" })
	require.GreaterOrEqual(t, at, 0)
	if r.Main != nil {
		main := normalised([]string{*r.Main})
		if slices.Contains(truth[at].options(), main[0]) {
			figures["main right"] = 1
		}
		figures["main tier"] = BestTier(main, mainCodes(truth[at:at+1]))
		figures["main tier, acceptable"] = BestTier(main, truth[at].options())
	}
	for _, code := range mainCodes(truth) {
		figures["gold tier"] += BestTier(said, []string{code}) / float64(len(truth))
	}
	return figures
}

// serving rewrites each prediction that finds a diagnosis to the code of that
// diagnosis, each diagnosis at most once, so that plain sets can be compared.
func serving(said []string, truth []diagnosis) []string {
	said = set(said)
	out := slices.Clone(said)
	taken := make([]bool, len(said))
	for _, d := range truth {
		for i, one := range said {
			if !taken[i] && slices.Contains(d.options(), one) {
				taken[i], out[i] = true, d.options()[0]
				break
			}
		}
	}
	for i := range out {
		if !taken[i] && slices.Contains(mainCodes(truth), out[i]) {
			out[i] = "again: " + out[i]
		}
	}
	return out
}

func mainCodes(truth []diagnosis) []string {
	var codes []string
	for _, d := range truth {
		codes = append(codes, d.options()[0])
	}
	return codes
}

func requireSharedData(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../../../../shared/data"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the shared data folder is absent: nothing to compare with")
	}
}

func readGold(t *testing.T) map[string][]diagnosis {
	t.Helper()
	f, err := os.Open(filepath.Join(germedbench, "icd10_coding.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	gold := map[string][]diagnosis{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one struct {
			ID    string      `json:"id"`
			Truth []diagnosis `json:"diagnosen"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &one))
		gold[one.ID] = one.Truth
	}
	require.NoError(t, lines.Err())
	require.Len(t, gold, 50)
	return gold
}

func readReplies(t *testing.T, model string) []reply {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(germedbench, "results", strings.ReplaceAll(model, "/", "__")+".json"))
	require.NoError(t, err)
	var file struct {
		Predictions []reply `json:"predictions"`
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	require.Len(t, file.Predictions, 50)
	return file.Predictions
}

func readExpected(t *testing.T) []map[string]string {
	t.Helper()
	return readTable(t, filepath.Join(germedbench, "expected_icd10.tsv"))
}

// readTable gives the rows of a tab-separated file by column name.
func readTable(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	table, err := r.ReadAll()
	require.NoError(t, err)
	var rows []map[string]string
	for _, line := range table[1:] {
		row := map[string]string{}
		for i, name := range table[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}
