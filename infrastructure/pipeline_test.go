package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// connected is the pipeline's stack with a connection that is there already.
var connected = sync.OnceValues(func() (map[string]*template, error) {
	return synthesise(map[string]any{"connectionArn": givenConnection, "repository": "somebody/trips"})
})

const givenConnection = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0f0e"

// step is an action of the pipeline.
type step struct {
	stage, name, provider string
	order                 float64
	inputs, outputs       []string
	resource                     // its Properties are the configuration
	stack                 string // that it deploys
}

func (t *template) steps(tb testing.TB) (all []step) {
	for _, s := range list(t.named(tb, "Pipeline").at("Stages")) {
		stage := resource{Properties: s.(map[string]any)}
		for _, a := range list(stage.at("Actions")) {
			action := resource{Properties: a.(map[string]any)}
			one := step{
				stage: stage.at("Name").(string), name: action.at("Name").(string), provider: action.at("ActionTypeId.Provider").(string),
				order: action.at("RunOrder").(float64), inputs: artifacts(action.at("InputArtifacts")), outputs: artifacts(action.at("OutputArtifacts")),
			}
			one.Properties, _ = action.at("Configuration").(map[string]any)
			one.stack = variable(one.at("EnvironmentVariables"), "STACK")
			all = append(all, one)
		}
	}
	return all
}

func artifacts(v any) (all []string) {
	for _, a := range list(v) {
		all = append(all, a.(map[string]any)["Name"].(string))
	}
	return all
}

// variable is one that an action sets for its project, "" where it sets none of the name. It panics for what is no list
// of variables, of which the same would be told.
func variable(v any, name string) string {
	if v == nil {
		return ""
	}
	text, ok := v.(string)
	var all []struct{ Name, Value string }
	if err := json.Unmarshal([]byte(text), &all); !ok || err != nil {
		panic(fmt.Sprintf("%v is no list of variables: %v", v, err))
	}
	for _, one := range all {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

func TestPipelineStages(t *testing.T) {
	want := []string{
		"Source/Connection: CodeStarSourceConnection -> Source",
		"Build/Build: CodeBuild ${Build} Source -> Assembly",
		"UpdatePipeline/Deploy: CodeBuild ${Deploy} Assembly PipelineStack",
		"Staging/Deploy: CodeBuild ${Deploy} Assembly StagingStack",
		"Staging/Check: CodeBuild ${Check} Assembly",
		"Approval/Approve: Manual",
		"Production/Deploy: CodeBuild ${Deploy} Assembly ProductionStack",
		"CleanUp/CleanUp: CodeBuild ${CleanUp} Assembly",
	}
	var got []string
	s := stacks(t)[pipelineStack]
	for _, a := range s.steps(t) {
		project, _ := symbolic(a.at("ProjectName"))
		line := fmt.Sprintf("%s/%s: %s %s %s %s", a.stage, a.name, a.provider, project, strings.Join(a.inputs, ","), a.stack)
		if len(a.outputs) > 0 {
			line += " -> " + strings.Join(a.outputs, ",")
		}
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the steps are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.named(t, "Pipeline").has(t, map[string]any{
		"PipelineType": "V2", "RestartExecutionOnUpdate": true, "ExecutionMode": "SUPERSEDED",
		"ArtifactStore": map[string]any{"Type": "S3", "Location": "${Artifacts}", "EncryptionKey": map[string]any{"Type": "KMS", "Id": "${Key.Arn}"}},
	})
}

// The checks see what the stage's deployment has made.
func TestCheckFollowsTheDeployment(t *testing.T) {
	s := stacks(t)[pipelineStack]
	steps := s.steps(t)
	i := slices.IndexFunc(steps, func(a step) bool { return a.name == "Check" })
	if steps[i-1].order >= steps[i].order || steps[i-1].stack != stagingStack {
		t.Errorf("the check does not follow the deployment to staging")
	}
	spec := specOf(t, s.named(t, "Deploy"))
	for name, output := range map[string]string{apiURL: "ApiUrl", checkerARN: "CheckerRoleArn"} {
		if got := variable(steps[i].at("EnvironmentVariables"), name); got != "#{Deploy"+stagingStack+"."+name+"}" {
			t.Errorf("%s is %q", name, got)
		}
		if !slices.Contains(spec.Env.Exported, name) || !strings.Contains(spec.all(), "export "+name+"=") || !strings.Contains(spec.all(), "."+output+" ") {
			t.Errorf("the deployment does not hand on %s as %s", output, name)
		}
		if _, ok := stacks(t)[stagingStack].Outputs[output]; !ok {
			t.Errorf("staging has no output %s", output)
		}
	}
}

// spec is a buildspec in the template.
type spec struct {
	Version string
	Env     struct {
		Exported []string `json:"exported-variables"`
	}
	Phases map[string]struct{ Commands []string }
}

func specOf(t *testing.T, project resource) (s spec) {
	t.Helper()
	if err := json.Unmarshal([]byte(project.at("Source.BuildSpec").(string)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s spec) all() string {
	return strings.Join(slices.Concat(s.Phases["install"].Commands, s.Phases["pre_build"].Commands, s.Phases["build"].Commands), "\n")
}

// What was built and tested is what is deployed: nothing is built, and the app not run, after the build.
func TestNothingIsBuiltTwice(t *testing.T) {
	s := stacks(t)[pipelineStack]
	s.named(t, "Build").has(t, map[string]any{"Source.BuildSpec": "buildspec.yml"})
	for _, project := range []string{"Deploy", "Check", "CleanUp"} {
		commands := specOf(t, s.named(t, project)).all()
		if regexp.MustCompile(`\b(make|go|synth)\b`).MatchString(commands) {
			t.Errorf("%s builds:\n%s", project, commands)
		}
	}
	if commands := specOf(t, s.named(t, "Deploy")).all(); !strings.Contains(commands, `cdk deploy --app cdk.out "$STACK" --require-approval never`) {
		t.Errorf("not the assembly is deployed:\n%s", commands)
	}
	if got := len(s.ofType("AWS::CodeBuild::Project")); got != 4 {
		t.Errorf("there are %d projects", got)
	}
}

func TestChecksOfStaging(t *testing.T) {
	commands := specOf(t, stacks(t)[pipelineStack].named(t, "Check")).all()
	const there = ` --url "$API_URL" --sigv4 "$AWS_REGION"`
	for _, want := range []string{
		"bash scripts/check_inventory.sh >inventory.csv", "tripsaga inventory load inventory.csv" + there,
		"bash scripts/happy_path.sh" + there, "bash scripts/compensation.sh" + there,
	} {
		if !strings.Contains(commands, want) {
			t.Errorf("the check lacks %s:\n%s", want, commands)
		}
	}
}

func TestSourceByConnection(t *testing.T) {
	own := stacks(t)[pipelineStack]
	all, err := connected()
	if err != nil {
		t.Fatal(err)
	}
	given := all[pipelineStack]
	for _, tt := range []struct {
		s           *template
		arn, branch string
	}{{own, "${Connection.ConnectionArn}", "main"}, {given, givenConnection, "main"}} {
		source := tt.s.steps(t)[0]
		source.has(t, map[string]any{"ConnectionArn": tt.arn, "BranchName": tt.branch, "DetectChanges": true})
		// The prefix of the right has to be that of the ARN, which may be of before or after the service's renaming.
		for _, service := range []string{"codeconnections", "codestar-connections"} {
			if !allowed(tt.s.statements(t, "PipelineRole"), request{action: service + ":UseConnection", resource: tt.arn}) {
				t.Errorf("the pipeline may not use %s by %s", tt.arn, service)
			}
		}
	}
	own.named(t, "Connection").has(t, map[string]any{"ProviderType": "GitHub"})
	if got := given.ofType("AWS::CodeConnections::Connection"); len(got) != 0 {
		t.Errorf("a second connection is made: %v", got)
	}
	given.steps(t)[0].has(t, map[string]any{"FullRepositoryId": "somebody/trips"})
}

func TestSourceByToken(t *testing.T) {
	s := otherDelivery(t)[pipelineStack]
	source := s.steps(t)[0]
	if source.provider != "GitHub" {
		t.Errorf("the source is %s", source.provider)
	}
	token := "{{resolve:secretsmanager:github/token:SecretString:::}}"
	source.has(t, map[string]any{
		"Owner": "somebody", "Repo": "trips", "Branch": "release/1", "OAuthToken": token, "PollForSourceChanges": false,
	})
	s.named(t, "WebhookSecret").has(t, map[string]any{"GenerateSecretString": map[string]any{"ExcludePunctuation": true}})
	webhooks := s.ofType("AWS::CodePipeline::Webhook")
	for _, hook := range webhooks {
		hook.has(t, map[string]any{
			"AuthenticationConfiguration": map[string]any{"SecretToken": "{{resolve:secretsmanager:${WebhookSecret}:SecretString:::}}"},
			"Authentication":              "GITHUB_HMAC", "RegisterWithThirdParty": true,
			"Filters": []any{map[string]any{"JsonPath": "$.ref", "MatchEquals": "refs/heads/{Branch}"}},
		})
	}
	if got := stacks(t)[pipelineStack].ofType("AWS::SecretsManager::Secret"); len(got) != 0 {
		t.Errorf("without a webhook there is a secret: %v", got)
	}
	if len(webhooks) != 1 || len(s.ofType("AWS::CodeConnections::Connection")) != 0 {
		t.Errorf("there are %d webhooks and %d connections", len(webhooks), len(s.ofType("AWS::CodeConnections::Connection")))
	}
}

// Without a repository CloudFormation refuses to deploy.
func TestRepositoryIsAParameterOrGiven(t *testing.T) {
	p := stacks(t)[pipelineStack].Parameters["Repository"]
	pattern, _ := p["AllowedPattern"].(string)
	if _, ok := p["Default"]; ok || p["Type"] != "String" || pattern == "" {
		t.Fatalf("the parameter is %v", p)
	}
	for value, want := range map[string]bool{"": false, "trips": false, "a/b/c": false, "somebody/trips.go": true} {
		if got := regexp.MustCompile(pattern).MatchString(value); got != want {
			t.Errorf("%q is allowed: %v, want %v", value, got, want)
		}
	}
	if p, ok := otherDelivery(t)[pipelineStack].Parameters["Repository"]; ok {
		t.Errorf("the repository is given, and asked for: %v", p)
	}
}

// A build in the pipeline synthesises what the deployment by hand did: the context goes along.
func TestContextGoesAlong(t *testing.T) {
	for _, tt := range []struct {
		s    *template
		want string
	}{
		{stacks(t)[pipelineStack], `{}`},
		{otherDelivery(t)[pipelineStack], `{"alarmEmail":"ops@example.com","branch":"release/1","deployment":"CANARY_10PERCENT_5MINUTES",` +
			`"githubTokenSecret":"github/token","logRetentionDays":7,"pipeline":"333333333333/us-east-1","production":"222222222222/eu-central-1",` +
			`"repository":"somebody/trips","staging":"111111111111/eu-west-1"}`},
	} {
		tt.s.named(t, "Build").has(t, map[string]any{"Environment.EnvironmentVariables": []any{
			map[string]any{"Name": contextVariable, "Type": "PLAINTEXT", "Value": tt.want},
		}})
	}
}

func TestArtifactStore(t *testing.T) {
	s := stacks(t)[pipelineStack]
	for _, id := range []string{"Artifacts", "Cache"} {
		bucket := s.named(t, id)
		bucket.has(t, map[string]any{
			"BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault": map[string]any{
				"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "${Key.Arn}"},
			"PublicAccessBlockConfiguration": map[string]any{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
			"LifecycleConfiguration.Rules.0.ExpirationInDays": 30, "LifecycleConfiguration.Rules.0.Status": "Enabled",
		})
		if !bucket.retained() {
			t.Errorf("%s goes with the stack, which fails as long as it holds something", id)
		}
		policy := list(s.named(t, id+"Policy").at("PolicyDocument.Statement"))
		if !denies(policy, "s3:*") {
			t.Errorf("the policy of %s is %v", id, policy)
		}
	}
	s.named(t, "Build").has(t, map[string]any{"Cache": map[string]any{"Type": "S3", "Location": "${Cache}/build"}})
	s.named(t, "Key").has(t, map[string]any{"EnableKeyRotation": true})
	for id, project := range s.ofType("AWS::CodeBuild::Project") {
		project.has(t, map[string]any{
			"EncryptionKey": "${Key.Arn}", "Artifacts.Type": "CODEPIPELINE", "Environment.PrivilegedMode": false,
			"LogsConfig.CloudWatchLogs.GroupName": "${" + name(id) + "Log}",
		})
	}
}

func TestPipelineLogsEnd(t *testing.T) {
	for stack, want := range map[*template]float64{stacks(t)[pipelineStack]: 30, otherDelivery(t)[pipelineStack]: 7} {
		for id, log := range stack.ofType("AWS::Logs::LogGroup") {
			if got := log.at("RetentionInDays"); got != want {
				t.Errorf("%s is kept %v days, want %v", id, got, want)
			}
		}
	}
}

// preflight is what the examination of the account reads, and what a failed creation needs.
var preflight = []string{
	"cloudformation:DescribeStacks", "cloudformation:DescribeType", "cloudformation:UpdateTerminationProtection", "cloudformation:DeleteStack",
	"codeconnections:ListConnections", "lambda:GetAccountSettings", "servicequotas:ListServiceQuotas",
}

// What each project may do beyond its log, its artifacts and their key.
func TestProjectsMayDoLittle(t *testing.T) {
	s := stacks(t)[pipelineStack]
	bootstrap := "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-hnb659fds-%s-role-${AWS::AccountId}-${AWS::Region}"
	checker := "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/tripsaga-staging-checker-${AWS::Region}"
	for role, want := range map[string][]string{
		"BuildRole":   nil,
		"DeployRole":  {fmt.Sprintf(bootstrap, "deploy"), fmt.Sprintf(bootstrap, "file-publishing"), fmt.Sprintf(bootstrap, "lookup")},
		"CheckRole":   {checker},
		"CleanUpRole": {strings.Replace(checker, "staging-checker", "production-cleaner", 1), strings.Replace(checker, "checker", "cleaner", 1)},
	} {
		var got []string
		for _, st := range s.statements(t, role) {
			for _, action := range st.actions {
				switch service, _, _ := strings.Cut(action, ":"); service {
				case "logs", "s3", "kms":
				case "sts":
					got = append(got, st.resources...)
				default:
					if role != "DeployRole" || !slices.Contains(preflight, action) {
						t.Errorf("%s may %s", role, action)
					}
				}
			}
		}
		for _, action := range []string{"cloudformation:DeleteStack", "cloudformation:UpdateTerminationProtection"} {
			const other = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/CDKToolkit/1"
			if allowed(s.statements(t, role), request{action: action, resource: other}) {
				t.Errorf("%s may %s of other stacks", role, action)
			}
		}
		for action, by := range map[string]string{"s3:PutObject": "BuildRole", "s3:DeleteObject": "", "s3:DeleteObjectVersion": ""} {
			if may := allowed(s.statements(t, role), request{action: action, resource: "${Artifacts.Arn}/x"}); may != (role == by) {
				t.Errorf("%s may %s of the artifacts: %v", role, action, may)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s may assume %q, want %q", role, got, want)
		}
	}
	s.named(t, "CheckRole").has(t, map[string]any{"RoleName": "tripsaga-pipeline-check-${AWS::Region}"})
	stacks(t)[stagingStack].named(t, "Checker").has(t, map[string]any{"RoleName": checker[strings.LastIndex(checker, "/")+1:]})
}

func TestApprovalTellsWhereThereIsAnAddress(t *testing.T) {
	approval := func(s *template) step {
		steps := s.steps(t)
		return steps[slices.IndexFunc(steps, func(a step) bool { return a.stage == "Approval" })]
	}
	if got := approval(stacks(t)[pipelineStack]).at("NotificationArn"); got != nil {
		t.Errorf("without an address it tells %v", got)
	}
	s := otherDelivery(t)[pipelineStack]
	told := approval(s)
	told.has(t, map[string]any{"NotificationArn": "${ApprovalTopic}"})
	s.named(t, "ApprovalTopic").has(t, map[string]any{"KmsMasterKeyId": "${Key.Arn}"})
	if !allowed(s.statements(t, "PipelineRole"), request{action: "sns:Publish", resource: "${ApprovalTopic}"}) {
		t.Error("the pipeline may not publish")
	}
}
