package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"tripsaga/aws/cost"
)

const stackFile = "../aws/cost/usage/stack.json"

// TestStackUsage holds what the estimate of the costs takes for granted to production's template.
func TestStackUsage(t *testing.T) {
	got, err := json.MarshalIndent(usageOf(t, stacks(t)[productionStack]), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(stackFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(stackFile); err != nil || !bytes.Equal(want, got) {
		t.Errorf("%s is not what the template has (%v); rewrite it with -update and read the difference. It has:\n%s", stackFile, err, got)
	}
}

func usageOf(t *testing.T, all *template) cost.Stack {
	u := cost.Stack{
		MemoryMB: map[string]float64{}, Dashboards: len(all.ofType("AWS::CloudWatch::Dashboard")), Keys: len(all.ofType("AWS::KMS::Key")),
	}
	for _, f := range all.ofType("AWS::Lambda::Function") {
		u.MemoryMB[f.at("Handler").(string)] = f.at("MemorySize").(float64)
	}
	for _, alarm := range all.ofType("AWS::CloudWatch::Alarm") {
		u.AlarmMetrics += metricsOf(alarm)
	}
	u.ReconcilerRuns = runsAMonth(t, all.named(t, "EachMinute").at("ScheduleExpression"))
	for _, status := range all.named(t, "SagaStopped").at("EventPattern.detail.status").([]any) {
		u.ListenerOn = append(u.ListenerOn, status.(string))
	}
	for _, archive := range all.ofType("AWS::Events::Archive") {
		u.ArchiveDays = int(archive.at("RetentionDays").(float64))
	}
	u.LogDays = int(all.named(t, "ReserveFlightLog").at("RetentionInDays").(float64))
	for _, stage := range all.ofType("AWS::ApiGatewayV2::Stage") { // the values of a line are about as long as their names
		u.AccessLogBytes = len(stage.at("AccessLogSettings.Format").(string))
	}
	return u
}

// metricsOf counts what is billed of an alarm: its metric, or those that its expressions take.
func metricsOf(alarm resource) (n int) {
	metrics, _ := alarm.at("Metrics").([]any)
	if len(metrics) == 0 {
		return 1
	}
	for _, m := range metrics {
		if _, ok := m.(map[string]any)["MetricStat"]; ok {
			n++
		}
	}
	return n
}

func runsAMonth(t *testing.T, schedule any) float64 {
	if schedule != "rate(1 minute)" {
		t.Fatalf("the schedule is %v, and this test knows minutes only", schedule)
	}
	const month = 730 * time.Hour // as AWS counts it
	return float64(month / time.Minute)
}
