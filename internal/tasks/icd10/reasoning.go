package icd10

import (
	"regexp"
	"strings"
)

var (
	// thinkTag finds the marks that models put around their reasoning:
	// <think>, <thinking>, <reasoning>, [THINK], ◁think▷, <|channel>thought.
	thinkTag = regexp.MustCompile(`(?i)(<|\[|◁)(/?)(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)(?:\s[^<>\[\]]{0,80})?(?:>|\]|▷)|(<\|channel>)|(<channel\|>)`)

	// reasoningHeading opens, answerHeading closes a block of reasoning that is
	// headed in words, with or without Markdown around the heading.
	reasoningHeading = regexp.MustCompile(`(?i)^[\s>]*(?:#{1,6}\s*|[*_]{1,3}\s*)?(?:reasoning|rationale|thinking|thoughts?|thought process|chain of thought|analysis|explanation|resonemang|tankegång|analys|motivering|förklaring)\s*[*_]{0,3}\s*(?::|$)`)
	answerHeading    = regexp.MustCompile(`(?i)^[\s>]*(?:#{1,6}\s*|[*_]{1,3}\s*)?(?:the\s+)?(?:final\s+answer|final\s+codes?|final|answer|icd-10(?:-se)?[\s-]+codes?|icd-10(?:-se)?[\s-]+koder|codes?|diagnos[ie]s|slutsvar|slutligt svar|svar|koder?|diagnoser)\s*[*_]{0,3}\s*(?::|$)`)

	// inlineAnswer ends a block of reasoning inside a line.
	inlineAnswer = regexp.MustCompile(`(?i)(?:^|[\s*_])(?:answer|slutsvar|svar)\s*[*_]{0,3}\s*:`)

	// reasoningKey opens a string of reasoning inside JSON.
	reasoningKey = regexp.MustCompile(`(?i)"(?:reasoning|reasoning_content|rationale|thinking|thoughts?|chain_of_thought|analysis|explanation|justification|resonemang|motivering|förklaring|begründung)"\s*:\s*"`)
)

// answerOf leaves what a model said as its answer, without its reasoning.
func answerOf(text string) string {
	text = finalChannel(text)
	text = dropTagged(text)
	text = dropKeyed(text)
	return dropHeaded(text)
}

// finalChannel keeps the final channel of an answer in the Harmony format;
// every other channel (analysis, commentary) is reasoning. An answer without
// channels is kept whole. Where a server stripped the special tokens the
// channel names stay glued to the text ("analysis…assistantfinal…").
func finalChannel(text string) string {
	const mark = "<|channel|>"
	if !strings.Contains(text, mark) {
		if _, after, ok := cutLast(text, "assistantfinal"); ok && strings.HasPrefix(strings.TrimSpace(text), "analysis") {
			return after
		}
		return text
	}
	var answer strings.Builder
	for _, part := range strings.Split(text, mark)[1:] {
		name, body, ok := strings.Cut(part, "<|message|>")
		if !ok {
			name, body = part, strings.TrimPrefix(strings.TrimSpace(part), "final")
		}
		if !strings.HasPrefix(strings.TrimSpace(name), "final") {
			continue
		}
		for _, end := range []string{"<|end|>", "<|return|>", "<|start|>", "<|call|>"} {
			body, _, _ = strings.Cut(body, end)
		}
		answer.WriteString(body)
		answer.WriteByte('\n')
	}
	return answer.String()
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// dropTagged removes reasoning between tags. A section that is never closed
// runs to the end. A closing tag without an opening one says that all before
// it was reasoning: some prompt templates open the section themselves.
func dropTagged(text string) string {
	tags := thinkTag.FindAllStringSubmatchIndex(text, -1)
	if tags == nil {
		return text
	}
	var kept strings.Builder
	inside, from := false, 0
	for _, m := range tags {
		closing := m[4] != m[5] || m[8] >= 0 // a slash, or the closing channel mark
		switch {
		case closing && inside:
			inside = false
		case closing:
			kept.Reset()
		case inside:
			continue
		default:
			kept.WriteString(text[from:m[0]])
			kept.WriteByte('\n')
			inside = true
		}
		from = m[1]
	}
	if !inside {
		kept.WriteString(text[from:])
	}
	return kept.String()
}

// dropKeyed removes the strings under JSON keys that name reasoning, also
// where the JSON is cut off.
func dropKeyed(text string) string {
	var kept strings.Builder
	for {
		m := reasoningKey.FindStringIndex(text)
		if m == nil {
			kept.WriteString(text)
			return kept.String()
		}
		kept.WriteString(text[:m[0]])
		kept.WriteByte(' ')
		text = text[m[1]:]
		text = text[stringEnd(text):]
	}
}

// stringEnd gives the offset after the closing quote of a JSON string whose
// opening quote stands just before text, or the length of text.
func stringEnd(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// dropHeaded removes blocks under a heading such as "Reasoning:". A block ends
// at a heading such as "Answer:", also inside a line, or at a line that holds
// nothing but codes.
func dropHeaded(text string) string {
	var kept strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		switch {
		case reasoningHeading.MatchString(line):
			inside = true
		case inside && (answerHeading.MatchString(line) || onlyCodes(line)):
			inside = false
		}
		if answer := inlineAnswer.FindStringIndex(line); inside && answer != nil {
			inside, line = false, line[answer[1]:]
		}
		if !inside {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// onlyCodes reports whether a line holds codes and, beside them, at most list
// numbers, blanks and punctuation.
func onlyCodes(line string) bool {
	found := scan(line)
	if len(found) == 0 {
		return false
	}
	from := 0
	for _, f := range found {
		if strings.ContainsFunc(line[from:f.start], isASCIILetter) {
			return false
		}
		from = f.end
	}
	return !strings.ContainsFunc(line[from:], isASCIILetter)
}

func isASCIILetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }
