package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/functions"
	"tripsaga/trip/saga"
)

// addFunctions adds every function with its own role and log. A version is published when code or configuration changes.
// Old versions are kept, for executions that still use them and for a rollback. Only a version that a rolled-back update
// has created is deleted with it: Lambda refuses to publish the same bytes again.
func (a *Application) addFunctions() {
	code := awslambda.Code_FromAsset(&a.Stage.Code, nil)
	for _, spec := range functions.All() {
		f := &Function{Function: spec, Lambda: a.lambda(spec, code)}
		f.Version = f.Lambda.CurrentVersion()
		if spec.Name != functions.PreTraffic {
			f.Live = awslambda.NewAlias(a.Stack, jsii.String(spec.Name+"Live"), &awslambda.AliasProps{
				AliasName: jsii.String(live), Version: f.Version,
			})
		}
		a.Functions = append(a.Functions, f)
	}
}

// live is the name of the alias that takes the traffic, of each function and of each state machine.
const live = "live"

func (a *Application) lambda(spec functions.Function, code awslambda.AssetCode) awslambda.Function {
	log := a.log(spec.Name + "Log")
	role := awsiam.NewRole(a.Stack, jsii.String(spec.Name+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	log.GrantWrite(role)
	f := awslambda.NewFunction(a.Stack, &spec.Name, &awslambda.FunctionProps{
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:          awslambda.Architecture_ARM_64(),
		Handler:               &spec.Name,
		Code:                  code,
		Timeout:               awscdk.Duration_Seconds(jsii.Number(spec.Timeout.Seconds())),
		MemorySize:            jsii.Number(spec.Memory),
		Role:                  role,
		LogGroup:              log,
		LoggingFormat:         awslambda.LoggingFormat_JSON,
		ApplicationLogLevelV2: awslambda.ApplicationLogLevel_DEBUG, // else Lambda drops debug lines, whatever LOG_LEVEL says
		Tracing:               awslambda.Tracing_ACTIVE,
		Environment:           a.environment(spec.Name),
		CurrentVersionOptions: &awslambda.VersionOptions{RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE},
	})
	resource := f.Node().DefaultChild().(awscdk.CfnResource)
	suppress(resource, "CKV_AWS_115", "A reservation would take from the account's limit; the API's throttling bounds what comes in.")
	suppress(resource, "CKV_AWS_116", "Who calls it synchronously gets its error; what EventBridge sends has dead letters.")
	suppress(resource, "CKV_AWS_117", "It calls services of AWS only, and nothing in a VPC.")
	suppress(resource, "CKV_AWS_173", "Its variables are names and ARNs, and no secrets.")
	ignore(resource, "W3005", "The CDK names the role beside its policy.")
	return f
}

// environment returns the settings that a function reads and that the deployment sets. addHook adds FUNCTION_ARNS.
func (a *Application) environment(name string) *map[string]*string {
	given := map[string]*string{
		functions.LogLevel:         &a.Stage.LogLevel,
		functions.MetricsNamespace: jsii.String(a.namespace()),
		functions.TableName:        a.Table.TableName(),
	}
	for _, s := range saga.All() {
		given[functions.MachineARN(s.Name())] = a.machineARN(s, ":"+live)
	}
	if a.Stage.Traces == otlp {
		given[functions.OTLPTraces] = jsii.String("https://xray." + *a.Stack.Region() + "." + *a.Stack.UrlSuffix() + "/v1/traces")
		given[functions.OTLPSigned] = jsii.String("true")
	}
	if a.stripe() {
		given[functions.Payments], given[functions.StripeSecret] = jsii.String(functions.Stripe), &a.Stage.StripeSecretARN
		given[functions.StripeLive] = jsii.String(strconv.FormatBool(a.Stage.StripeLive))
	}
	variables := map[string]*string{}
	for _, s := range functions.Settings() {
		if value, ok := given[s.Name]; ok && s.ReadBy(name) {
			variables[s.Name] = value
		}
	}
	return &variables
}

// log is a log group. It is kept when its function is deleted, unless its creation is rolled back.
func (a *Application) log(id string) awslogs.LogGroup { return a.namedLog(id, nil) }

// vendedLog is a log group that an AWS service writes to. Log groups with this prefix share one resource policy, of which
// an account can have ten. The stack's unique id in the name allows a stack to be created again while the logs of its
// predecessor still exist.
func (a *Application) vendedLog(id string) awslogs.LogGroup {
	unique := awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), a.Stack.StackId(), nil))
	return a.namedLog(id, jsii.String("/aws/vendedlogs/"+a.name()+"/"+id+"-"+*unique))
}

func (a *Application) namedLog(id string, name *string) awslogs.LogGroup {
	log := awslogs.NewLogGroup(a.Stack, &id, &awslogs.LogGroupProps{
		LogGroupName: name, RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
	resource := log.Node().DefaultChild().(awslogs.CfnLogGroup)
	resource.SetRetentionInDays(jsii.Number(a.Stage.LogRetentionDays))
	suppress(resource, "CKV_AWS_158", "CloudWatch Logs encrypts it under a key of its own, and no log has personal data.")
	return log
}

// grant is a right of a function.
type grant func(*Application) awsiam.PolicyStatement

// permissions are the rights of the functions that are not tasks, besides those to write logs and traces. A transaction
// needs the rights for each of its operations. DynamoDB does not document whether it checks a condition against each
// operation or against all of them, so all writes of a function have one set of keys. addHook adds rights for the hook.
func permissions() map[string][]grant {
	return map[string][]grant{
		functions.API: {
			items("GetItem", "TRIP#* FLIGHT#* HOTEL#* BANK#*"),
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
			items("GetItem", "TRIP#* BANK#* "+synthetic), items("Query", "TRIP#* BANK#*"), index(),
			items("PutItem UpdateItem", "TRIP#* TRIPDAYS INVENTORY "+synthetic),
		},
	}
}

// synthetic are the keys of what package trial books: the hook has no access to the customers' inventory.
const synthetic = "FLIGHT#ZZ*#9999-12-30 HOTEL#PRETRAFFIC-*#9999-12-30"

// addPermissions grants the rights, after everything that they name exists.
func (a *Application) addPermissions() {
	others := permissions()
	for _, f := range a.Functions {
		grants := others[f.Name]
		if f.Task {
			grants = touched(saga.Find(f.Name))
		}
		if a.stripe() && slices.Contains(functions.Payers(), f.Name) {
			grants = append(grants, stripeKey)
		}
		if a.Stage.Traces == otlp {
			grants = append(grants, spans)
		}
		for _, g := range grants {
			f.Lambda.AddToRolePolicy(g(a))
		}
	}
}

// touched are the grants that follow from the sagas' facts about a task.
func touched(t saga.Task) (grants []grant) {
	actions := strings.NewReplacer("get", "GetItem", "put", "PutItem", "add", "UpdateItem")
	for _, access := range t.Touches {
		keys := strings.Join(strings.Fields(access.Partitions), "#* ") + "#*"
		grants = append(grants, items(actions.Replace(access.Operations), keys))
	}
	return grants
}

// items allows actions on the table's items whose partition keys match. The condition is also true for a call without a
// key; the only such action on items is Scan, which nobody is granted.
func items(actions, keys string) grant {
	return func(a *Application) awsiam.PolicyStatement {
		return allow("dynamodb", actions, a.Table.TableArn(), map[string]any{
			"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": strings.Fields(keys)},
		})
	}
}

// index allows to query the whole index: which keys a condition sees there is not documented.
func index() grant {
	return func(a *Application) awsiam.PolicyStatement {
		return allow("dynamodb", "Query", jsii.String(*a.Table.TableArn()+"/index/"+schema.GSI1), nil)
	}
}

// stripe reports whether the stage charges at Stripe. Staging has the built-in bank, with whose test cards it is checked.
func (a *Application) stripe() bool {
	return a.Stage.Payments == functions.Stripe && a.Stage.Name == production
}

// stripeKey allows to read the key of Stripe.
func stripeKey(a *Application) awsiam.PolicyStatement {
	return allow("secretsmanager", "GetSecretValue", &a.Stage.StripeSecretARN, nil)
}

// spans allows to send spans to X-Ray's OTLP endpoint, which has no resources in IAM. The rights of the daemon stay: Lambda
// sends its own segments with them.
func spans(*Application) awsiam.PolicyStatement {
	return allow("xray", "PutSpans PutSpansForIndexing", jsii.String("*"), nil)
}

// start allows to start sagas through their aliases. IAM checks the state machine without a qualifier, however it is started;
// a condition limits the qualifier.
func start() grant {
	return func(a *Application) awsiam.PolicyStatement {
		return allowAll("states", "StartExecution", a.machineARNs(), map[string]any{
			"StringEquals": map[string]any{"states:StateMachineQualifier": live},
		})
	}
}

// executions allows actions on all executions of the sagas.
func executions(actions string) grant {
	return func(a *Application) awsiam.PolicyStatement {
		var all []*string
		for _, s := range saga.All() {
			all = append(all, a.statesARN("execution", a.machineName(s)+":*"))
		}
		return allowAll("states", actions, all, nil)
	}
}

// allow is a statement for actions of one service, separated by spaces.
func allow(service, actions string, resource *string, condition map[string]any) awsiam.PolicyStatement {
	return allowAll(service, actions, []*string{resource}, condition)
}

func allowAll(service, actions string, resources []*string, condition map[string]any) awsiam.PolicyStatement {
	var full []*string
	for _, action := range strings.Fields(actions) {
		full = append(full, jsii.String(service+":"+action))
	}
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: &full, Resources: &resources, Conditions: &condition,
	})
}
