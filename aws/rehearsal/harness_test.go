package rehearsal

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
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
	// blind leaves the business errors in.
	blind = ofType("AWS::CloudWatch::Alarm", func(_ string, p map[string]any) {
		eachExpression(p, func(text string) string { return strings.ReplaceAll(text, " - FILL(business, 0)", "") })
	})
	oneOfOne = ofType("AWS::CloudWatch::Alarm", func(_ string, p map[string]any) {
		p["EvaluationPeriods"], p["DatapointsToAlarm"] = 1, 1
	})
	deaf = ofType("AWS::CloudWatch::Alarm", func(_ string, p map[string]any) {
		if p["Metrics"] != nil {
			p["Threshold"] = 60
		}
	})
	// aliasOnly leaves the alarms on the alias.
	aliasOnly = ofType("AWS::CodeDeploy::DeploymentGroup", func(_ string, p map[string]any) {
		configuration := p["AlarmConfiguration"].(map[string]any)
		var kept []any
		for _, a := range configuration["Alarms"].([]any) {
			if ref, _ := a.(map[string]any)["Name"].(map[string]any)["Ref"].(string); strings.HasSuffix(ref, "AliasFaults") {
				kept = append(kept, a)
			}
		}
		configuration["Alarms"] = kept
	})
)

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
