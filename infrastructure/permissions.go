package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/functions"
	"tripsaga/trip/saga"
)

// grant is something that a function may do.
type grant func(*Application) awsiam.PolicyStatement

// permissions is what each function may do that is not a task, besides writing its own log and its traces. A transaction
// is allowed by the rights to its parts. DynamoDB does not document whether it checks a condition against each part or
// against all of them, so all the writes of a function have one set of keys. addHook gives the hook some more rights.
func permissions() map[string][]grant {
	return map[string][]grant{
		functions.API: {
			items("GetItem", "TRIP#* FLIGHT#* HOTEL#*"),
			items("Query", "TRIP#* TRIPDAYS BANK#*"),
			items("PutItem UpdateItem", "TRIP#* TRIPDAYS FLIGHT#* HOTEL#* INVENTORY"),
			index(), start(), executions("DescribeExecution GetExecutionHistory RedriveExecution"),
		},
		functions.ExecutionListener: {
			items("GetItem PutItem", "TRIP#*"), executions("DescribeExecution GetExecutionHistory"),
		},
		functions.Reconciler: {
			items("GetItem PutItem", "TRIP#*"), items("Query", "TRIPDAYS"), index(), start(), executions("DescribeExecution"),
		},
		functions.OutboxRelay: nil,
		functions.PreTraffic: {
			items("GetItem", "TRIP#* "+synthetic), items("Query", "TRIP#* BANK#*"), index(),
			items("PutItem UpdateItem", "TRIP#* TRIPDAYS INVENTORY "+synthetic),
		},
	}
}

// synthetic are the keys of what package trial books; what is sold to customers is none of the hook's.
const synthetic = "FLIGHT#ZZ*#9999-12-30 HOTEL#PRETRAFFIC-*#9999-12-30"

// addPermissions grants them, after everything that they name exists.
func (a *Application) addPermissions() {
	others := permissions()
	for _, f := range a.Functions {
		grants := others[f.Name]
		if f.Task {
			grants = touched(saga.Find(f.Name))
		}
		for _, g := range grants {
			f.Lambda.AddToRolePolicy(g(a))
		}
	}
}

// touched grants what the saga's facts say of a task.
func touched(t saga.Task) (grants []grant) {
	actions := strings.NewReplacer("get", "GetItem", "put", "PutItem", "add", "UpdateItem")
	for _, access := range t.Touches {
		keys := strings.Join(strings.Fields(access.Partitions), "#* ") + "#*"
		grants = append(grants, items(actions.Replace(access.Operations), keys))
	}
	return grants
}

// items allows actions on the table's items whose partition keys match. The condition holds of a call without a key,
// too; of the actions on items only Scan can be such a call, and nobody is given it.
func items(actions, keys string) grant {
	return func(a *Application) awsiam.PolicyStatement {
		return allow("dynamodb", actions, a.Table.TableArn(), map[string]any{
			"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": strings.Fields(keys)},
		})
	}
}

// index allows to query the index, all of it: what a condition's keys are in an index is not documented.
func index() grant {
	return func(a *Application) awsiam.PolicyStatement {
		return allow("dynamodb", "Query", jsii.String(*a.Table.TableArn()+"/index/"+schema.GSI1), nil)
	}
}

// start allows to start sagas by the alias. IAM is asked for the state machine without a qualifier, whichever way it is
// started; the qualifier is a condition's.
func start() grant {
	return func(a *Application) awsiam.PolicyStatement {
		return allow("states", "StartExecution", a.machineARN(), map[string]any{
			"StringEquals": map[string]any{"states:StateMachineQualifier": live},
		})
	}
}

// executions allows actions on the sagas, which are named by their trips.
func executions(actions string) grant {
	return func(a *Application) awsiam.PolicyStatement {
		return allow("states", actions, a.statesARN("execution", a.machineName()+":*"), nil)
	}
}

// allow is a statement over actions of one service.
func allow(service, actions string, resource *string, condition map[string]any) awsiam.PolicyStatement {
	var full []*string
	for _, action := range strings.Fields(actions) {
		full = append(full, jsii.String(service+":"+action))
	}
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: &full, Resources: &[]*string{resource}, Conditions: &condition,
	})
}
