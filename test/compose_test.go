package test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// composeFile is what we read of docker-compose.yml. No container engine runs
// where these tests do, so the file is parsed and compared with the code.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
}

type composeService struct {
	Image       string            `yaml:"image"`
	Profiles    []string          `yaml:"profiles"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Restart     string            `yaml:"restart"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck *struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
	Deploy struct {
		Resources struct {
			Reservations struct {
				Devices []struct {
					Driver       string   `yaml:"driver"`
					Capabilities []string `yaml:"capabilities"`
				} `yaml:"devices"`
			} `yaml:"reservations"`
		} `yaml:"resources"`
	} `yaml:"deploy"`
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	require.NoError(t, yaml.Unmarshal([]byte(readTree(t, "docker-compose.yml")), &file))
	require.NotEmpty(t, file.Services)
	return file
}

// readTree reads a file of the repository.
func readTree(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", path))
	require.NoError(t, err)
	return string(raw)
}

func TestComposeServicesWaitForWhatTheyNeed(t *testing.T) {
	t.Parallel()
	file := readCompose(t)
	for name, s := range file.Services {
		for on, how := range s.DependsOn {
			needed, ok := file.Services[on]
			require.True(t, ok, "%s depends on %s, which does not exist", name, on)
			switch how.Condition {
			case "service_healthy":
				require.NotNil(t, needed.Healthcheck, "%s waits for the health of %s, which has no healthcheck", name, on)
				require.NotEmpty(t, needed.Healthcheck.Test)
			case "service_completed_successfully":
				require.True(t, strings.HasPrefix(needed.Restart, "on-failure"), "%s ends, so it must not be started again for ever", on)
			default:
				t.Errorf("%s waits for %s by %q: say healthy or completed", name, on, how.Condition)
			}
			for _, p := range needed.Profiles {
				require.Contains(t, s.Profiles, p, "%s needs %s, which only profile %s starts", name, on, p)
			}
		}
	}
	require.Empty(t, circle(file), "services wait for each other")
	order := map[string]string{
		"temporal-schema": "postgres", "temporal": "temporal-schema", "temporal-namespace": "temporal",
		"temporal-ui": "temporal", "control": "temporal-namespace", "worker": "ollama", "worker-gpu": "ollama-gpu",
	}
	for name, on := range order {
		require.Contains(t, file.Services[name].DependsOn, on, "%s starts after %s", name, on)
	}
}

// circle gives the services that can never start.
func circle(file composeFile) []string {
	started := map[string]bool{}
	for range file.Services {
		for name, s := range file.Services {
			ready := true
			for on := range s.DependsOn {
				ready = ready && started[on]
			}
			started[name] = started[name] || ready
		}
	}
	var stuck []string
	for name := range file.Services {
		if !started[name] {
			stuck = append(stuck, name)
		}
	}
	return stuck
}

func TestComposeOpensNothingToOthers(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		for _, p := range s.Ports {
			require.True(t, strings.HasPrefix(p, "127.0.0.1:"), "%s binds %s; write 127.0.0.1: before it", name, p)
		}
	}
}

func TestComposeKeepsDataInNamedVolumes(t *testing.T) {
	t.Parallel()
	file := readCompose(t)
	used := map[string]bool{}
	for name, s := range file.Services {
		for _, v := range s.Volumes {
			source, rest, ok := strings.Cut(v, ":")
			require.True(t, ok, "%s has the anonymous volume %s, which is lost with the container", name, v)
			if strings.HasPrefix(source, "./") {
				_, err := os.Stat(filepath.Join("..", source))
				require.NoError(t, err, "%s mounts a file that is not there", name)
				require.True(t, strings.HasSuffix(rest, ":ro"), "%s could write to %s", name, source)
				continue
			}
			require.Contains(t, file.Volumes, source, "volume of %s", name)
			used[source] = true
		}
	}
	require.Len(t, used, len(file.Volumes), "a volume is declared that nothing uses")
}

// A tag that moves makes a figure that cannot be made again.
func TestComposeImagesHaveFixedTags(t *testing.T) {
	t.Parallel()
	images := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(readTree(t, "Dockerfile"), -1)
	require.Len(t, images, 2, "a stage that builds and one that runs")
	all := []string{images[0][1], images[1][1]}
	for name, s := range readCompose(t).Services {
		require.NotEmpty(t, s.Image, name)
		all = append(all, s.Image)
	}
	for _, image := range all {
		_, tag, tagged := strings.Cut(image, ":")
		require.True(t, tagged && tag != "latest" && tag != "stable", "image %s: name a version", image)
	}
}

func TestComposeTemporalServer(t *testing.T) {
	t.Parallel()
	s := readCompose(t).Services["temporal"]
	require.Equal(t, "postgres12_pgx", s.Environment["DB"], "the image's default is Cassandra")
	for _, key := range []string{"POSTGRES_SEEDS", "POSTGRES_USER", "POSTGRES_PWD", "DB_PORT", "NUM_HISTORY_SHARDS"} {
		require.NotEmpty(t, s.Environment[key], key)
	}
	inside := s.Environment["DYNAMIC_CONFIG_FILE_PATH"]
	require.NotEmpty(t, inside, "the server refuses to start without the file")
	mount := slices.IndexFunc(s.Volumes, func(v string) bool { return strings.Contains(v, ":"+inside+":") })
	require.GreaterOrEqual(t, mount, 0, "nothing is mounted at %s", inside)
	source, _, _ := strings.Cut(s.Volumes[mount], ":")
	var dynamic map[string][]struct {
		Value any `yaml:"value"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(readTree(t, source)), &dynamic))
	want := map[string]any{
		"limit.maxIDLength":                    255,
		"matching.numTaskqueueReadPartitions":  1,
		"matching.numTaskqueueWritePartitions": 1,
		"history.transferProcessorMaxPollRPS":  1000,
	}
	for key, value := range want {
		require.Len(t, dynamic[key], 1, key)
		require.Equal(t, value, dynamic[key][0].Value, key)
	}
	require.Len(t, dynamic, len(want))
}

func TestComposeSearchAttributesAreTheContracts(t *testing.T) {
	t.Parallel()
	var have []contract.SearchAttribute
	for _, m := range regexp.MustCompile(`(?m)^attribute (\w+) (\w+)$`).FindAllStringSubmatch(readTree(t, "deploy/temporal/namespace.sh"), -1) {
		have = append(have, contract.SearchAttribute{Name: m[1], Type: m[2]})
	}
	require.Equal(t, contract.SearchAttributes(), have, "deploy/temporal/namespace.sh must create what internal/contract lists")
}

// Our programs' variables must be ones that the settings know, with values
// that the settings take.
func TestComposeEnvironmentIsKnown(t *testing.T) {
	t.Parallel()
	file := readCompose(t)
	ours := 0
	for name, s := range file.Services {
		if !strings.HasPrefix(s.Image, "wattsweep:") {
			continue
		}
		ours++
		var environ []string
		for key, value := range s.Environment {
			environ = append(environ, key+"="+interpolated(value))
		}
		settings, warnings, err := config.Load(config.LoadOptions{Environ: environ, Dir: t.TempDir()})
		require.NoError(t, err, name)
		require.Empty(t, warnings, name)
		require.Contains(t, settings.Database.DSN, "@postgres:5432/wattsweep", name)
		require.Equal(t, "temporal:7233", s.Environment["TEMPORAL_ADDRESS"], name)
		require.Equal(t, file.Services["temporal-namespace"].Environment["TEMPORAL_NAMESPACE"], s.Environment["TEMPORAL_NAMESPACE"], name)
		for _, r := range settings.Runtimes {
			host := strings.TrimSuffix(strings.TrimPrefix(r.URL, "http://"), ":11434")
			require.Contains(t, slices.Collect(maps.Keys(file.Services)), host, "%s asks a runtime that no service is", name)
		}
	}
	require.Equal(t, 3, ours, "a control worker and two measuring ones")
}

// interpolated does what compose does with ${NAME:-default} and
// ${NAME:?message}, with a password that may stand in a URL.
func interpolated(text string) string {
	return regexp.MustCompile(`\$\{(\w+):([-?])([^}]*)\}`).ReplaceAllStringFunc(text, func(m string) string {
		if _, value, ok := strings.Cut(strings.TrimSuffix(m, "}"), ":-"); ok {
			return value
		}
		return "secret"
	})
}

func TestComposeGivesGPUsToTheGPUProfileAlone(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		gpu := slices.Contains(s.Profiles, "gpu")
		require.Equal(t, gpu, len(s.Deploy.Resources.Reservations.Devices) > 0, name)
		for _, d := range s.Deploy.Resources.Reservations.Devices {
			require.Equal(t, "nvidia", d.Driver)
			require.Equal(t, []string{"gpu"}, d.Capabilities)
		}
	}
}

func TestComposeImageRunsAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	text := readTree(t, "Dockerfile")
	_, last, _ := strings.Cut(text, "FROM debian")
	require.Regexp(t, `(?m)^USER [1-9]`, last)
	for _, program := range []string{"./starter", "./worker"} {
		require.Contains(t, text, " "+program)
	}
}

// The script that prepares a namespace is tried on the real server of the
// tests, twice: it must do nothing the second time.
func TestComposeNamespaceScriptOnARealServer(t *testing.T) {
	t.Parallel()
	address := os.Getenv("WATTSWEEP_TEST_TEMPORAL")
	tool := temporalTool()
	if address == "" || tool == "" {
		t.Skip("no Temporal server or temporal program: make test brings both")
	}
	bin := t.TempDir()
	require.NoError(t, os.Symlink(tool, filepath.Join(bin, "temporal")))
	name := "compose-" + bench.Hash(bin)[:12]
	for range 2 {
		cmd := exec.CommandContext(t.Context(), "sh", "../deploy/temporal/namespace.sh")
		cmd.Env = []string{
			"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + bin,
			"TEMPORAL_ADDRESS=" + address, "TEMPORAL_NAMESPACE=" + name,
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "namespace "+name+" is ready")
	}
	list := exec.CommandContext(t.Context(), tool, "operator", "search-attribute", "list", "--address", address, "--namespace", name)
	out, err := list.Output()
	require.NoError(t, err)
	for _, a := range contract.SearchAttributes() {
		require.Regexp(t, a.Name+`\s+`+a.Type, string(out))
	}
}

// temporalTool finds the program: PATH, then where localstack keeps the one it
// builds.
func temporalTool() string {
	if path, err := exec.LookPath("temporal"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	found, _ := filepath.Glob(filepath.Join(cache, "wattsweep", "bin", "temporal-v*")) // the pattern is well formed
	for _, path := range slices.Backward(found) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}
