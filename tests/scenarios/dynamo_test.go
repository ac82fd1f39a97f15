package scenarios

import (
	"testing"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/table"
	"tripsaga/verify/play"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

// TestScenariosOnDynamoDB keeps everything on DynamoDB Local, the engine's journal too.
func TestScenariosOnDynamoDB(t *testing.T) {
	dynamotest.ForTest(t)
	play.Run(t, ".", func(t *testing.T, env play.Env) play.System {
		records := dynamotest.NewTable(t, dynamo.Options{})
		sys := openLocal(t, env, func(table.Table) table.Table { return records })
		return play.System{App: sys.App, Engine: sys.Engine, Table: records}
	})
}
