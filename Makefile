# The same targets serve a laptop and CI.
GO          ?= go
TOOLS       := $(CURDIR)/.tools
STATICCHECK := $(TOOLS)/staticcheck
STATICCHECK_VERSION := v0.8.2
CRASH_ROUNDS ?= 5

.PHONY: help build test race lint fmt check diagram docs crash fuzz bench clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

build: ## build the CLI into bin/
	$(GO) build -o bin/tripsaga ./cmd/tripsaga

test: ## the README's test command
	$(GO) test ./...

race: ## all tests under the race detector, more rounds of the crash test (needs a C compiler)
	TRIPSAGA_CRASH_ROUNDS=$(CRASH_ROUNDS) $(GO) test -race -count=1 ./...

lint: $(STATICCHECK) ## vet and staticcheck
	$(GO) vet ./...
	$(STATICCHECK) ./...

fmt: ## fail when a file is not formatted
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted:"; echo "$$out"; exit 1; fi

check: fmt lint test ## what to run before a commit

diagram: ## write the saga's diagram into the README
	$(GO) test ./tests/docs -run TestDiagramIsOfTheDefinition -update

docs: ## run every command of the documents, compare the sample
	TRIPSAGA_RUN_DOCS=1 $(GO) test -count=1 -v ./tests/docs

crash: ## SIGKILL the server at random moments, CRASH_ROUNDS times
	TRIPSAGA_CRASH_ROUNDS=$(CRASH_ROUNDS) $(GO) test -count=1 -v -run TestCrash ./tests/crash

fuzz: ## each fuzz target for FUZZTIME (default 10s)
	.ci/fuzz $(or $(FUZZTIME),10s)

bench: ## throughput and latency against a raw log, on this machine
	$(GO) run ./cmd/tripsaga bench

$(STATICCHECK):
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

clean:
	rm -rf bin .tools
