# The same targets serve a laptop and CI.
GO          ?= go
TOOLS       := $(CURDIR)/.tools
STATICCHECK := $(TOOLS)/staticcheck
STATICCHECK_VERSION := v0.8.2
DYNAMODB_LOCAL := $(TOOLS)/dynamodb-local/lib
DYNAMODB_LOCAL_VERSION := 2.6.1
CRASH_ROUNDS ?= 5

.PHONY: help build test race lint fmt check diagram docs crash fuzz bench lambda lambda-figures dynamodb-local clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

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

lambda: ## build the AWS functions: bin/lambda/bootstrap (arm64) and bin/lambda/function.zip
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath -buildvcs=false -tags lambda.norpc -ldflags "-s -w" \
	  -o bin/lambda/bootstrap ./cmd/lambda
	$(GO) run ./tools/lambdazip bin/lambda/bootstrap bin/lambda/function.zip

lambda-figures: ## size of the AWS functions' binary, time of a process' start
	TRIPSAGA_LAMBDA_FIGURES=1 $(GO) test -count=1 -v -run TestFigures ./cmd/lambda

dynamodb-local: $(DYNAMODB_LOCAL)/DynamoDBLocal-$(DYNAMODB_LOCAL_VERSION).jar ## fetch the official DynamoDB Local for the tests (Java 17 and Maven)

$(DYNAMODB_LOCAL)/DynamoDBLocal-$(DYNAMODB_LOCAL_VERSION).jar:
	@for need in java mvn; do command -v $$need >/dev/null || { \
	  echo "$$need is missing. Without it, give the tests a server: docker run -d -p 8000:8000 amazon/dynamodb-local"; \
	  echo "and then DYNAMODB_ENDPOINT=http://127.0.0.1:8000 go test ./..."; exit 1; }; done
	rm -rf $(DYNAMODB_LOCAL) $(DYNAMODB_LOCAL).new
	mvn -q -B -f tools/dynamodb-local/pom.xml dependency:copy-dependencies \
	  -Ddynamodb-local.version=$(DYNAMODB_LOCAL_VERSION) -Doutput=$(DYNAMODB_LOCAL).new
	mv $(DYNAMODB_LOCAL).new $(DYNAMODB_LOCAL)

$(STATICCHECK):
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

clean:
	rm -rf bin .tools
