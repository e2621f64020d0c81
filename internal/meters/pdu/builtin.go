package pdu

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed profiles/*.yaml
var files embed.FS

// builtin reads the profiles that come with the program, by name.
func builtin() ([]*profile, error) {
	entries, err := files.ReadDir("profiles")
	if err != nil {
		return nil, fmt.Errorf("list PDU profiles: %w", err)
	}
	var all []*profile
	for _, e := range entries {
		text, err := files.ReadFile("profiles/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read PDU profile: %w", err)
		}
		p, err := parseProfile("profiles/"+e.Name(), text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Profiles lists the names of the built-in profiles.
func Profiles() ([]string, error) {
	all, err := builtin()
	if err != nil {
		return nil, err
	}
	return profileNames(all), nil
}

func profileNames(all []*profile) []string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}

// candidates orders the profiles that may be for a device: those whose prefix
// fits its sysObjectID best, then the standard MIBs.
func candidates(all []*profile, objectID string) []*profile {
	type ranked struct {
		p    *profile
		rank int
	}
	var list []ranked
	for _, p := range all {
		best := -1
		for _, prefix := range p.Match.SysObjectID {
			if objectID == prefix || strings.HasPrefix(objectID, prefix+".") {
				best = max(best, 1000*len(prefix)+p.Match.Prefer)
			}
		}
		if best < 0 && p.Match.Fallback {
			best = p.Match.Prefer
		}
		if best >= 0 {
			list = append(list, ranked{p, best})
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return b.rank - a.rank })
	var out []*profile
	for _, r := range list {
		out = append(out, r.p)
	}
	return out
}
