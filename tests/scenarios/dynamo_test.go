package scenarios

import (
	"testing"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/table"
	"tripsaga/tests/scenarios/scenario"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

// TestScenariosOnDynamoDB keeps everything on DynamoDB Local, the engine's journal too.
func TestScenariosOnDynamoDB(t *testing.T) {
	dynamotest.ForTest(t)
	scenario.Run(t, ".", func(t *testing.T, env scenario.Env) scenario.System {
		records := dynamotest.NewTable(t, dynamo.Options{})
		sys := openLocal(t, env, func(table.Table) table.Table { return records })
		return scenario.System{App: sys.App, Engine: sys.Engine, Table: records}
	})
}
