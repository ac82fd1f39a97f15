package lint

import (
	"slices"
	"strings"
	"testing"
)

// parcel is a saga with a state of every type: two suppliers are asked side by side, both are cancelled side by side, a
// loop waits for the courier; after the pivot it notifies each item of a list.
const parcel = `{
  "StartAt": "Begin",
  "States": {
    "Begin": {"Type": "Pass", "Next": "Which"},
    "Which": {"Type": "Choice", "Choices": [{"Variable": "$.small", "IsPresent": true, "Next": "Small"}], "Default": "Order"},
    "Small": {"Type": "Pass", "Next": "Order"},
    "Order": {
      "Type": "Parallel",
      "Branches": [
        {"StartAt": "Buy", "States": {
          "Buy": {"Type": "Task", "Resource": "${Buy}", "TimeoutSeconds": 5, "Next": "Pause"},
          "Pause": {"Type": "Wait", "Seconds": 1, "End": true}}},
        {"StartAt": "Pack", "States": {
          "Pack": {"Type": "Task", "Resource": "${Pack}", "TimeoutSeconds": 5, "Next": "Packed"},
          "Packed": {"Type": "Succeed"}}}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Undo"}],
      "Next": "Courier"},
    "Courier": {"Type": "Task", "Resource": "${Look}", "TimeoutSeconds": 5, "ResultPath": "$.courier", "Next": "Here",
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Later"}]},
    "Here": {"Type": "Choice", "Choices": [
        {"Variable": "$.courier", "StringEquals": "yes", "Next": "Send"},
        {"Variable": "$.courier", "StringEquals": "never", "Next": "Undo"}],
      "Default": "Later"},
    "Later": {"Type": "Wait", "Seconds": 60, "Next": "Courier"},
    "Send": {"Type": "Task", "Resource": "${Send}", "TimeoutSeconds": 5, "Next": "Tell",
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Undo"}]},
    "Tell": {"Type": "Map", "ItemsPath": "$.people", "Next": "Sent", "ItemProcessor": {"StartAt": "Mail", "States": {
      "Mail": {"Type": "Task", "Resource": "${Look}", "TimeoutSeconds": 5, "End": true,
        "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}]}}}},
    "Sent": {"Type": "Task", "Resource": "${Sent}", "TimeoutSeconds": 5, "End": true,
      "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}]},
    "Undo": {
      "Type": "Parallel",
      "Branches": [
        {"StartAt": "Return", "States": {"Return": {"Type": "Task", "Resource": "${Return}", "TimeoutSeconds": 5, "End": true,
          "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}]}}},
        {"StartAt": "Unpack", "States": {"Unpack": {"Type": "Task", "Resource": "${Unpack}", "TimeoutSeconds": 5, "End": true,
          "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}]}}}],
      "Next": "Lost"},
    "Lost": {"Type": "Task", "Resource": "${Lost}", "TimeoutSeconds": 5, "Next": "Failed",
      "Retry": [{"ErrorEquals": ["Lost"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}],
      "Catch": [{"ErrorEquals": ["Lost"], "ResultPath": null, "Next": "Failed"}]},
    "Failed": {"Type": "Fail", "Error": "Lost"}
  }
}`

func parcels() Options {
	return Options{
		Undo:   map[string]string{"Buy": "Return", "Pack": "Unpack", "Look": ""},
		Pivot:  "Send",
		Record: []string{"Sent", "Lost"},
	}
}

func TestEveryTypeOfStateIsFollowed(t *testing.T) {
	if got := found(t, []byte(parcel), parcels()); len(got) != 0 {
		t.Errorf("%d findings: %v", len(got), got)
	}
}

const (
	buy      = `{"Type":"Task","Resource":"${Buy}","TimeoutSeconds":5,"End":true}`
	giveBack = `{"Type":"Task","Resource":"${Return}","TimeoutSeconds":5,"End":true,"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":20}]}`
)

var unsafeForks = []struct {
	name  string
	edits []edit
	want  []string
}{
	{"a Parallel without Catch", []edit{drop("Order/Catch")}, []string{"catch-all $.States.Order"}},
	{"a branch that fails behind its task",
		[]edit{set("Order/Catch/0/Next", `"Lost"`)},
		[]string{"own-undo $.States.Order.Catch[0]", "own-undo $.States.Order.Catch[0]"}},
	{"a loop that is left without an undo",
		[]edit{set("Here/Choices/1/Next", `"Lost"`)},
		[]string{"earlier-undo $.States.Here.Choices[1]", "earlier-undo $.States.Here.Choices[1]"}},
	{"one branch of the compensation is missing",
		[]edit{set("Undo/Branches", `[{"StartAt":"Return","States":{"Return":`+giveBack+`}}]`)},
		[]string{"not-called $.States", "earlier-undo $.States.Undo.Branches[0].States.Return.End"}},
	{"an undo in a branch without Retry",
		[]edit{drop("Undo/Branches/0/States/Return/Retry")}, []string{"patience $.States.Undo.Branches[0].States.Return"}},
	{"a compensation that fails of itself",
		[]edit{set("Undo/Branches/1/States/Unpack/Next", `"Odd"`), drop("Undo/Branches/1/States/Unpack/End"),
			set("Undo/Branches/1/States/Odd", `{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"Fine"}]}`),
			set("Undo/Branches/1/States/Fine", `{"Type":"Succeed"}`)},
		[]string{"catch-all $.States.Undo"}},
	{"a compensation that gives up",
		[]edit{set("Undo/Branches/1/States/Unpack/Next", `"Odd"`), drop("Undo/Branches/1/States/Unpack/End"),
			set("Undo/Branches/1/States/Odd", `{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"Fine"}],"Default":"No"}`),
			set("Undo/Branches/1/States/Fine", `{"Type":"Succeed"}`), set("Undo/Branches/1/States/No", `{"Type":"Fail"}`)},
		[]string{"catch-all $.States.Undo"}},
	{"a compensation of a list, which may be empty",
		[]edit{set("Undo", `{"Type":"Map","Next":"Unpack","Iterator":{"StartAt":"Return","States":{"Return":`+giveBack+`}}}`),
			set("Unpack", `{"Type":"Task","Resource":"${Unpack}","TimeoutSeconds":5,"Next":"Lost",
				"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":20}]}`)},
		[]string{"earlier-undo $.States.Unpack.Next"}},
	{"a step for each item",
		[]edit{set("Order/Branches/0/States/Buy", `{"Type":"Map","End":true,"Iterator":{"StartAt":"Inner","States":{"Inner":`+buy+`}}}`),
			drop("Order/Branches/0/States/Pause")},
		[]string{"not-followed $.States.Order.Branches[0].States.Buy"}},
	{"a step and its undo side by side",
		[]edit{set("Order/Branches/1/States/Packed", giveBack)},
		[]string{"not-followed $.States.Order"}},
	{"the pivot beside a step",
		[]edit{set("Order/Branches/1/States/Packed", `{"Type":"Task","Resource":"${Send}","TimeoutSeconds":5,"End":true}`),
			set("Order/Next", `"Tell"`), drop("Courier"), drop("Here"), drop("Later"), drop("Send")},
		[]string{"not-followed $.States.Order", "undo-after-pivot $.States.Order.Catch[0]"}},
	{"the end recorded beside a step",
		[]edit{set("Order/Branches/1/States/Packed", `{"Type":"Task","Resource":"${Lost}","TimeoutSeconds":5,"End":true}`)},
		[]string{"not-followed $.States.Order", "patience $.States.Order.Branches[1].States.Packed",
			"earlier-undo $.States.Order.Branches[1].States.Pack.Next", "earlier-undo $.States.Order.Branches[1].States.Pack.Next"}},
	{"what is told after the pivot is given up",
		[]edit{drop("Tell/ItemProcessor/States/Mail/Retry")}, []string{"patience $.States.Tell.ItemProcessor.States.Mail"}},
	{"a time-out in the input of an item",
		[]edit{set("Tell", `{"Type":"Map","Next":"Sent","Iterator":{"StartAt":"Mail","States":{"Mail":{"Type":"Task","Resource":"Look",
			"TimeoutSecondsPath":"$.t","End":true,"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":20}]}}}}`)},
		[]string{"timeout $.States.Tell.Iterator.States.Mail.TimeoutSecondsPath"}},
	{"a Fail after the pivot", []edit{set("Sent/Next", `"Failed"`), drop("Sent/End")},
		[]string{"earlier-undo $.States.Sent.Next", "earlier-undo $.States.Sent.Next"}},
	{"a recording whose failure counts as one",
		[]edit{set("Lost/Catch/0/ErrorEquals", `["Lost","Odd"]`)}, []string{"unrecorded $.States.Lost.Catch[0]"}},
}

func TestWhatIsUnsafeInAForkIsFound(t *testing.T) {
	for _, c := range unsafeForks {
		t.Run(c.name, func(t *testing.T) {
			got := found(t, edited(t, []byte(parcel), c.edits...), parcels())
			slices.Sort(c.want)
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func TestAFinalErrorOfABranchIsRetried(t *testing.T) {
	opt := parcels()
	opt.Final = []string{"Odd"}
	got := found(t, edited(t, []byte(parcel), set("Order/Retry", `[{"ErrorEquals":["States.BranchFailed"]}]`)), opt)
	if !slices.Contains(got, "final-retried $.States.Order.Retry[0]") {
		t.Errorf("found %v", got)
	}
}

// small is a saga of two steps.
const small = `{"StartAt":"Buy","States":{
	"Buy":{"Type":"Task","Resource":"${Buy}","TimeoutSeconds":5,"Next":"Pack",
		"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"Return"}]},
	"Pack":{"Type":"Task","Resource":"${Pack}","TimeoutSeconds":5,"End":true,
		"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"Unpack"}]},
	"Unpack":{"Type":"Task","Resource":"${Unpack}","TimeoutSeconds":5,"Next":"Return",
		"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":10}]},
	"Return":{"Type":"Task","Resource":"${Return}","TimeoutSeconds":5,"End":true,
		"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":10}]}}}`

// TestWithoutAPivot: such a saga may be undone until it ends, and has failed when a step was left by Catch.
func TestWithoutAPivot(t *testing.T) {
	opt := Options{Undo: parcels().Undo}
	delete(opt.Undo, "Look")
	if got := found(t, []byte(small), opt); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	got := found(t, edited(t, []byte(small), drop("Unpack/Next"), set("Unpack/End", `true`)), opt)
	if want := []string{"earlier-undo $.States.Pack.Catch[0]"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// TestAnItemFollowsAnother: the second may undo what the first has paid for.
func TestAnItemFollowsAnother(t *testing.T) {
	const definition = `{"StartAt":"Each","States":{"Each":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"Which","States":{
		"Which":{"Type":"Choice","Choices":[{"Variable":"$.pay","IsPresent":true,"Next":"Send"}],"Default":"Return"},
		"Send":{"Type":"Task","Resource":"Send","TimeoutSeconds":5,"End":true},
		"Return":{"Type":"Task","Resource":"Return","TimeoutSeconds":5,"End":true,
			"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":10}]}}}}}}`
	got := found(t, []byte(definition), Options{Undo: map[string]string{"Buy": "Return"}, Pivot: "Send"})
	if !slices.Contains(got, "undo-after-pivot $.States.Each.ItemProcessor.States.Which.Default") {
		t.Errorf("found %v", got)
	}
}
