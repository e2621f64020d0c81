package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/telemetry"
)

// App is a connected wattsweep: a database and a Temporal server that answer.
type App struct {
	Settings config.Settings
	Log      *slog.Logger
	Store    *store.Store
	Temporal client.Client
	// Namespace and UIURL are Temporal's; UIURL is empty when unknown.
	Namespace, UIURL string
	// DSN is the database's address; it holds the password and is not for
	// printing.
	DSN string
	// stack is the embedded servers, nil when all are external.
	stack *localstack.Stack

	// Meters are the host's, kept open while the app is.
	Meters *MeterPool

	mu       sync.Mutex
	runtimes map[string]runtimes.Runtime // by the name in specs
}

// Options say how to connect.
type Options struct {
	Settings config.Settings
	Log      *slog.Logger
	// Stack is servers that the caller started; nil attaches to those that
	// `wattsweep up` left running, as far as settings name no others.
	Stack *localstack.Stack
	// Temporal says whether a Temporal server is needed, too.
	Temporal TemporalUse
}

// TemporalUse says what a command wants of Temporal. What was measured is in the
// database, so it can be shown while Temporal is away.
type TemporalUse int

// The uses of Temporal.
const (
	// TemporalNeeded fails without a Temporal server.
	TemporalNeeded TemporalUse = iota
	// TemporalOptional connects where one answers; App.Temporal is nil else.
	TemporalOptional
	// TemporalUnused leaves App.Temporal nil.
	TemporalUnused
)

// dialLimit is how long an optional Temporal may take to answer.
const dialLimit = 3 * time.Second

// Connect reaches the database and Temporal, and applies what is missing of
// migrations and search attributes.
func Connect(ctx context.Context, opts Options) (*App, error) {
	a := &App{
		Settings: opts.Settings, Log: opts.Log, stack: opts.Stack,
		Meters: NewMeterPool(MeterPoolOptions{Settings: opts.Settings.Meters, LookupEnv: config.LookupEnv}),
	}
	temporal, err := temporalOptions(opts.Settings.Temporal)
	if err != nil {
		return nil, err
	}
	a.DSN = opts.Settings.Database.DSN
	if err := a.attach(ctx, temporal.HostPort, opts.Temporal); err != nil {
		return nil, err
	}
	if a.stack != nil {
		if a.DSN == "" {
			a.DSN = a.stack.PostgresDSN
		}
		if temporal.HostPort == "" {
			temporal.HostPort, temporal.Namespace = a.stack.TemporalAddress, a.stack.TemporalNamespace
			a.UIURL = a.stack.TemporalUIURL
		}
	}
	if a.Store, err = store.Open(ctx, store.Options{DSN: a.DSN}); err != nil {
		return nil, err
	}
	if _, err := a.Store.Migrate(ctx); err != nil {
		a.Close()
		return nil, err
	}
	if err := a.dial(ctx, temporal, opts.Temporal); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// attach finds the embedded servers where settings name no others.
func (a *App) attach(ctx context.Context, temporal string, use TemporalUse) error {
	if a.stack != nil || (a.DSN != "" && (temporal != "" || use == TemporalUnused)) {
		return nil
	}
	opts, err := StackOptions(a.Settings)
	if err != nil {
		return err
	}
	a.stack, err = localstack.Attach(ctx, opts)
	if err != nil && a.DSN != "" && use == TemporalOptional {
		a.Log.Info("Temporal is not at hand", "error", err.Error())
		return nil
	}
	return err
}

// dial connects to Temporal, as far as it is wanted.
func (a *App) dial(ctx context.Context, opts client.Options, use TemporalUse) error {
	if use == TemporalUnused || (use == TemporalOptional && opts.HostPort == "") {
		return nil
	}
	opts.Logger = telemetry.ForTemporal(a.Log)
	dialing := ctx
	if use == TemporalOptional {
		limited, cancel := context.WithTimeout(ctx, dialLimit)
		defer cancel()
		dialing = limited
	}
	var err error
	if a.Temporal, err = client.DialContext(dialing, opts); err != nil {
		a.Temporal = nil // not an interface that holds a nil client
		if use == TemporalOptional {
			a.Log.Info("Temporal does not answer", "address", opts.HostPort, "error", err.Error())
			return nil
		}
		return fault.New(fault.Unavailable, fault.CodeUnreachable, "start it, or set temporal.address; wattsweep up starts one of its own",
			"connect to Temporal at %s: %w", opts.HostPort, err)
	}
	a.Namespace = opts.Namespace
	if use == TemporalOptional {
		return nil // who only reads registers nothing
	}
	return a.ensureSearchAttributes(ctx)
}

// Close ends the connections and releases the meters; servers stay as they are.
func (a *App) Close() {
	if err := a.Meters.Close(); err != nil {
		a.Log.Warn("meters do not close", "error", err.Error())
	}
	if a.Temporal != nil {
		a.Temporal.Close()
	}
	if a.Store != nil {
		a.Store.Close()
	}
}

// temporalOptions merges our settings with Temporal's own environment profile.
// An empty HostPort means that no server is named anywhere.
func temporalOptions(s config.TemporalSettings) (client.Options, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFileProfile: s.Profile, ConfigFileStrict: true,
	})
	if err != nil {
		return client.Options{}, fault.New(fault.Invalid, "", "mend the file or the TEMPORAL_ variables, or choose another temporal.profile",
			"read Temporal's environment profile: %w", err)
	}
	opts, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, fault.New(fault.Invalid, "", "mend the file or the TEMPORAL_ variables",
			"use Temporal's environment profile: %w", err)
	}
	opts.HostPort = profile.Address
	if s.Address != "" {
		opts.HostPort = s.Address
	}
	if s.Namespace != "" {
		opts.Namespace = s.Namespace
	}
	if opts.Namespace == "" {
		opts.Namespace = client.DefaultNamespace
	}
	return opts, nil
}

// StackOptions turns settings into what localstack starts: all that settings
// do not name elsewhere.
func StackOptions(s config.Settings) (localstack.Options, error) {
	temporal, err := temporalOptions(s.Temporal)
	if err != nil {
		return localstack.Options{}, err
	}
	o := localstack.Options{State: s.State, CacheDir: filepath.Join(s.Cache, "bin")}
	o.Temporal.Address = temporal.HostPort
	for _, attr := range contract.SearchAttributes() {
		o.Temporal.SearchAttributes = append(o.Temporal.SearchAttributes, localstack.SearchAttribute{Name: attr.Name, Type: attr.Type})
	}
	o.Postgres.DSN = s.Database.DSN
	o.Postgres.Ping = func(ctx context.Context, dsn string) error {
		st, err := store.Open(ctx, store.Options{DSN: dsn, MaxConns: 1})
		if err != nil {
			return err
		}
		defer st.Close()
		return st.Ping(ctx)
	}
	for _, r := range s.Runtimes {
		if r.Kind == "ollama" {
			o.Ollama.URL = r.URL
		}
	}
	return o, nil
}

// ensureSearchAttributes registers what a namespace lacks. A user without the
// right to do so is told by the first workflow that needs one.
func (a *App) ensureSearchAttributes(ctx context.Context) error {
	types := map[string]enums.IndexedValueType{
		"Keyword": enums.INDEXED_VALUE_TYPE_KEYWORD, "Double": enums.INDEXED_VALUE_TYPE_DOUBLE, "Int": enums.INDEXED_VALUE_TYPE_INT,
	}
	have, err := a.Temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: a.Namespace})
	if _, denied := errors.AsType[*serviceerror.PermissionDenied](err); denied {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list search attributes of namespace %s: %w", a.Namespace, err)
	}
	missing := map[string]enums.IndexedValueType{}
	var names []string
	for _, attr := range contract.SearchAttributes() {
		if _, ok := have.GetCustomAttributes()[attr.Name]; !ok {
			missing[attr.Name] = types[attr.Type]
			names = append(names, attr.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sort.Strings(names)
	_, err = a.Temporal.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: a.Namespace, SearchAttributes: missing,
	})
	if _, exists := errors.AsType[*serviceerror.AlreadyExists](err); err != nil && !exists {
		return fault.New(fault.Unavailable, "", "let an operator create them once: temporal operator search-attribute create",
			"register search attributes %v in namespace %s: %w", names, a.Namespace, err)
	}
	return nil
}
