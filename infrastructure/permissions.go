package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/functions"
)

// grant is something that a function may do.
type grant func(*Application) awsiam.PolicyStatement

// permissions is what each function may do, besides writing its own log and its traces. A transaction is allowed by the
// rights to its parts; DynamoDB does not say whether it holds a condition against each part or all, so that all the
// writes of a function have one set of keys. What the hook may do besides, addHook gives it.
func permissions() map[string][]grant {
	reserveFlight := []grant{items("GetItem PutItem UpdateItem", "TRIP#* FLIGHT#*")}
	reserveHotel := []grant{items("GetItem PutItem UpdateItem", "TRIP#* HOTEL#*")}
	pay := []grant{items("GetItem PutItem", "TRIP#* BANK#*")}
	return map[string][]grant{
		"ReserveFlight":  reserveFlight,
		"ReserveHotel":   reserveHotel,
		"ProcessPayment": pay,
		"RefundPayment":  pay,
		"CancelHotel":    {items("GetItem", "TRIP#*"), items("PutItem UpdateItem", "TRIP#* HOTEL#*")},
		"CancelFlight":   {items("GetItem", "TRIP#*"), items("PutItem UpdateItem", "TRIP#* FLIGHT#*")},
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

// addPermissions gives them, once everything that they name is there. A task without a row may read and write its trip's
// records, which is enough for a step that keeps to them.
func (a *Application) addPermissions() {
	all := permissions()
	for _, f := range a.Functions {
		grants, ok := all[f.Name]
		if !ok && f.Task {
			grants = ownTrip()
		}
		for _, g := range grants {
			f.Lambda.AddToRolePolicy(g(a))
		}
	}
}

func ownTrip() []grant { return []grant{items("GetItem PutItem", "TRIP#*")} }

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
