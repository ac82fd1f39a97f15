package rehearsal

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tripsaga/aws/rehearsal/template"
	"tripsaga/trip/saga"
)

const (
	// fixture has what a roll-out depends on, in the form in which the CDK writes it.
	fixture        = "testdata/template.json"
	infrastructure = "../../infrastructure"
	// deployed is the template of production.
	deployed = "../../infrastructure/testdata/ProductionStack.template.json"
)

var update = flag.Bool("update", false, "add the tasks that "+fixture+" lacks")

// TestFixtureHasEveryTask: a task that the saga has got has the resources of the others.
func TestFixtureHasEveryTask(t *testing.T) {
	data, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	const like = "RefundPayment"
	block := regexp.MustCompile(`(?s)\n  "` + like + `": \{\n.*\n  "` + like + `Group": \{\n.*?\n  \},`).FindString(text)
	if block == "" {
		t.Fatalf("%s has no resources of %s", fixture, like)
	}
	for _, task := range saga.Tasks() {
		if strings.Contains(text, "\n  \""+task.Name+"\": {\n") {
			continue
		}
		if !*update {
			t.Errorf("aws/rehearsal/%s has no function %s: run make update", fixture, task.Name)
		}
		text = strings.Replace(text, block, strings.ReplaceAll(block, like, task.Name)+block, 1)
	}
	if *update {
		if err := os.WriteFile(fixture, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// resource is one of a template that a test changes.
type resource struct {
	Type         string         `json:"Type"`
	Properties   map[string]any `json:"Properties"`
	UpdatePolicy map[string]any `json:"UpdatePolicy,omitempty"`
	DependsOn    any            `json:"DependsOn,omitempty"`
}

// releaseOf reads a template after a change of each of its resources.
func releaseOf(t testing.TB, file string, change ...func(id string, r *resource)) *template.Release {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct{ Resources map[string]*resource }
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	for id, r := range whole.Resources {
		for _, f := range change {
			f(id, r)
		}
	}
	if data, err = json.Marshal(whole); err != nil {
		t.Fatal(err)
	}
	parsed, err := template.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	release, err := parsed.Release()
	if err != nil {
		t.Fatal(err)
	}
	return release
}

// ofType changes the resources of a type.
func ofType(kind string, change func(id string, properties map[string]any)) func(string, *resource) {
	return func(id string, r *resource) {
		if r.Type == kind {
			change(id, r.Properties)
		}
	}
}

// The changes that make a template worse.
var (
	withoutAlarms = ofType("AWS::CodeDeploy::DeploymentGroup", func(_ string, p map[string]any) {
		delete(p, "AlarmConfiguration")
	})
	withoutRollback = ofType("AWS::CodeDeploy::DeploymentGroup", func(_ string, p map[string]any) {
		delete(p, "AutoRollbackConfiguration")
	})
	// blind takes declines for faults.
	blind = ofType("AWS::CloudWatch::Alarm", func(id string, p map[string]any) {
		if strings.HasSuffix(id, "VersionErrors") {
			p["Threshold"] = 5
			eachExpression(p, func(text string) string { return strings.ReplaceAll(text, ">= 5", ">= 1") })
		}
	})
	// withoutFloor judges a minute by however few calls.
	withoutFloor = ofType("AWS::CloudWatch::Alarm", func(_ string, p map[string]any) {
		eachExpression(p, func(text string) string { return strings.ReplaceAll(text, ">= 10", ">= 1") })
	})
	deaf      = ofType("AWS::CloudWatch::Alarm", func(_ string, p map[string]any) { p["Threshold"] = 1e6 })
	unchanged = func(string, *resource) {}
	// ownFaultsOnly leaves the alarms on what the versions write.
	ownFaultsOnly = ofType("AWS::CodeDeploy::DeploymentGroup", func(_ string, p map[string]any) {
		configuration := p["AlarmConfiguration"].(map[string]any)
		configuration["Alarms"] = slices.DeleteFunc(configuration["Alarms"].([]any), func(a any) bool {
			ref, _ := a.(map[string]any)["Name"].(map[string]any)["Ref"].(string)
			return !strings.HasSuffix(ref, "VersionFaults")
		})
	})
	// sameNames are alarms that an update overwrites: their names do not have the version.
	sameNames = ofType("AWS::CloudWatch::Alarm", func(_ string, p map[string]any) { delete(p, "AlarmName") })
	// listedVersions is a hook that is told the new versions by its environment.
	listedVersions = ofType("AWS::Lambda::Function", func(id string, p map[string]any) {
		if id == "PreTraffic" {
			p["Environment"] = map[string]any{"Variables": map[string]any{"NEW_VERSIONS": "{}"}}
		}
	})
)

// definitionsLast has the definitions wait for the aliases.
func definitionsLast(_ string, r *resource) {
	switch r.Type {
	case "AWS::Lambda::Alias":
		r.DependsOn = nil
	case "AWS::StepFunctions::StateMachine":
		r.DependsOn = []any{"ReserveFlightLive"}
	}
}

// mixedSources subtracts the declines that a task writes from the errors that Lambda counts, over all calls of the alias.
func mixedSources(id string, r *resource) {
	task, is := strings.CutSuffix(id, "VersionErrors")
	if !is || saga.Find(task).Name == "" {
		return
	}
	r.Properties["Threshold"] = 5
	queries := r.Properties["Metrics"].([]any)
	for _, q := range queries {
		query := q.(map[string]any)
		if query["Expression"] != nil {
			query["Expression"] = "IF(invocations > 0, 100 * (errors - FILL(business, 0)) / invocations, 0)"
			continue
		}
		metric := query["MetricStat"].(map[string]any)["Metric"].(map[string]any)
		metric["Dimensions"] = slices.DeleteFunc(metric["Dimensions"].([]any), func(d any) bool { return d.(map[string]any)["Name"] == "ExecutedVersion" })
	}
	r.Properties["Metrics"] = append(queries, map[string]any{"Id": "business", "ReturnData": false, "MetricStat": map[string]any{
		"Period": 60, "Stat": "Sum", "Metric": map[string]any{"Namespace": "tripsaga/production", "MetricName": "BusinessErrors",
			"Dimensions": []any{map[string]any{"Name": "Step", "Value": task}}},
	}})
}

func eachExpression(p map[string]any, change func(string) string) {
	queries, _ := p["Metrics"].([]any)
	for _, q := range queries {
		query := q.(map[string]any)
		if text, ok := query["Expression"].(string); ok {
			query["Expression"] = change(text)
		}
	}
}

// shifting makes all groups shift by another configuration.
func shiftingBy(config any) func(string, *resource) {
	return ofType("AWS::CodeDeploy::DeploymentGroup", func(_ string, p map[string]any) { p["DeploymentConfigName"] = config })
}

func run(t testing.TB, opt Options) *Report {
	t.Helper()
	if opt.Rate == 0 {
		opt.Rate = DefaultRate
	}
	r, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
