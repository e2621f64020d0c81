package icd10

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestReadCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		want         []string
	}{
		{"empty", "", nil},
		{"refusal", "I cannot give a diagnosis.", nil},
		{"one per line", "I21.4\nI10.9\nE11.9", []string{"I21.4", "I10.9", "E11.9"}},
		{"dotless", "I214, S4220 and K379 Appendicit", []string{"I21.4", "S42.20", "K37.9"}},
		{"any case", "i21.4\ni10\nR56.8x", []string{"I21.4", "I10", "R56.8X"}},
		{"bullets and bold", "- **I21.4** Akut\n* `I10`\n1. _E11.9_ diabetes\n2) i48", []string{"I21.4", "I10", "E11.9", "I48"}},
		{"blank inside", "I 48.9 Förmaksflimmer", []string{"I48.9"}},
		{"blanks round the dot", "I 48 . 9 and I48 .1", []string{"I48.9", "I48.1"}},
		{"numbered list on one line", "1. I10. 2. E11.9", []string{"I10", "E11.9"}},
		{"end of sentence", "The code is I10. It fits.", []string{"I10"}},
		{"category dash", "D16.- and I25.1-", []string{"D16", "I25.1"}},
		{"placeholder", "I21.x, J45.XX, I10X", []string{"I21", "J45", "I10"}},
		{"dagger and asterisk", "E10.3† H36.0* A17.0+ G01*", []string{"E10.3", "H36.0", "A17.0", "G01"}},
		{"list in a field", "C62.91, C62.92", []string{"C62.91", "C62.92"}},
		{"american", "S72.001A T38.0X5A C4A.0 I21.A1 M1A.00X0", []string{"S72.001A", "T38.0X5A", "C4A.0", "I21.A1", "M1A.00X0"}},
		{"lettered category needs a dot", "C4A C7B Z3A", nil},
		{"glued text", "I21.4och I10.Hypertoni", []string{"I21.4", "I10"}},
		{"duplicates", "I10 i10 I10.- I21.4 I214", []string{"I10", "I21.4"}},
		{"cap", "A01 A02 A03 A04 A05 A06", []string{"A01", "A02", "A03", "A04", "A05"}},
		{"json", `{"codes":["I21.4","i10"],"n":2}`, []string{"I21.4", "I10"}},
		{"json objects", `[{"code": "J18.9", "typ": "Hauptdiagnose"}, {"code":"E1190"}]`, []string{"J18.9", "E11.90"}},
		{"fenced json", "```json\n{\"codes\": [\"I21.4\"]}\n```", []string{"I21.4"}},
		{"escaped newlines", `{"answer":"I21.4\nI10.9\n\tE11"}`, []string{"I21.4", "I10.9", "E11"}},
		{"cut json", `{"codes":["I21.4","R61.`, []string{"I21.4"}},
		{"cut json in a code", `{"codes":["I21.4","R61`, []string{"I21.4"}},
		{"range", "A00-A09, I21.0–I21.4, S72.0-9, I10", []string{"I10"}},
		{"spaced range of categories", "A00 – A09", nil},
		{"spaced dash between codes", "I21.0 - I10.9 - Hypertoni", []string{"I21.0", "I10.9"}},
		{"code and title", "I10-Hypertoni\nI21.4 - Infarkt", []string{"I10", "I21.4"}},
		{"comma is no dot", "I48,9", []string{"I48"}},
		{"echo of the prompt", "(for example A00.0)\n(till exempel A00.0)\nI10", []string{"I10"}},
		{"too long", "I21.12345 A1234567 I10.123456", nil},
		{"unknown code is read", "X99.8", []string{"X99.8"}},
		{"fullwidth and accents", "éI10 åI10.9 I10é", nil},
		{"no-break space", "I\u00a048.9", []string{"I48.9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, ReadCodes(c.answer, 0))
		})
	}
}

func TestReadCodesIsNotFooled(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"B12", "vitamin B12", "B12-brist", "Low B12.", "vit. D10", "Vitamin (D10)",
		"T4 and T3 normal", "C3 and C4 low", "disc L4-L5", "C5/C6", "ST elevation V4-V6", "S1",
		"HLA-B27 positive", "fracture of vertebra T12", "kota T12", "kotorna T10-T12", "Th12",
		"coenzyme Q10", "koenzym-Q10", "E. coli O157", "CYP2D6", "cytochrome P450", "a p53 mutation", "the p16 marker",
		"CD20", "CA125", "CO2", "COVID-19", "SpO2 96 %", "PM10", "ICD-10", "ICD10", "GLP1",
		"T 38.9", "temp T38.9 °C", "i 48 timmar", "i 38.9 grader", "ward K12", "avd. K12", "a1b2c3d4", "an x86 host", "H200X999Z",
	} {
		require.Empty(t, ReadCodes(text, 0), text)
	}
}

func TestReasoningIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		want         []string
	}{
		{"think", "<think>I20.0 or I21.4?</think>I21.4", []string{"I21.4"}},
		{"thinking, capitals, lines", "<THINKING>\nI20.0\n</Thinking>\nI21.4", []string{"I21.4"}},
		{"unclosed", "<think>I20.0 or I21.4", nil},
		{"answer before unclosed", "I21.4\n<think>I20.0", []string{"I21.4"}},
		{"opened by the template", "I20.0 perhaps</think>\nI21.4", []string{"I21.4"}},
		{"tag named inside", "<think>use <think> tags I20.0</think>I21.4", []string{"I21.4"}},
		{"nested", "<think>a <think>I20.0</think> I22</think>I21.4", []string{"I21.4"}},
		{"twice", "<think>I20.0</think>I21.4<think>I22</think>I10", []string{"I21.4", "I10"}},
		{"square and triangle", "[THINK]I20.0[/THINK]I21.4\n◁think▷I22◁/think▷I10", []string{"I21.4", "I10"}},
		{"gemma", "<|channel>thought\nI20.0<channel|>I21.4", []string{"I21.4"}},
		{"harmony", "<|channel|>analysis<|message|>I20.0<|end|><|start|>assistant<|channel|>final<|message|>I21.4<|return|>", []string{"I21.4"}},
		{"harmony, analysis only", "<|channel|>analysis<|message|>I20.0", nil},
		{"harmony, bare", "<|channel|>analysis I20.0<|end|><|channel|>final I21.4", []string{"I21.4"}},
		{"harmony, commentary", "<|channel|>commentary to=x<|message|>I20.0<|call|>", nil},
		{"harmony, tokens stripped", "analysisWe need I20.0assistantfinalI21.4", []string{"I21.4"}},
		{"heading", "Reasoning: I20.0 is out.\nNot I22 either.\n\nAnswer: I21.4", []string{"I21.4"}},
		{"heading and answer on one line", "Reasoning: not I20.0. **Answer:** I21.4\nI10", []string{"I21.4", "I10"}},
		{"heading without answer heading", "**Reasoning:** I20.0 is out.\n\nI21.4\nI10", []string{"I21.4", "I10"}},
		{"heading after the answer", "I21.4\n\n### Motivering\nI20.0 passar inte.", []string{"I21.4"}},
		{"heading never ends", "Resonemang: kanske I20.0 eller I22", nil},
		{"json key", `{"reasoning":"I20.0, \"I22\"?","codes":["I21.4"]}`, []string{"I21.4"}},
		{"json key cut", `{"codes":["I21.4"],"rationale":"not I20.0 since`, []string{"I21.4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, ReadCodes(c.answer, 0))
		})
	}
}

// code draws a code in the compared form.
func code(t *rapid.T) string {
	return rapid.StringMatching(`[A-Z][0-9]{2}(\.[0-9]{1,2}[A-Z]?)?`).
		Filter(func(c string) bool { return c != "B12" }).Draw(t, "code")
}

func TestReadCodesReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfNDistinct(rapid.Custom(code), 1, 5, rapid.ID).Draw(t, "codes")
		for i, c := range want {
			n, ok := Normalise(c)
			require.True(t, ok)
			want[i] = n
		}
		want = slices.Compact(want)
		sep := rapid.SampledFrom([]string{"\n", ", ", "; ", "\n- ", " / ", " and ", " och ", `", "`}).Draw(t, "separator")
		require.Equal(t, set(want), ReadCodes(strings.Join(want, sep)+"\n", 0))
		lower := strings.ToLower(strings.Join(want, "\n"))
		require.Equal(t, set(want), ReadCodes(lower, 0))
	})
}

func FuzzReadCodes(f *testing.F) {
	for _, seed := range []string{
		"I21.4", `{"codes":["I21.4","R61.`, "<think>I20.0</think>I10", "<|channel|>final<|message|>I10", "I 48 . 9",
		"A00-A09", "\xff\xfeI10", "Reasoning:\nI10", `"reasoning":"\`, "\u00a0I\u202f48.9†", "analysis assistantfinal",
	} {
		f.Add(seed, 5)
	}
	f.Fuzz(func(t *testing.T, answer string, limit int) {
		codes := ReadCodes(answer, limit)
		if limit < 1 {
			limit = MaxCodes
		}
		require.LessOrEqual(t, len(codes), limit)
		require.Len(t, set(codes), len(codes), "each once")
		for _, c := range codes {
			n, ok := Normalise(c)
			require.True(t, ok, c)
			require.Equal(t, n, c)
		}
	})
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"I21.4", "i 48.9", "D16.-", "E10.3†", "I10.X", "", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, ok := Normalise(text)
		if !ok {
			require.Empty(t, code)
			return
		}
		again, ok := Normalise(code)
		require.True(t, ok)
		require.Equal(t, code, again)
	})
}
