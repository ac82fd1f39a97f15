package docs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestArchitecture compares the picture in docs/design.md with the synthesised template of production.
func TestArchitecture(t *testing.T) {
	data, err := os.ReadFile("../../../infrastructure/testdata/ProductionStack.template.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no infrastructure")
	}
	if err != nil {
		t.Fatal(err)
	}
	s := stack{nodes: map[string]string{}, edges: map[string]bool{}}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	generated(t, "../../../docs/design.md", "<!-- architecture -->\n", "<!-- /architecture -->", "```mermaid\n"+s.draw()+"```\n")
}

// stack is a template, and what is drawn of it.
type stack struct {
	Resources map[string]struct {
		Type       string
		Properties map[string]any
	}
	nodes map[string]string // by name, with its outline
	edges map[string]bool
}

// draw returns a flowchart: calls, events and stored data lead from left to right.
func (s *stack) draw() string {
	for _, r := range s.Resources { // the functions of the sagas are one node, whose name must be known first
		if r.Type == "AWS::StepFunctions::StateMachine" {
			for _, task := range s.named(r.Properties) {
				s.Resources[task].Properties["Handler"] = "the sagas' functions"
			}
		}
	}
	for id, r := range s.Resources {
		p := r.Properties
		switch r.Type {
		case "AWS::ApiGatewayV2::Integration":
			s.edge(s.named(p["ApiId"]), s.named(p["IntegrationUri"]))
		case "AWS::Lambda::Function":
			if p["Handler"] != "PreTraffic" { // it serves CodeDeploy alone
				s.edge([]string{id}, s.named(p["Environment"]))
			}
		case "AWS::StepFunctions::StateMachine":
			s.edge([]string{id}, s.named(p))
		case "AWS::Pipes::Pipe":
			s.edge(s.named(p["Source"]), []string{id})
			s.edge([]string{id}, append(s.named(p["Enrichment"]), s.named(p["Target"])...))
		case "AWS::Events::Rule":
			s.edge(s.named(p["EventPattern"]), []string{id})
			s.edge([]string{id}, s.named(p["Targets"]))
		}
	}
	lines := append(slices.Sorted(maps.Values(s.nodes)), slices.Sorted(maps.Keys(s.edges))...)
	return "flowchart LR\n    " + strings.Join(lines, "\n    ") + "\n"
}

// outlines are those of the types in the picture.
var outlines = map[string]string{
	"AWS::ApiGatewayV2::Api": `(["%s"])`, "AWS::DynamoDB::Table": `[("%s")]`, "AWS::Events::EventBus": `["%s"]`, "AWS::Events::Rule": `["%s"]`,
	"AWS::Lambda::Function": `("%s")`, "AWS::Pipes::Pipe": `["%s"]`, "AWS::StepFunctions::StateMachine": `[["%s"]]`,
}

// edge leads from each to each, of those that are in the picture.
func (s *stack) edge(from, to []string) {
	for _, a := range from {
		for _, b := range to {
			if a, b := s.node(a), s.node(b); a != "" && b != "" && a != b {
				s.edges[a+" --> "+b] = true
			}
		}
	}
}

var (
	service = regexp.MustCompile(`::(\w+)::`)
	hash    = regexp.MustCompile(`[0-9A-F]{8}$`)
)

func (s *stack) node(id string) string {
	r := s.Resources[id]
	outline := outlines[r.Type]
	if outline == "" {
		return ""
	}
	id = hash.ReplaceAllString(id, "")
	name := service.FindStringSubmatch(r.Type)[1] + ": " + id
	if handler, ok := r.Properties["Handler"].(string); ok {
		name, id = "Lambda: "+handler, regexp.MustCompile(`\W`).ReplaceAllString(handler, "")
	}
	s.nodes[id] = id + fmt.Sprintf(outline, name)
	return id
}

var machineName = regexp.MustCompile(`^:stateMachine:([\w-]+)`)

// named returns the resources that a value names: by a reference, through an alias, or a state machine by its fixed name.
func (s *stack) named(value any) (ids []string) {
	switch v := value.(type) {
	case string:
		if m := machineName.FindStringSubmatch(v); m != nil {
			for id, r := range s.Resources {
				if r.Properties["StateMachineName"] == m[1] {
					ids = append(ids, id)
				}
			}
		}
	case []any:
		for _, element := range v {
			ids = append(ids, s.named(element)...)
		}
	case map[string]any:
		id, _ := v["Ref"].(string)
		if of, ok := v["Fn::GetAtt"].([]any); ok {
			id, _ = of[0].(string)
		}
		switch r := s.Resources[id]; {
		case r.Type == "AWS::Lambda::Alias":
			return s.named(r.Properties["FunctionName"])
		case outlines[r.Type] != "":
			return []string{id}
		}
		for _, element := range v {
			ids = append(ids, s.named(element)...)
		}
	}
	return ids
}
