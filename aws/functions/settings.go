package functions

import (
	"slices"
	"strings"

	"tripsaga/trip/saga"
)

// The settings that a deployment gives or that depend on each other.
const (
	Handler               = "_HANDLER"
	TableName             = "TABLE_NAME"
	FunctionARNs          = "FUNCTION_ARNS"
	Payments              = "PAYMENTS"
	StripeSecret          = "STRIPE_SECRET_ARN"
	StripeLive            = "STRIPE_LIVE"
	LogLevel              = "LOG_LEVEL"
	MetricsNamespace      = "METRICS_NAMESPACE"
	OTLPTraces            = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	OTLPSigned            = "OTLP_SIGNED"
	ReconcileGrace        = "RECONCILE_GRACE"
	ReconcileOverdue      = "RECONCILE_OVERDUE"
	EndpointDynamoDB      = "AWS_ENDPOINT_URL_DYNAMODB"
	EndpointStepFunctions = "AWS_ENDPOINT_URL_SFN"
)

// MachineARN is the setting with the state machine that runs a saga, such as BOOKING_STATE_MACHINE_ARN.
func MachineARN(saga string) string { return strings.ToUpper(saga) + "_STATE_MACHINE_ARN" }

// The values of Payments.
const (
	Bank   = "bank"
	Stripe = "stripe"
)

// Setting is an environment variable that functions read. The functions' program checks its environment against this
// table, the infrastructure gives each function what it reads, and docs/lambda.md shows it.
type Setting struct {
	Name      string
	Functions []string // that read it; nil is all
	Except    []string // of all functions, those that do not
	Required  bool     // by the functions that read it
	ByLambda  bool     // Lambda sets it, not the deployment
	Secret    bool     // no message repeats a wrong value
	Default   string   // the value when it is not set
	Allowed   string
	Meaning   string
}

// ReadBy reports whether the function reads the setting. An unknown name reads what most functions read, so that problems of
// its other settings are reported too.
func (s *Setting) ReadBy(function string) bool {
	return (s.Functions == nil || slices.Contains(s.Functions, function)) && !slices.Contains(s.Except, function)
}

const (
	durations = "a duration from 1s to 720h"
	addresses = "an http or https URL"
	booleans  = "true, false"
)

// machines lists the state machines.
func machines(readers []string) (all []Setting) {
	for _, s := range saga.All() {
		all = append(all, Setting{Name: MachineARN(s.Name()), Functions: readers, Required: true,
			Allowed: "the ARN of a state machine, with or without a version or an alias", Meaning: "the state machine of the saga " + s.Name()})
	}
	return all
}

// Settings lists what a deployment sets, then what Lambda sets.
func Settings() []Setting {
	sagas, payers := []string{API, ExecutionListener, Reconciler}, Payers()
	reconciler, relay, preTraffic := []string{Reconciler}, []string{OutboxRelay}, []string{PreTraffic}
	table := Setting{Name: TableName, Except: relay, Required: true, Allowed: "3 to 255 letters, digits, - _ and .", Meaning: "the DynamoDB table"}
	return slices.Concat([]Setting{table}, machines(append(slices.Clone(sagas), PreTraffic)), []Setting{
		{Name: FunctionARNs, Functions: preTraffic, Required: true, Allowed: "a JSON object, the name of every other function to its ARN without a version",
			Meaning: "the functions whose versions are tried"},
		{Name: LogLevel, Default: "info", Allowed: "debug, info, warn, error",
			Meaning: "the least level that is logged"},
		{Name: ReconcileGrace, Functions: reconciler, Default: "2m", Allowed: durations,
			Meaning: "how long a trip may be pending before its saga is started again"},
		{Name: ReconcileOverdue, Functions: reconciler, Default: "30m", Allowed: durations + ", longer than " + ReconcileGrace,
			Meaning: "how long a trip may be pending before it is marked NEEDS_ATTENTION"},
		{Name: Payments, Functions: payers, Default: Bank, Allowed: Bank + ", " + Stripe, Meaning: "the payment provider"},
		{Name: StripeSecret, Functions: payers, Secret: true, Allowed: "the ARN of a secret in Secrets Manager, whose text is the key",
			Meaning: "the key of Stripe, with " + Payments + "=" + Stripe},
		{Name: StripeLive, Functions: payers, Default: "false", Allowed: booleans, Meaning: "whether a key of live mode is accepted, which moves real money"},
		{Name: MetricsNamespace, Default: "tripsaga", Allowed: "1 to 255 letters, digits, and . - _ / # :",
			Meaning: "the CloudWatch namespace of the metrics"},
		{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Allowed: addresses,
			Meaning: "where traces go over OTLP/HTTP; without it they go to the X-Ray daemon"},
		{Name: OTLPTraces, Allowed: addresses, Meaning: "the whole address for traces, in place of the one above"},
		{Name: OTLPSigned, Default: "false", Allowed: booleans,
			Meaning: "whether traces over OTLP/HTTP are signed by the function's role, as X-Ray demands"},
		{Name: "OTEL_EXPORTER_OTLP_HEADERS", Allowed: "key=value,key=value, values percent-encoded",
			Meaning: "sent along with traces over OTLP/HTTP"},
		{Name: EndpointDynamoDB, Except: relay, Allowed: addresses, Meaning: "another DynamoDB, such as DynamoDB Local"},
		{Name: EndpointStepFunctions, Functions: sagas, Allowed: addresses, Meaning: "another Step Functions"},
		{Name: "AWS_ENDPOINT_URL_SECRETS_MANAGER", Functions: payers, Allowed: addresses, Meaning: "another Secrets Manager"},
		{Name: "STRIPE_API_URL", Functions: payers, Allowed: "an https URL, or an http URL of this machine", Meaning: "another Stripe, such as stripe-mock"},
		{Name: "AWS_ENDPOINT_URL_LAMBDA", Functions: preTraffic, Allowed: addresses, Meaning: "another Lambda"},
		{Name: "AWS_ENDPOINT_URL_CODEDEPLOY", Functions: preTraffic, Allowed: addresses, Meaning: "another CodeDeploy"},

		{ByLambda: true, Name: Handler, Required: true, Allowed: strings.Join(Names(), ", "), Meaning: "which function this is; by Lambda, from the function's handler"},
		{ByLambda: true, Name: "AWS_REGION", Required: true, Allowed: "a region, such as eu-west-1", Meaning: "the region; by Lambda"},
		{ByLambda: true, Name: "AWS_ACCESS_KEY_ID", Required: true, Allowed: "a key", Meaning: "of the function's role; by Lambda"},
		{ByLambda: true, Name: "AWS_SECRET_ACCESS_KEY", Required: true, Allowed: "a key", Meaning: "of the function's role; by Lambda"},
		{ByLambda: true, Name: "AWS_SESSION_TOKEN", Allowed: "a token", Meaning: "of the function's role; by Lambda"},
		{ByLambda: true, Name: "AWS_LAMBDA_FUNCTION_VERSION", Allowed: "a version", Meaning: "named in logs and metrics; by Lambda"},
		{ByLambda: true, Name: "AWS_XRAY_DAEMON_ADDRESS", Allowed: "host:port", Meaning: "where X-Ray takes traces, over UDP; by Lambda"},
	})
}
