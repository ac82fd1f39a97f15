package main

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"tripsaga/aws/dynamo/schema"
)

// stream is the ARN of the stream of a table.
func stream(table string) string {
	return "arn:aws:dynamodb:eu-west-1:123456789012:table/" + table + "/stream/2026-11-28T12:00:00.000"
}

// adopting are the stacks of stages that adopt tables.
var adopting = sync.OnceValues(func() (map[string]*template, error) {
	return synthesise(map[string]any{"stagingTable": stream("restored-staging"), "productionTable": stream("restored-production")})
})

func adopters(t *testing.T) map[string]*template {
	t.Helper()
	all, err := adopting()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// canonical is a template's resources by their names, with the identifiers in the references shortened to names.
func (t *template) canonical(tb testing.TB, replace *strings.Replacer) map[string]string {
	tb.Helper()
	all := map[string]string{}
	for id, r := range t.Resources {
		data, err := json.Marshal(plain(asJSON(r)))
		if err != nil {
			tb.Fatal(err)
		}
		all[name(id)] = replace.Replace(string(data))
	}
	return all
}

// A stack that adopts a table is the stack that makes one without the table: the same grants, pipe, alarms and all else,
// with the other table's name and ARNs, and with state machines of other names.
func TestAnAdoptedTableTakesThePlaceOfTheStacks(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		other := adopters(t)[stackOf(stage)]
		table := "restored-" + stage
		generation := Stage{Name: stage, Config: Config{StagingTable: stream(table), ProductionTable: stream(table)}}.generation()
		before := s.canonical(t, strings.NewReplacer(
			"${Table.StreamArn}", stream(table), "${Table.Arn}", tableARN(stream(table)), "${Table}", table,
			"stateMachine:tripsaga-"+stage, "stateMachine:tripsaga-"+stage+generation, "execution:tripsaga-"+stage, "execution:tripsaga-"+stage+generation,
			`"StateMachineName":"tripsaga-`+stage, `"StateMachineName":"tripsaga-`+stage+generation,
			"SagaLive", "SagaLive"+generation[1:], "CancellationLive", "CancellationLive"+generation[1:]))
		after := other.canonical(t, strings.NewReplacer())
		for _, alias := range []string{"SagaLive", "CancellationLive"} {
			before[alias+generation[1:]] = before[alias]
			delete(before, alias)
		}
		delete(before, "Table")
		if len(after) < 100 {
			t.Errorf("the stack has %d resources", len(after))
		}
		for id, want := range before {
			if after[id] != want {
				t.Errorf("%s is\n%s\nwant\n%s", id, after[id], want)
			}
			delete(after, id)
		}
		if len(after) > 0 {
			t.Errorf("it adds %v", after)
		}
		if got := plain(other.Outputs["TableName"]["Value"]); got != table {
			t.Errorf("the output TableName is %v", got)
		}
	})
}

// Step Functions remembers the names of the executions of a machine, and has one alias of a name on each.
func TestAnAdoptedTableHasNewStateMachines(t *testing.T) {
	generations := map[string]bool{}
	for _, table := range []string{"", stream("a"), stream("b")} {
		generations[Stage{Name: production, Config: Config{ProductionTable: table}}.generation()] = true
	}
	if len(generations) != 3 {
		t.Errorf("generations are %v", generations)
	}
	again := strings.Replace(stream("a"), "12:00", "13:00", 1)
	if !generations[(Stage{Name: production, Config: Config{ProductionTable: again}}).generation()] {
		t.Error("another stream of the same table ends its state machines, and their sagas")
	}
	eachStage(t, func(t *testing.T, stage string, s *template) {
		old, now := s.ofType("AWS::StepFunctions::StateMachineAlias"), adopters(t)[stackOf(stage)].ofType("AWS::StepFunctions::StateMachineAlias")
		for id := range now {
			if _, both := old[id]; both {
				t.Errorf("the alias %s would have to move to a version of another state machine", id)
			}
		}
		if len(now) != len(old) {
			t.Errorf("%d aliases, want %d", len(now), len(old))
		}
	})
}

// The pipeline hands the tables on: a build without them would make new, empty ones.
func TestAdoptedTablesAreHandedOn(t *testing.T) {
	text := string(adopters(t)[pipelineStack].raw)
	for _, table := range []string{"restored-staging", "restored-production"} {
		if !strings.Contains(text, table) {
			t.Errorf("the pipeline does not know %s", table)
		}
	}
}

// A release brings the table that its own templates have to the examination, and a stack shows the table that it has
// adopted: so a release with templates from before the adoption is refused.
func TestAdoptedTablesAreExamined(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		other := adopters(t)[stackOf(stage)]
		stream, _ := plain(other.Outputs["AdoptedStream"]["Value"]).(string)
		if want := "table/restored-" + stage + "/stream/"; !strings.Contains(stream, want) || other.Metadata["tripsaga:table"] != stream {
			t.Errorf("the output is %q, the metadata %v; want both with %s", stream, other.Metadata["tripsaga:table"], want)
		}
		if s.Metadata["tripsaga:table"] != "NEW" || s.Outputs["AdoptedStream"] != nil {
			t.Errorf("a stack that makes its table has %v and the output %v", s.Metadata["tripsaga:table"], s.Outputs["AdoptedStream"])
		}
		var may []string
		for _, policy := range adopters(t)[pipelineStack].ofType("AWS::IAM::Policy") {
			if text, _ := json.Marshal(policy.Properties); strings.Contains(string(text), tableARN(stream)+`"`) {
				may = append(may, string(text))
			}
		}
		for _, action := range []string{"DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups"} {
			if len(may) != 1 || !strings.Contains(may[0], `"dynamodb:`+action+`"`) {
				t.Errorf("one role of the pipeline may %s on %s; the policies are %q", action, tableARN(stream), may)
			}
		}
	})
}

// The table of a stack that adopts another is kept, as is the one of a stack that is deleted.
func TestTheTableThatIsReplacedIsKept(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		if !s.named(t, "Table").retained() {
			t.Error("it is deleted with its data")
		}
		if tables := adopters(t)[stackOf(stage)].ofType("AWS::DynamoDB::Table"); len(tables) > 0 {
			t.Errorf("the other stack makes the tables %q", names(tables))
		}
	})
}

// What a restore leaves out is set by the runbook as the stack sets it.
func TestTheRunbookEquipsATable(t *testing.T) {
	text, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"StreamEnabled=true,StreamViewType=" + schema.Table().Stream + "\n", "Enabled=true,AttributeName=" + schema.Table().TTL + "\n",
		"PointInTimeRecoveryEnabled=true\n", "--deletion-protection-enabled\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the runbook lacks %q", want)
		}
	}
}
