package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// openJSONL reads a folder with a manifest, or one file without.
func openJSONL(ctx context.Context, fsys fs.FS, name string, opts Options, found *problems) Dataset {
	if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
		sub, err := fs.Sub(fsys, name)
		if err != nil {
			found.add(Problem{Kind: KindFile, File: path.Base(name), Message: pathReason(err), Mend: "check the path"})
			return Dataset{}
		}
		return openManifest(ctx, sub, opts, found)
	}
	if opts.CodeSystem == "" {
		found.add(Problem{
			Kind: KindField, File: path.Base(name), Field: "code_system",
			Message: "not stated: a lone .jsonl file has no manifest", Mend: "name the code system, for example ICD-10-SE",
		})
	}
	raw, problem := readLimited(fsys, name, opts.Limits.FileBytes)
	if problem != nil {
		found.add(*problem)
		return Dataset{}
	}
	d := Dataset{Name: strings.TrimSuffix(path.Base(name), path.Ext(name)), Split: "all"}
	d.Journals = readJSONL(ctx, path.Base(name), raw, opts.Limits, found)
	d.Languages = languagesOf(d.Journals)
	return d
}

// openManifest reads the set a manifest describes and holds it to its word:
// number of rows and checksum.
func openManifest(ctx context.Context, fsys fs.FS, opts Options, found *problems) Dataset {
	m, ok := readManifest(fsys, opts.Limits, found)
	if !ok {
		return Dataset{}
	}
	raw, problem := readLimited(fsys, m.File, opts.Limits.FileBytes)
	if problem != nil {
		found.add(*problem)
		return Dataset{}
	}
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); got != m.SHA256 {
		found.add(Problem{
			Kind: KindFile, File: m.File, Field: "sha256",
			Message: fmt.Sprintf("the file has %s, the manifest says %s", got, m.SHA256),
			Mend:    "fetch the file again, or write the new checksum if the change is meant",
		})
	}
	d := Dataset{
		Name: m.Name, Version: m.Version, CodeSystem: m.CodeSystem, Licence: m.Licence,
		Author: m.Author, Split: m.Split, Languages: slices.Clone(m.Languages),
	}
	if d.Split == "" {
		d.Split = "all"
	}
	before := found.mark()
	d.Journals = readJSONL(ctx, m.File, raw, opts.Limits, found)
	if len(d.Journals) != m.Journals && found.clean(before) {
		found.add(Problem{
			Kind: KindFile, File: m.File, Field: "journals",
			Message: fmt.Sprintf("%d journals, the manifest says %d", len(d.Journals), m.Journals), Mend: "correct the count or the file",
		})
	}
	return d
}

// languagesOf are the tags that occur, sorted.
func languagesOf(journals []Journal) []string {
	seen := make(map[string]bool)
	for _, j := range journals {
		for lang := range j.Text {
			seen[lang] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
