// Package scenarios runs the scenario files of tests/scenarios over DynamoDB Local.
package scenarios

import (
	"context"
	"testing"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/verify/play"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

// TestScenariosOnDynamoDB keeps everything on DynamoDB Local, the engine's journal too.
func TestScenariosOnDynamoDB(t *testing.T) {
	dynamotest.ForTest(t)
	play.Run(t, "../../../tests/scenarios", func(t *testing.T, env play.Env) play.System {
		records := dynamotest.NewTable(t, dynamo.Options{})
		sys, err := local.Open(t.Context(), local.Options{
			Scheduler: env.Scheduler, Seed: env.Seed, Random: env.Random, WrapTasks: env.WrapTasks,
			WrapTable: func(table.Table) table.Table { return records },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := sys.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return play.System{App: sys.App, Engine: sys.Engine, Table: records}
	})
}
