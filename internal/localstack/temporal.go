package localstack

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// temporalKind is Temporal's development server with its SQLite file in the
// state folder.
type temporalKind struct {
	*site
	tool tool
}

func (k *temporalKind) name() Name { return Temporal }

func (k *temporalKind) external(context.Context) (string, bool) {
	return k.Options.Temporal.Address, k.Options.Temporal.Address != ""
}

func (k *temporalKind) ports(last record) []portWant {
	return []portWant{
		{use: "grpc", fixed: k.Options.Temporal.Port, last: last.Ports["grpc"]},
		{use: "ui", fixed: k.Options.Temporal.UIPort, last: last.Ports["ui"]},
		{use: "http", last: last.Ports["http"]},
		{use: "metrics", last: last.Ports["metrics"]},
	}
}

func (k *temporalKind) prepare(ctx context.Context, _ record) (launch, error) {
	p, err := k.tool.resolve(ctx, k.Options, k.Options.Temporal.Path)
	if err != nil {
		return launch{}, err
	}
	home := filepath.Join(k.folder, "temporal")
	polite, hard := signals(Temporal)
	return launch{
		name: Temporal, path: p.path, version: p.version, dir: home,
		env:    inherited("HOME="+home, "XDG_CONFIG_HOME="+home), // the user's own CLI profile must not bend the server
		polite: polite, hard: hard, data: filepath.Join(k.folder, "temporal.db"),
	}, nil
}

func (k *temporalKind) listenOn(l launch, ports map[string]int) launch {
	o := k.Options.Temporal
	l.ports = ports
	l.args = []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--ui-ip", "127.0.0.1",
		"--port", strconv.Itoa(ports["grpc"]), "--ui-port", strconv.Itoa(ports["ui"]),
		"--http-port", strconv.Itoa(ports["http"]), "--metrics-port", strconv.Itoa(ports["metrics"]),
		"--db-filename", l.data, "--namespace", o.Namespace,
		"--log-level", "warn", "--log-format", "json", "--color", "never",
	}
	for _, a := range o.SearchAttributes {
		l.args = append(l.args, "--search-attribute", a.Name+"="+a.Type)
	}
	for _, key := range slices.Sorted(maps.Keys(o.DynamicConfig)) {
		l.args = append(l.args, "--dynamic-config-value", key+"="+o.DynamicConfig[key])
	}
	for _, key := range slices.Sorted(maps.Keys(o.Pragmas)) {
		l.args = append(l.args, "--sqlite-pragma", key+"="+o.Pragmas[key])
	}
	return l
}

// probe asks the service for what it can do, the namespace for its being there,
// and the UI for a page.
func (k *temporalKind) probe(ctx context.Context, ports map[string]int) error {
	c, err := k.dial(ctx, ports)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err != nil {
		return fmt.Errorf("ask Temporal on port %d: %w", ports["grpc"], err)
	}
	if _, err := c.WorkflowService().DescribeNamespace(ctx, k.describe()); err != nil {
		return fmt.Errorf("ask Temporal for namespace %s: %w", k.Options.Temporal.Namespace, err)
	}
	return answers200(ctx, "http://"+loopback(ports["ui"])+"/")
}

func (k *temporalKind) dial(ctx context.Context, ports map[string]int) (client.Client, error) {
	c, err := client.DialContext(ctx, client.Options{
		HostPort:  loopback(ports["grpc"]),
		Namespace: k.Options.Temporal.Namespace,
		Logger:    log.NewStructuredLogger(slog.New(slog.DiscardHandler)), // a server that starts refuses at first
	})
	if err != nil {
		return nil, fmt.Errorf("dial Temporal on port %d: %w", ports["grpc"], err)
	}
	return c, nil
}

func (k *temporalKind) describe() *workflowservice.DescribeNamespaceRequest {
	return &workflowservice.DescribeNamespaceRequest{Namespace: k.Options.Temporal.Namespace}
}

// settle brings a server, new or adopted, to the retention and the search
// attributes that were asked for.
func (k *temporalKind) settle(ctx context.Context, ports map[string]int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c, err := k.dial(ctx, ports)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := k.retain(ctx, c); err != nil {
		return fault.New(fault.Unavailable, "", "look at the log of Temporal", "set the retention of namespace %s: %w",
			k.Options.Temporal.Namespace, err)
	}
	if err := k.register(ctx, c); err != nil {
		return fault.New(fault.Unavailable, "", "look at the log of Temporal", "register search attributes: %w", err)
	}
	return nil
}

func (k *temporalKind) retain(ctx context.Context, c client.Client) error {
	now, err := c.WorkflowService().DescribeNamespace(ctx, k.describe())
	if err != nil {
		return err
	}
	want := k.Options.Temporal.Retention
	if now.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == want {
		return nil
	}
	_, err = c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: k.Options.Temporal.Namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(want)},
	})
	return err
}

func (k *temporalKind) register(ctx context.Context, c client.Client) error {
	list, err := c.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: k.Options.Temporal.Namespace})
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, a := range k.Options.Temporal.SearchAttributes {
		want, err := enumspb.IndexedValueTypeFromString(a.Type)
		if err != nil {
			return err
		}
		have, ok := list.GetCustomAttributes()[a.Name]
		if ok && have != want {
			return fmt.Errorf("%s is a %s there, wanted %s", a.Name, have, want)
		}
		if !ok {
			missing[a.Name] = want
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: k.Options.Temporal.Namespace, SearchAttributes: missing,
	})
	return err
}

func (k *temporalKind) existing(ctx context.Context) Finding {
	return k.tool.finding(ctx, k.Options, k.Options.Temporal.Path)
}

// answers200 asks for a page on the loopback, past any proxy.
func answers200(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	transport := &http.Transport{Proxy: nil}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: it answered %s", url, resp.Status)
	}
	return nil
}
