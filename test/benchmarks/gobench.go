package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// goBenchmarks runs the benchmarks that lie beside the code, one after the
// other, and makes a row of each: its time per operation, with what else it
// reported in the note.
func goBenchmarks(ctx context.Context) ([]Row, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", "300ms", "-p", "1", "./...")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run the benchmarks beside the code: %w\n%s%s", err, out.String(), errOut.String())
	}
	rows, err := goRows(out.Bytes())
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("run the benchmarks beside the code: there are none, go test printed %d bytes", out.Len())
	}
	return rows, err
}

// goRows reads what go test -bench prints.
func goRows(out []byte) ([]Row, error) {
	var rows []Row
	reader := benchfmt.NewReader(bytes.NewReader(out), "go test")
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue // a line that is no result, such as PASS
		}
		seconds, ok := result.Value("sec/op")
		if !ok {
			continue
		}
		var more []string
		for _, v := range result.Values {
			if v.Unit != "sec/op" {
				more = append(more, fmt.Sprintf("%.4g %s", v.Value, v.Unit))
			}
		}
		name := path.Base(result.GetConfig("pkg")) + "." + strings.SplitN(string(result.Name.Full()), "-", 2)[0]
		rows = append(rows, Row{Name: name, Value: seconds * 1e6, Unit: "µs/op", OK: true, Note: strings.Join(more, ", ")})
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("read go test's benchmarks: %w", err)
	}
	return rows, nil
}
