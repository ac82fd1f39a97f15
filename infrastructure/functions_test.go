package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/trip/saga"
)

func TestEveryFunctionIsDeployed(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		var want []string
		for _, f := range functions.All() {
			want = append(want, f.Name)
			s.named(t, f.Name).has(t, map[string]any{
				"Handler": f.Name, "Runtime": "provided.al2023", "Architectures": []string{"arm64"},
				"Timeout": f.Timeout.Seconds(), "TracingConfig.Mode": "Active", "Role": "${" + f.Name + "Role.Arn}",
				"LoggingConfig": map[string]any{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "${" + f.Name + "Log}"},
			})
		}
		if got := names(s.ofType("AWS::Lambda::Function")); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("deployed are %q, want %q", got, want)
		}
	})
}

// A task ends before its state gives it up, or it would go on unseen.
func TestTimeouts(t *testing.T) {
	s := stacks(t)[productionStack]
	for _, task := range saga.Tasks() {
		got := time.Duration(s.named(t, task.Name).at("Timeout").(float64)) * time.Second
		if got < time.Second || got >= task.Timeout {
			t.Errorf("%s has %s, its state %s", task.Name, got, task.Timeout)
		}
	}
	for name, limit := range map[string]time.Duration{
		functions.API:               30 * time.Second,                                         // API Gateway's
		functions.ExecutionListener: 15 * time.Minute, functions.Reconciler: 15 * time.Minute, // Lambda's
		functions.OutboxRelay: 5 * time.Minute, // that of a pipe's enrichment
		functions.PreTraffic:  time.Hour,       // CodeDeploy waits that long for a hook
	} {
		if got := time.Duration(s.named(t, name).at("Timeout").(float64)) * time.Second; got < 10*time.Second || got >= limit {
			t.Errorf("%s has %s, want less than %s", name, got, limit)
		}
	}
}

func TestMemory(t *testing.T) {
	s := stacks(t)[productionStack]
	for _, f := range functions.All() {
		s.named(t, f.Name).has(t, map[string]any{"MemorySize": float64(f.Memory)})
	}
}

func TestVersionsAndAliases(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		var aliases []string
		for _, f := range functions.All() {
			version := s.named(t, f.Name+"CurrentVersion")
			version.has(t, map[string]any{"FunctionName": "${" + f.Name + "}"})
			if !version.retainedOnceMade() {
				t.Errorf("%s: a deployment deletes the version before it, or one that is rolled back leaves its own: %s, %s",
					f.Name, version.DeletionPolicy, version.UpdateReplacePolicy)
			}
			if f.Name == functions.PreTraffic {
				continue
			}
			aliases = append(aliases, f.Name+"Live")
			s.named(t, f.Name+"Live").has(t, map[string]any{
				"Name": "live", "FunctionName": "${" + f.Name + "}", "FunctionVersion": "${" + f.Name + "CurrentVersion.Version}",
			})
		}
		slices.Sort(aliases)
		if got := names(s.ofType("AWS::Lambda::Alias")); !slices.Equal(got, aliases) {
			t.Errorf("aliases are %q, want %q", got, aliases)
		}
	})
}

// A change of the code, or of the configuration alone, publishes a version.
func TestAVersionADeployment(t *testing.T) {
	version := func(all map[string]*template) string {
		for id := range all[productionStack].Resources {
			if name(id) == "ReserveFlightCurrentVersion" {
				return id
			}
		}
		return ""
	}
	before := version(stacks(t))
	if after := version(stacksWith(t, map[string]any{"code": archive(t)})); before == "" || before == after {
		t.Errorf("version %q, with other code %q", before, after)
	}
}

func TestLogsAreKeptForAWhile(t *testing.T) {
	all := customised(t)[productionStack].ofType("AWS::Logs::LogGroup")
	for _, f := range functions.All() {
		if !slices.Contains(names(all), f.Name+"Log") {
			t.Errorf("%s has no log", f.Name)
		}
	}
	for id, log := range all {
		log.has(t, map[string]any{"RetentionInDays": 90})
		if !log.retainedOnceMade() {
			t.Errorf("%s goes with what it tells of, or stays of a creation that failed: %s, %s", id, log.DeletionPolicy, log.UpdateReplacePolicy)
		}
	}
	for _, log := range stacks(t)[productionStack].ofType("AWS::Logs::LogGroup") {
		log.has(t, map[string]any{"RetentionInDays": 30})
	}
}

// TestEnvironments: a function is given settings that it reads, and all that it requires.
func TestEnvironments(t *testing.T) {
	rows := functions.Settings()
	eachStage(t, func(t *testing.T, stage string, s *template) {
		for _, f := range functions.All() {
			given := s.named(t, f.Name).at("Environment.Variables").(map[string]any)
			for variable := range given {
				if !slices.ContainsFunc(rows, func(r functions.Setting) bool { return r.Name == variable && r.ReadBy(f.Name) }) {
					t.Errorf("%s does not read %s", f.Name, variable)
				}
			}
			for _, row := range rows {
				if given[row.Name] == nil && row.Required && !row.ByLambda && row.ReadBy(f.Name) {
					t.Errorf("%s lacks %s", f.Name, row.Name)
				}
			}
			want := map[string]any{"TABLE_NAME": "${Table}", "METRICS_NAMESPACE": "tripsaga/" + stage}
			for saga, machine := range machineNames(stage) {
				want[strings.ToUpper(saga)+"_STATE_MACHINE_ARN"] =
					"arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:" + machine + ":live"
			}
			for variable, want := range want {
				if got := plain(given[variable]); got != nil && got != want {
					t.Errorf("%s: %s is %v, want %v", f.Name, variable, got, want)
				}
			}
		}
	})
}

// Lambda itself drops lines below its own level, so that has to be the least of all.
func TestLogLevel(t *testing.T) {
	for level, all := range map[string]map[string]*template{"info": stacks(t), "debug": customised(t)} {
		for _, stack := range []string{stagingStack, productionStack} {
			for _, f := range functions.All() {
				all[stack].named(t, f.Name).has(t, map[string]any{
					"Environment.Variables.LOG_LEVEL": level, "LoggingConfig.ApplicationLogLevel": "DEBUG",
				})
			}
		}
	}
	i := slices.IndexFunc(functions.Settings(), func(s functions.Setting) bool { return s.Name == functions.LogLevel })
	if allowed := functions.Settings()[i].Allowed; allowed != strings.Join(logLevels, ", ") {
		t.Errorf("the context allows %q, the functions %s", logLevels, allowed)
	}
}

// By OTLP each function has X-Ray's endpoint and the right to send spans to it, else neither.
func TestTracesByOTLP(t *testing.T) {
	for way, all := range map[string]map[string]*template{"daemon": stacks(t), "otlp": customised(t)} {
		for _, stack := range []string{stagingStack, productionStack} {
			for _, f := range functions.All() {
				var endpoint, signed any
				if way == "otlp" {
					endpoint, signed = "https://xray.${AWS::Region}.${AWS::URLSuffix}/v1/traces", "true"
				}
				all[stack].named(t, f.Name).has(t, map[string]any{
					"Environment.Variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint, "Environment.Variables.OTLP_SIGNED": signed, "TracingConfig.Mode": "Active",
				})
				rights := all[stack].statements(t, f.Name+"Role")
				for _, action := range []string{"xray:PutSpans", "xray:PutSpansForIndexing"} {
					if may := allowed(rights, request{action, "*", nil}); may != (way == "otlp") {
						t.Errorf("%s, %s: %s may %s: %v", way, stack, f.Name, action, may)
					}
				}
			}
		}
	}
}

// TestStripe: in production the functions that call the payment provider know the secret, and they alone may read it.
func TestStripe(t *testing.T) {
	const secret = secretOfStripe
	all := stacksWith(t, map[string]any{"payments": "stripe", "stripeSecretArn": secret, "stripeLive": true})
	for stack, s := range map[string]*template{production: all[productionStack], staging: all[stagingStack], "without": stacks(t)[productionStack]} {
		for _, f := range functions.All() {
			var provider, arn, live any
			want := stack == production && slices.Contains([]string{"ProcessPayment", "RefundPayment", "RefundBooking", "Api"}, f.Name)
			if want {
				provider, arn, live = "stripe", secret, "true"
			}
			s.named(t, f.Name).has(t, map[string]any{
				"Environment.Variables.PAYMENTS": provider, "Environment.Variables.STRIPE_SECRET_ARN": arn, "Environment.Variables.STRIPE_LIVE": live,
			})
			rights := s.statements(t, f.Name+"Role")
			if got := allowed(rights, request{"secretsmanager:GetSecretValue", secret, nil}); got != want {
				t.Errorf("%s, %s: may read the secret: %v, want %v", stack, f.Name, got, want)
			}
			for _, action := range []string{"PutSecretValue", "DescribeSecret"} {
				if allowed(rights, request{"secretsmanager:" + action, secret, nil}) {
					t.Errorf("%s, %s: may %s", stack, f.Name, action)
				}
			}
		}
	}
}

// Each function has a role that no other has.
func TestRolesAreNotShared(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		users := map[string][]string{}
		for id, f := range s.ofType("AWS::Lambda::Function") {
			role := plain(f.at("Role")).(string)
			users[role] = append(users[role], id)
		}
		for role, ids := range maps.All(users) {
			if len(ids) > 1 {
				t.Errorf("%s is the role of %q", role, ids)
			}
		}
	})
}
