package config

import (
	"bytes"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// WithHosts gives a copy of the spec with hosts added at the end, read and
// checked anew as if the user had written it so; its source has them, too.
// Hosts that the spec has already are left. To measure only what is new, plan
// the copy into the sweep that exists: see PlanInto.
func (s *Spec) WithHosts(names ...string) (*Spec, error) {
	found := newFindings(s.name)
	if len(names) == 0 {
		found.addAt(0, "hosts", "name a host", "are none to add, expected at least one")
	}
	had := namesOf(s.Hosts, HostSpec.name)
	var fresh []string
	for _, name := range names {
		switch {
		case !hostPattern.MatchString(name):
			found.addAt(0, "host "+shown(name), "write it that way", "is no name of a host, expected %s", hostRule)
		case !slices.Contains(had, name) && !slices.Contains(fresh, name):
			fresh = append(fresh, name)
		}
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	source, err := withHosts(s.source, fresh)
	if err != nil {
		return nil, err
	}
	grown, err := ParseSpec(s.name, source, s.opts)
	if err != nil {
		return nil, err
	}
	for _, name := range fresh {
		if !grown.runsOn(name) {
			found.addAt(0, "host "+shown(name), "add it to the hosts of a model", "gives no cell: every model is restricted to other hosts")
		}
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return grown, nil
}

// runsOn tells whether any model may run on the host.
func (s *Spec) runsOn(host string) bool {
	for p := range s.matrix() {
		if p.host.Name == host {
			return true
		}
	}
	return false
}

// withHosts writes the names into the list of hosts of a spec that was read
// already, and keeps comments and the order of keys.
func withHosts(source string, names []string) ([]byte, error) {
	found := newFindings("spec")
	root := parseYAML([]byte(source), found)
	if err := found.err(); err != nil {
		return nil, err
	}
	list := valueOf(root, "hosts")
	if len(names) == 0 || list == nil {
		return []byte(source), nil
	}
	if list.Kind == yaml.AliasNode {
		// What the alias stands for is written elsewhere, too, and stays there.
		*list = yaml.Node{Kind: yaml.SequenceNode, Content: slices.Clone(list.Alias.Content)}
	}
	for _, name := range names {
		// In quotes, since a name may look like a number or a date.
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: name})
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, fault.New(fault.Internal, "", "write the hosts into the spec by hand", "write spec with more hosts: %w", err)
	}
	return out.Bytes(), nil
}

// valueOf gives the value of a key of a mapping, or nil.
func valueOf(root *yaml.Node, key string) *yaml.Node {
	if root == nil || root.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			return root.Content[i+1]
		}
	}
	return nil
}
