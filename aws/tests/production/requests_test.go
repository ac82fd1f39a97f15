package production

import (
	"encoding/json"
	"fmt"
	"strings"
)

// callsOf reads a request: what a transaction does, it does in parts.
func callsOf(path, target string, body []byte) ([]call, error) {
	service, operation, _ := strings.Cut(target, ".")
	switch {
	case strings.HasPrefix(service, "DynamoDB"):
		return tableCalls(operation, body)
	case service == "AWSStepFunctions":
		return sagaCalls(operation, body)
	case strings.HasPrefix(service, "CodeDeploy") && strings.HasSuffix(operation, "Target") || operation == "ListDeploymentTargets":
		return []call{{Action: "codedeploy:" + operation, Resource: "*"}}, nil // IAM has no resources for it
	case strings.HasPrefix(service, "CodeDeploy"):
		return []call{{Action: "codedeploy:" + operation, Resource: "deploymentGroup"}}, nil
	case strings.HasPrefix(path, "2015-03-31/functions/") && strings.HasSuffix(path, "/invocations"):
		return []call{{Action: "lambda:InvokeFunction", Resource: "function"}}, nil
	}
	return nil, fmt.Errorf("no service that is known")
}

// sagaCalls names the saga behind the resource, such as execution/booking: both kinds of ARN have it at one place.
func sagaCalls(operation string, body []byte) ([]call, error) {
	resources := map[string]string{
		"StartExecution": "stateMachine", "DescribeExecution": "execution", "GetExecutionHistory": "execution", "RedriveExecution": "execution",
	}
	resource, ok := resources[operation]
	if !ok {
		return nil, fmt.Errorf("an operation whose resource is not known")
	}
	var in struct{ StateMachineARN, ExecutionARN string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	parts := strings.Split(in.StateMachineARN+in.ExecutionARN, ":")
	if len(parts) < 7 {
		return nil, fmt.Errorf("no ARN in %s", body)
	}
	return []call{{Action: "states:" + operation, Resource: resource + "/" + parts[6]}}, nil
}

// attributes are what of an item is asked for: its keys.
type attributes map[string]struct{ S string }

func (a attributes) leading() []string {
	pk := a["PK"].S
	if head, _, ok := strings.Cut(pk, "#"); ok {
		pk = head + "#"
	}
	return []string{pk}
}

type writeItem struct {
	Put                            *struct{ Item attributes }
	Update, Delete, ConditionCheck *struct{ Key attributes }
}

type tableRequest struct {
	Key, Item                 attributes
	TransactItems             []writeItem
	IndexName                 string
	ExpressionAttributeValues attributes
}

// query knows the partition by the value that package aws/dynamo gives its name.
func (r *tableRequest) query() call {
	c := call{Action: "dynamodb:Query", Resource: "table", LeadingKeys: attributes{"PK": r.ExpressionAttributeValues[":pk"]}.leading()}
	if r.IndexName != "" {
		c.Resource = "index/" + r.IndexName
	}
	return c
}

func tableCalls(operation string, body []byte) ([]call, error) {
	var r tableRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	on := func(action string, key attributes) call {
		return call{Action: "dynamodb:" + action, Resource: "table", LeadingKeys: key.leading()}
	}
	switch operation {
	case "GetItem", "UpdateItem", "DeleteItem":
		return []call{on(operation, r.Key)}, nil
	case "PutItem":
		return []call{on(operation, r.Item)}, nil
	case "Query":
		return []call{r.query()}, nil
	case "TransactWriteItems":
		return r.parts(on)
	}
	return nil, fmt.Errorf("an operation that is not known")
}

func (r *tableRequest) parts(on func(string, attributes) call) (all []call, err error) {
	for _, item := range r.TransactItems {
		switch {
		case item.Put != nil:
			all = append(all, on("PutItem", item.Put.Item))
		case item.Update != nil:
			all = append(all, on("UpdateItem", item.Update.Key))
		case item.Delete != nil:
			all = append(all, on("DeleteItem", item.Delete.Key))
		case item.ConditionCheck != nil:
			all = append(all, on("ConditionCheckItem", item.ConditionCheck.Key))
		default:
			err = fmt.Errorf("a part of a transaction that is not known")
		}
	}
	return all, err
}
