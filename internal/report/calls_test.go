package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func readCalls(t *testing.T, raw []byte) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, CallColumns(), all[0])
	var rows []map[string]string
	for _, fields := range all[1:] {
		row := map[string]string{}
		for i, f := range fields {
			row[all[0][i]] = f
		}
		rows = append(rows, row)
	}
	return rows
}

func one(row CallRow) func(func(CallRow, error) bool) {
	return func(yield func(CallRow, error) bool) { yield(row, nil) }
}

func TestCallsCSVStreamsAndHoldsNoText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, CallsCSV(&out, sampleCalls(10000)))
	rows := readCalls(t, out.Bytes())
	require.Len(t, rows, 10000)
	require.NotContains(t, out.String(), "Patienten")
	require.Equal(t, "R074", rows[0]["codes"])
	require.Equal(t, "R074 I209", rows[0]["gold_codes"])
	require.Equal(t, "0.212", rows[0]["ttft_s"])
	require.Equal(t, "0.004500000", rows[0]["inter_token_mean_s"])
	require.Equal(t, "timeout", rows[4]["outcome"])
	for _, empty := range []string{
		"ttft_s", "output_tokens", "weighted_score", "exact_at_1", "codes", "energy_j", "server_load_s",
	} {
		require.Empty(t, rows[4][empty], empty)
	}
}

func TestCallsCSVIsInert(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\u00a0=1", "\x00=1"} {
		row := CallRow{
			At: bench.Coordinates{Model: evil, Host: evil}, Call: bench.Call{JournalID: evil, Reason: evil},
			Score: &bench.CallScore{Codes: []string{evil, "I10"}, Gold: []string{evil}},
		}
		var out bytes.Buffer
		require.NoError(t, CallsCSV(&out, one(row)))
		got := readCalls(t, out.Bytes())[0]
		for _, column := range []string{"model", "host", "journal", "reason", "codes", "gold_codes"} {
			require.NotContains(t, "=+-@＝ \t\r", string([]rune(got[column])[0]), "%q in %s", evil, column)
		}
		require.Equal(t, "(unreadable) I10", got["codes"])
	}
}

func TestCodesNeverCarryText(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"I10", "R074", "R07.4", "D16.-", "U07.1A", "F32.1", "A17.0+", "G01.9*"} {
		require.Equal(t, code, codesField([]string{code}))
	}
	for _, text := range []string{
		"", "I", "bröstsmärta", "I10 och smärta", "i10", "Anna", "19900101-1234", "I1000000000", "I10\n",
	} {
		require.Equal(t, "(unreadable)", codesField([]string{text}))
	}
}

func TestCallsCSVErrors(t *testing.T) {
	t.Parallel()
	cut := errors.New("connection lost")
	err := CallsCSV(io.Discard, func(yield func(CallRow, error) bool) {
		for row := range sampleCalls(3) {
			if !yield(row, nil) {
				return
			}
		}
		yield(CallRow{}, cut)
	})
	require.ErrorIs(t, err, cut)
	require.ErrorContains(t, err, "after row 3")
	require.ErrorIs(t, CallsCSV(full{}, sampleCalls(5000)), errFull)
}

var errFull = errors.New("no space")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{"", "=1", "plain", "\x00-", "\xff", "  @x", "åäö", "\u202e=", "\u00a0+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := safe(text)
		require.NotContains(t, got, "\n")
		if got != "" {
			require.False(t, strings.ContainsRune("=+-@＝＋－＠ \t\r", []rune(got)[0]), "%q became %q", text, got)
		}
	})
}
