# The same targets serve a laptop and CI.
GO          ?= go
TOOLS       := $(CURDIR)/.tools
STATICCHECK := $(TOOLS)/staticcheck
STATICCHECK_VERSION := v0.8.2
ACTIONLINT  := $(TOOLS)/actionlint
ACTIONLINT_VERSION := v1.7.12
STRIPE_MOCK := $(TOOLS)/stripe-mock
STRIPE_MOCK_VERSION := v0.203.0
DYNAMODB_LOCAL := $(TOOLS)/dynamodb-local/lib
DYNAMODB_LOCAL_VERSION := 2.6.1
CRASH_ROUNDS ?= 1000
LOAD_SECONDS ?= 30
PYTHON      ?= python3
# Explorations: minutes under the race detector, and no goroutine more than the tests of package verify/world.
SLOW_UNDER_RACE := TestNothingIsLostByLeavingOut|TestSingles|TestMutants|TestBrokenSagasAreFound
CDK         := node_modules/.bin/cdk
LINTERS     := $(TOOLS)/lint
CONTRACT    := $(TOOLS)/contract
AWS_CLI     := $(TOOLS)/aws-cli
SITE        := docs/site/node_modules/.bin/eleventy
# The CDK prints at every start how long Node will be maintained.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
# Tests that need DynamoDB Local rewrite nothing without it, so they must fail.
UPDATE_AWS := TRIPSAGA_REQUIRE_DYNAMODB=1 $(GO) test -count=1
# Noise of a successful synthesis; a failed one is printed whole.
SYNTH_NOISE := Runtime process exited abnormally: waitid: no child processes|^Successfully synth.*|^Supply a stack id.*|.*feature flags are not configured.*

.PHONY: help build test rest update race lint fmt check diagram docs course verify mutants crash load fuzz bench bench-compare lambda lambda-figures dynamodb-local stripe-mock aws-cli clean \
  synth infra-test infra-lint contract module npm site screenshots pull-request remove-pull-request

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

build: ## build the CLI into bin/
	$(GO) build -o bin/tripsaga ./cmd/tripsaga

test: ## all tests, as README.md says
	$(GO) test ./...

rest: ## the tests of a copy without the AWS wing (aws/, infrastructure/, cmd/lambda, the command's aws.go) and the console
	TRIPSAGA_TEST_REST=1 $(GO) test -count=1 -run TestTheRestWithoutAWing ./tests/imports

update: dynamodb-local ## rewrite all golden files and generated parts of documents; read the difference (Java, Maven, Node)
	$(GO) test -count=1 -run TestRun ./asl -update
	$(GO) test -count=1 -run TestStoredBytes ./trip/adapters/store -update
	$(GO) test -count=1 -run 'TestScenarios$$' ./tests/scenarios -update
	$(GO) test -count=1 -run 'TestDiagram|TestSample|TestCourse' ./tests/docs -update
	$(GO) test -count=1 -run TestReadTogether ./tests/docs -update
	$(GO) test -count=1 -run 'TestEveryErrorOfATask|TestTheVariables|TestTheTasksSampleEvents' ./aws/lambda -update
	$(UPDATE_AWS) -run 'TestCalls|TestUsage' ./aws/tests/production -update
	$(UPDATE_AWS) -run 'TestReport|TestUsage' ./aws/tests/capacity -update
	$(GO) -C infrastructure test -count=1 -run 'TestSnapshots|TestPermissions|TestStackUsage' . -update
	$(GO) test -count=1 -run TestFixture ./aws/rehearsal -update
	$(GO) test -count=1 -run TestTheDocumentsSample ./cmd/tripsaga -update
	$(GO) test -count=1 -run 'TestCosts|TestArchitecture' ./aws/tests/docs -update
	$(GO) test -count=1 -run TestTable ./verify/mutants -update
	$(GO) test -count=1 -run TestGolden ./verify/story -update
	$(GO) test -count=1 -run TestSingles ./verify -update
	VERIFY_UPDATE=1 $(GO) test -count=1 -run TestEveryFaultAtEveryStep ./examples/order

race: ## the tests under the race detector, but for the longest explorations and the rehearsal, which plays on one goroutine (needs a C compiler)
	$(GO) test -race -count=1 -skip '^($(SLOW_UNDER_RACE))$$' $$($(GO) list ./... | grep -v '/aws/rehearsal$$')

lint: $(STATICCHECK) ## vet and staticcheck
	$(GO) vet ./...
	$(STATICCHECK) ./...

fmt: ## fail when a file is not formatted, as the toolchain of go.mod formats
	@out=$$("$$($(GO) env GOROOT)/bin/gofmt" -l $$(find . -name '*.go' -not -path './.*' -not -path './node_modules/*' -not -path './cdk.out/*')); if [ -n "$$out" ]; then echo "not formatted:"; echo "$$out"; exit 1; fi

check: fmt lint test ## what to run before a commit

diagram: ## write the diagrams of the documents: both sagas, one booking, the architecture
	$(GO) test ./tests/docs -run 'TestDiagramIsOfTheDefinition|TestBookingIsAHistory' -update
	$(GO) test ./aws/tests/docs -run TestArchitecture -update

docs: ## run every command of the documents, compare the sample
	TRIPSAGA_RUN_DOCS=1 $(GO) test -count=1 -timeout=30m -v ./tests/docs

course: ## work through the course, docs/course, as a reader does
	TRIPSAGA_RUN_DOCS=1 $(GO) test -count=1 -timeout=30m -v -run 'TestCourse|TestLanguages|TestTerms' ./tests/docs

verify: ## every fault at every step of a booking, singles and pairs
	$(GO) run ./cmd/tripsaga verify

mutants: ## the same over variants that are broken on purpose: each must be found out
	$(GO) run ./cmd/tripsaga verify --mutants

crash: ## SIGKILL the server under load, CRASH_ROUNDS times (default 1000)
	TRIPSAGA_CRASH_ROUNDS=$(CRASH_ROUNDS) $(GO) test -count=1 -v -timeout 60m -run 'TestCrash$$' ./tests/crash

load: ## more bookings than the server can carry out, for LOAD_SECONDS (default 30)
	TRIPSAGA_LOAD_SECONDS=$(LOAD_SECONDS) TRIPSAGA_LOAD_CONNECTIONS=2000 $(GO) test -count=1 -v ./tests/load

fuzz: ## each fuzz target for FUZZTIME (default 10s)
	bash .ci/fuzz $(or $(FUZZTIME),10s)

bench: ## throughput and latency against a raw log, on this machine
	$(GO) run ./cmd/tripsaga bench

bench-compare: ## the bench of this checkout and of a commit, alternating: make bench-compare BASE=main~1 [N=5] [BENCH="--http --trips 20000"]
	@$(GO) run ./scripts/benchcompare "$(BASE)" $(or $(N),5) $(BENCH)

# AWS answers over HTTP/1.1, and without HTTP/2 a function is smaller.
lambda: ## build the AWS functions: bin/lambda/bootstrap (arm64) and bin/lambda/function.zip
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath -buildvcs=false -tags lambda.norpc,nethttpomithttp2 -ldflags "-s -w" \
	  -o bin/lambda/bootstrap ./cmd/lambda
	$(GO) run ./aws/tools/lambdazip bin/lambda/bootstrap bin/lambda/function.zip

lambda-figures: ## size of the AWS functions' binary, time of a process' start, CPU time of a warm call
	TRIPSAGA_LAMBDA_FIGURES=1 $(GO) test -count=1 -v -run TestFigures ./aws/lambda

synth: lambda $(CDK) ## write the CloudFormation templates to cdk.out (Node)
	@rm -rf cdk.out && mkdir -p $(TOOLS)
	$(CDK) synth -q $${PULL_REQUEST:+-c pullRequest="$$PULL_REQUEST"} >$(TOOLS)/synth.log 2>&1 || { cat $(TOOLS)/synth.log; exit 1; }
	@sed -E 's/$(SYNTH_NOISE)//; /^$$/d' $(TOOLS)/synth.log
	@wc -c cdk.out/*.template.json

pull-request: lambda $(CDK) ## deploy the stage of a pull request to an AWS account: make pull-request PULL_REQUEST=123
	@[ -n "$$PULL_REQUEST" ] || { echo "give its number: make pull-request PULL_REQUEST=123"; exit 2; }
	$(CDK) deploy PullRequestStack -c pullRequest="$$PULL_REQUEST" --require-approval never

remove-pull-request: ## delete it, with everything that it stored: make remove-pull-request PULL_REQUEST=123
	bash scripts/remove_pull_requests.sh "$${PREFIX:-tripsaga}" "$$PULL_REQUEST"

infra-test: $(STATICCHECK) ## the infrastructure's tests, vet and staticcheck (Node)
	$(GO) -C infrastructure vet ./...
	cd infrastructure && $(STATICCHECK) ./...
	$(GO) -C infrastructure test ./...

# Apps that cdk.out has not, in contexts of their own: a build's variable and cdk.json, which may be for another app, do not reach them.
OTHER_APPS := pull-request={"pullRequest":1} github={"github":"example/tripsaga","staging":"111111111111/eu-west-1","production":"222222222222/eu-west-1"}
OTHER_OUT  := $(CURDIR)/bin/synth

infra-lint: synth $(LINTERS)/installed $(ACTIONLINT) ## cfn-lint and checkov over the templates, actionlint over the workflows (Node, Python 3.11 with venv)
	@rm -rf $(OTHER_OUT) && for app in $(foreach app,$(OTHER_APPS),'$(app)'); do \
	  TRIPSAGA_CONTEXT= CDK_CONTEXT_JSON="$${app#*=}" CDK_OUTDIR="$(OTHER_OUT)/$${app%%=*}" $(GO) -C infrastructure run . >$(TOOLS)/synth.log 2>&1 || \
	  { cat $(TOOLS)/synth.log; exit 1; }; done
	TRIPSAGA_REQUIRE_LINT=1 $(GO) -C infrastructure test -count=1 -v ./lint

contract: $(CONTRACT)/installed ## openapi-spec-validator over /openapi.json, schemathesis over the running server (Python 3.11 with venv)
	tests/contract/run.sh $(CONTRACT)/bin

dynamodb-local: $(DYNAMODB_LOCAL)/DynamoDBLocal-$(DYNAMODB_LOCAL_VERSION).jar ## fetch the official DynamoDB Local for the tests (Java 17 and Maven)

$(DYNAMODB_LOCAL)/DynamoDBLocal-$(DYNAMODB_LOCAL_VERSION).jar:
	@for need in java mvn; do command -v $$need >/dev/null || { \
	  echo "$$need is missing. Without it, give the tests a server: docker run -d -p 8000:8000 amazon/dynamodb-local"; \
	  echo "and then DYNAMODB_ENDPOINT=http://127.0.0.1:8000 go test ./..."; exit 1; }; done
	rm -rf $(DYNAMODB_LOCAL) $(DYNAMODB_LOCAL).new
	mvn -q -B -f aws/tools/dynamodb-local/pom.xml dependency:copy-dependencies \
	  -Ddynamodb-local.version=$(DYNAMODB_LOCAL_VERSION) -Doutput=$(DYNAMODB_LOCAL).new
	mv $(DYNAMODB_LOCAL).new $(DYNAMODB_LOCAL)

stripe-mock: $(STRIPE_MOCK) ## fetch Stripe's official mock for the tests

$(STRIPE_MOCK):
	GOBIN=$(TOOLS) $(GO) install github.com/stripe/stripe-mock@$(STRIPE_MOCK_VERSION)

aws-cli: $(AWS_CLI)/installed ## fetch the AWS CLI for the documents' commands (Python 3.11 with venv)

$(AWS_CLI)/installed: aws/tools/aws-cli/requirements.txt
	rm -rf $(AWS_CLI)
	$(PYTHON) -m venv $(AWS_CLI)
	$(AWS_CLI)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

screenshots: ## write the pictures of the documents into docs/images (Chromium, a Japanese font)
	TRIPSAGA_REQUIRE_BROWSER=1 $(GO) test -count=1 -run TestShots ./console/browser -update

npm: $(CDK) ## fetch what npm has for the CDK and for the browser tests (Node)

$(CDK): package.json package-lock.json
	npm ci --silent --no-audit --no-fund || npm ci
	@touch $@

site: $(SITE) ## build the documents as a site that needs no network: bin/site/index.html (Node)
	rm -rf bin/site
	$(SITE) --quiet --config=docs/site/eleventy.config.js --output=bin/site

$(SITE): docs/site/package.json docs/site/package-lock.json
	npm --prefix docs/site ci --silent --no-audit --no-fund || npm --prefix docs/site ci
	@touch $@

$(LINTERS)/installed: infrastructure/lint/requirements.txt
	rm -rf $(LINTERS)
	$(PYTHON) -m venv $(LINTERS)
	$(LINTERS)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(CONTRACT)/installed: tests/contract/requirements.txt
	rm -rf $(CONTRACT)
	$(PYTHON) -m venv $(CONTRACT)
	$(CONTRACT)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(STATICCHECK):
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

$(ACTIONLINT):
	GOBIN=$(TOOLS) $(GO) install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)

module: ## rename the Go module in both go.mod files, imports and documents: make module MODULE=example.com/you/tripsaga
	@$(GO) run ./scripts/module "$$MODULE"

clean:
	rm -rf bin .tools node_modules docs/site/node_modules cdk.out
