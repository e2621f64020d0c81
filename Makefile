# wattsweep. `make` alone prints this help.
# Two commands are all a visitor needs: make demo, make test.

GO     ?= go
PYTHON ?= /usr/bin/python3

# A build of a copied tree has no version control to ask, so the commit is
# given to the linker; outside a repository it stays empty.
COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null)$(if $(shell git status --porcelain 2>/dev/null),-dirty)
LDFLAGS := -X github.com/wattsweep/wattsweep/internal/version.commit=$(COMMIT)

# go-nvml's headers mark old calls as deprecated; they are used on purpose, as
# older drivers have no other.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations

# Linters are built once, in a cache outside the tree, each version in a folder
# of its own.
GOLANGCI     := v2.15.0
WORKFLOWCHECK := v0.6.0
CACHE        := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/wattsweep/tools
LINTER       := $(CACHE)/golangci-lint-$(GOLANGCI)/golangci-lint
CHECKER      := $(CACHE)/workflowcheck-$(WORKFLOWCHECK)/workflowcheck

# Tests share two cores with three servers: more at once only makes them wait.
TESTFLAGS ?= -timeout 20m -p 2

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-race check build lint bench chaos fuzz clean \
	tidy fresh format vet workflowcheck build-nocgo imports python

help: ## print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## measure three tiny models on this machine and write out/demo/report.html
	bin/wattsweep demo

test: build bin/withservers ## run all tests beside a real Postgres, Temporal and Ollama
	bin/withservers -- $(GO) test $(TESTFLAGS) ./...

test-race: build bin/withservers ## the same with the race detector
	bin/withservers -- $(GO) test -race $(TESTFLAGS) ./...

check: tidy fresh format vet lint workflowcheck build build-nocgo imports python ## everything but the tests: format, lint, determinism, both builds, import rules
	@echo "check: all green"

build: ## build bin/wattsweep and bin/wattsweep-worker
	$(GO) build -ldflags "$(LDFLAGS)" -o bin/wattsweep ./starter
	$(GO) build -ldflags "$(LDFLAGS)" -o bin/wattsweep-worker ./worker

# About three quarters of an hour on two cores at rest, most of it the large
# sweep. That has servers of its own which lose their last seconds in a power
# cut: with a flush to disk at each commit it measures the disk.
bench: build bin/withservers ## run every benchmark and write out/bench.json
	bin/withservers -- $(GO) run ./test/benchmarks -only sampling,call,stage,traces,go -out out/bench.json
	WATTSWEEP_TEST_OLLAMA=http://127.0.0.1:9 bin/withservers -relaxed -- $(GO) run ./test/benchmarks -only scale -out out/bench.json

# About half an hour on two cores at rest. CHAOS_SEED repeats a run, CHAOS_POINTS
# is how many random kill points it has. CHAOS_RUN plays only what matches, and
# leaves the page's table alone.
chaos: ## break servers, worker, disk, network and meters under running sweeps; writes out/faults.json and docs/reliability.md's table
	$(GO) run ./test/chaos -points $(or $(CHAOS_POINTS),100) $(if $(CHAOS_SEED),-seed $(CHAOS_SEED)) -out out/faults.json \
	  $(if $(CHAOS_RUN),-run '$(CHAOS_RUN)',-page docs/reliability.md)

fuzz: ## fuzz every parser for FUZZTIME (10s) each
	@$(GO) list -f '{{.Dir}}' ./... | while read -r dir; do \
	  grep -hoE '^func (Fuzz[A-Za-z0-9_]+)' "$$dir"/*_test.go 2>/dev/null | awk '{print $$2}' | while read -r name; do \
	    echo "== $$dir $$name"; \
	    (cd "$$dir" && $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(or $(FUZZTIME),10s) .) </dev/null || exit 1; \
	  done || exit 1; \
	done

clean: ## delete what was built and reported; the demo's servers and data stay in .wattsweep
	rm -rf bin out

lint: $(LINTER) ## golangci-lint with .golangci.yml
	$(LINTER) config verify
	$(LINTER) run ./...

# The parts of check.

tidy:
	$(GO) mod tidy -diff

# Files made of code: the tests that make them fail when they are stale.
fresh:
	$(GO) test -count=1 -run 'Fresh|Current|DataCard|PageOfFailures' ./config ./internal/dataset ./internal/fault ./internal/report

format: $(LINTER)
	@$(LINTER) fmt --diff ./...

vet:
	$(GO) vet ./...

# workflowcheck follows calls from workflows into every package for what would
# not replay: clocks, random numbers, ranges over maps, goroutines. Tests of
# workflows are no workflows.
workflowcheck: $(CHECKER)
	$(CHECKER) -test=false -config workflowcheck.config.yaml ./workflows/...

# Without cgo there is no NVML; everything else must build.
build-nocgo:
	CGO_ENABLED=0 $(GO) build ./...

imports:
	$(GO) test -count=1 -run 'Import|PackageDoc|Compose|Docs|Readme' ./test

python:
	@if $(PYTHON) -c 'import torch, numpy' 2>/dev/null; then \
	  $(PYTHON) -m unittest discover --start-directory models --top-level-directory models; \
	else \
	  echo "python: skipped, $(PYTHON) has no torch (Debian: python3-torch python3-numpy)"; \
	  test -z "$$CI"; \
	fi

# A binary and not `go run`, which would swallow the exit code.
.PHONY: bin/withservers
bin/withservers:
	$(GO) build -o $@ ./test/withservers

$(LINTER):
	@echo "building golangci-lint $(GOLANGCI) once (about 3 minutes on two cores)"
	GOBIN=$(@D) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)

$(CHECKER):
	GOBIN=$(@D) $(GO) install go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK)
