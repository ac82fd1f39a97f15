package lint

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// templates are the CloudFormation templates by their stacks' names, before which that of another app stands.
type templates map[string]map[string]any

// resourceOf is a resource of a template; place is a rule about it.
type (
	resourceOf struct{ template, id string }
	place      struct {
		resource resourceOf
		rule     string
	}
)

func (r resourceOf) String() string { return r.template + " " + r.id }
func (p place) String() string      { return p.resource.String() + " " + p.rule }

// otherApps are what make infra-lint synthesises besides what is deployed, whose stacks are those of its context.
var otherApps = map[string][]string{"pull-request": {"PullRequestStack"}, "github": {"GitHubProductionStack", "GitHubStagingStack"}}

func synthesised(t *testing.T) templates {
	t.Helper()
	requireLinters(t)
	all := templates{}
	deployed, err := filepath.Glob(filepath.Join(assembly, "*"+suffix))
	if err != nil || len(deployed) == 0 {
		t.Fatalf("cdk.out has no templates; make infra-lint writes them: %v", err)
	}
	for _, file := range deployed {
		all.read(t, strings.TrimSuffix(filepath.Base(file), suffix), file)
	}
	for app, stacks := range otherApps {
		for _, stack := range stacks {
			all.read(t, app+"-"+stack, filepath.Join("../../bin/synth", app, stack+suffix))
		}
	}
	return all
}

func (all templates) read(t *testing.T, name, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; make infra-lint writes it", err)
	}
	var parsed map[string]any
	if err := json.Unmarshal(data, &parsed); err != nil {
		t.Fatal(err)
	}
	all[name] = parsed
}

const suffix = ".template.json"

// watched lists the types of resources for which checkov has rules: it must have looked at each of them.
func watched(kind string) bool {
	return slices.Contains([]string{
		"AWS::CodeBuild::Project", "AWS::DynamoDB::Table", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role",
		"AWS::KMS::Key", "AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::S3::Bucket",
		"AWS::SNS::Topic", "AWS::SQS::Queue",
	}, kind)
}

func (all templates) eachResource(visit func(resourceOf, map[string]any)) {
	for name, template := range all {
		resources, _ := template["Resources"].(map[string]any)
		for id, r := range resources {
			visit(resourceOf{name, id}, r.(map[string]any))
		}
	}
}

// eachSuppression visits those of both linters. cfn-lint has no field for a reason; Metadata takes any.
func (all templates) eachSuppression(visit func(p place, reason string)) {
	all.eachResource(func(at resourceOf, r map[string]any) {
		metadata, _ := r["Metadata"].(map[string]any)
		checkov, _ := metadata["checkov"].(map[string]any)
		skips, _ := checkov["skip"].([]any)
		for _, skip := range skips {
			s, _ := skip.(map[string]any)
			rule, _ := s["id"].(string)
			reason, _ := s["comment"].(string)
			visit(place{at, rule}, reason)
		}
		cfnLint, _ := metadata["cfn-lint"].(map[string]any)
		config, _ := cfnLint["config"].(map[string]any)
		ignored, _ := config["ignore_checks"].([]any)
		reasons, _ := cfnLint["reasons"].(map[string]any)
		for _, rule := range ignored {
			reason, _ := reasons[rule.(string)].(string)
			visit(place{at, rule.(string)}, reason)
		}
	})
}

// bare are the same templates without any suppression; the ones given do not change.
func (all templates) bare() templates {
	bare := all.clone()
	for _, template := range bare {
		delete(template, "Metadata")
	}
	bare.eachResource(func(_ resourceOf, r map[string]any) { delete(r, "Metadata") })
	return bare
}

func (all templates) clone() templates {
	cloned := templates{}
	for name, template := range all {
		template = maps.Clone(template)
		resources := map[string]any{}
		templates{name: template}.eachResource(func(at resourceOf, r map[string]any) { resources[at.id] = maps.Clone(r) })
		template["Resources"] = resources
		cloned[name] = template
	}
	return cloned
}

// fault is a resource that no rule set should let pass, and rules that must find it.
type fault struct {
	id       string
	Resource map[string]any
	Found    []string
}

func faults(t *testing.T) (all []fault) {
	t.Helper()
	data, err := os.ReadFile("testdata/faults.json")
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string]fault
	if err := json.Unmarshal(data, &parsed); err != nil {
		t.Fatal(err)
	}
	for id, f := range parsed {
		f.id = id
		all = append(all, f)
	}
	if len(all) == 0 {
		t.Fatal("no faults to plant")
	}
	return all
}

// with plants the faults in each template.
func (all templates) with(planted []fault) templates {
	for _, template := range all {
		for _, f := range planted {
			template["Resources"].(map[string]any)[f.id] = f.Resource
		}
	}
	return all
}

func isPlanted(planted []fault, r resourceOf) bool {
	return slices.ContainsFunc(planted, func(f fault) bool { return f.id == r.id })
}

func (all templates) write(t *testing.T, dir string) (files []string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		data, err := json.MarshalIndent(all[name], "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+suffix), data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name+suffix)
	}
	return files
}
