// Package scenarios plays the scripts of tests/scenarios and of the command over DynamoDB Local.
package scenarios

import (
	"testing"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/table"
	"tripsaga/verify/play"
	"tripsaga/verify/play/playtest"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

// TestScenariosOnDynamoDB keeps everything on DynamoDB Local, the engine's journal too.
func TestScenariosOnDynamoDB(t *testing.T) {
	dynamotest.ForTest(t)
	playtest.Run(t, "../../../tests/scenarios", func(t *testing.T, s *play.Stage) play.System {
		records := dynamotest.NewTable(t, dynamo.Options{})
		sys := playtest.Local(t, s, func(table.Table) table.Table { return records })
		return play.System{App: sys.App, Engine: sys.Engine, Cancellations: sys.Cancellations, Table: records}
	})
}
