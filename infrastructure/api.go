package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2authorizers"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/functions"
)

// addAPI adds the HTTP API in front of the function. Each method has a route, except OPTIONS: with CORS the gateway answers
// it without a route, and a route for all methods would require authorization for it.
func (a *Application) addAPI() {
	a.API = awsapigatewayv2.NewHttpApi(a.Stack, jsii.String("HttpApi"), &awsapigatewayv2.HttpApiProps{
		ApiName:            jsii.String(a.name()),
		CreateDefaultStage: jsii.Bool(false),
		DefaultAuthorizer:  a.authorizer(),
		CorsPreflight:      a.cors(),
	})
	a.API.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
		Path:    jsii.String("/{proxy+}"),
		Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod_GET, awsapigatewayv2.HttpMethod_POST},
		Integration: awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String("ApiLive"), a.function(functions.API).Live,
			&awsapigatewayv2integrations.HttpLambdaIntegrationProps{PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0()}),
	})
	a.addAPIStage()
	a.addChecker()
	a.output("ApiUrl", a.API.ApiEndpoint())
}

// authorizer accepts tokens in production if their issuer is configured. Otherwise callers sign with IAM, as the
// pipeline's checks do in staging.
func (a *Application) authorizer() awsapigatewayv2.IHttpRouteAuthorizer {
	if !a.takesTokens() {
		return awsapigatewayv2authorizers.NewHttpIamAuthorizer()
	}
	return awsapigatewayv2authorizers.NewHttpJwtAuthorizer(jsii.String("JwtAuthorizer"), &a.Stage.JWTIssuer,
		&awsapigatewayv2authorizers.HttpJwtAuthorizerProps{JwtAudience: jsii.Strings(a.Stage.JWTAudience...)})
}

// takesTokens reports whether callers send a token, or else sign with IAM.
func (a *Application) takesTokens() bool {
	return a.Stage.JWTIssuer != "" && a.Stage.Name == production
}

// cors is nil if no other web site may call the API. The gateway answers the browser's preflight, and replaces CORS headers of
// the API. Callers send their credentials in headers, so cookies are not allowed.
func (a *Application) cors() *awsapigatewayv2.CorsPreflightOptions {
	if a.Stage.CORSOrigins == nil {
		return nil
	}
	return &awsapigatewayv2.CorsPreflightOptions{
		AllowOrigins:  jsii.Strings(a.Stage.CORSOrigins...),
		AllowMethods:  &[]awsapigatewayv2.CorsHttpMethod{awsapigatewayv2.CorsHttpMethod_GET, awsapigatewayv2.CorsHttpMethod_POST},
		AllowHeaders:  jsii.Strings(append(a.credentialHeaders(), functions.RequestHeaders()...)...),
		ExposeHeaders: jsii.Strings(functions.AnswerHeaders()...),
		MaxAge:        awscdk.Duration_Hours(jsii.Number(1)),
	}
}

// credentialHeaders are those of a token, or of a signature of version 4.
func (a *Application) credentialHeaders() []string {
	if a.takesTokens() {
		return []string{"authorization"}
	}
	return []string{"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
}

func (a *Application) addAPIStage() {
	awsapigatewayv2.NewCfnStage(a.Stack, jsii.String("ApiStage"), &awsapigatewayv2.CfnStageProps{
		ApiId: a.API.ApiId(), StageName: jsii.String("$default"), AutoDeploy: jsii.Bool(true),
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			ThrottlingRateLimit: &a.Stage.ThrottleRate, ThrottlingBurstLimit: &a.Stage.ThrottleBurst,
		},
		AccessLogSettings: &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: a.vendedLog("ApiAccessLog").LogGroupArn(), Format: jsii.String(accessLog()),
		},
	})
}

// accessLog is the format of a line. It has the path without the query, and neither headers nor the caller.
func accessLog() string {
	line := map[string]string{
		"request_id": "$context.requestId", "time": "$context.requestTime", "method": "$context.httpMethod",
		"path": "$context.path", "status": "$context.status", "length": "$context.responseLength",
		"latency_ms": "$context.responseLatency", "function_latency_ms": "$context.integrationLatency",
		"function_error": "$context.integrationErrorMessage", "authorizer_error": "$context.authorizer.error",
		"gateway_error": "$context.error.message",
	}
	text, _ := json.Marshal(line)
	return string(text)
}

// addChecker adds the role with which the pipeline's checks call the API. It has no other right.
func (a *Application) addChecker() {
	checker := a.pipelineRole("Checker", a.Stage.checkerRole(a.Stack, a.Stage.Name), a.Stage.checkRole(a.Stack, a.Stage.Name))
	checker.AddToPolicy(allow("execute-api", "Invoke", a.Stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("execute-api"), Resource: a.API.ApiId(), ResourceName: jsii.String("$default/*"),
	}), nil))
	a.output("CheckerRoleArn", checker.RoleArn())
}

// pipelineRole adds a role of the stage that only a role of the pipeline may assume, perhaps from another account, or that of
// GitHub's workflow.
func (a *Application) pipelineRole(id string, name, by *string) awsiam.Role {
	deliveredFrom := pipelineStack
	if a.Stage.byGitHub(a.Stage.Name) {
		deliveredFrom = stackOf(a.Stage.Name)
	}
	pipelines, _ := a.Stage.in(deliveredFrom, a.Stack)
	return awsiam.NewRole(a.Stack, &id, &awsiam.RoleProps{
		RoleName: name,
		AssumedBy: awsiam.NewAccountPrincipal(pipelines).WithConditions(&map[string]any{
			"ArnEquals": map[string]any{"aws:PrincipalArn": a.Stack.FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("iam"), Region: jsii.String(""), Account: pipelines, Resource: jsii.String("role"), ResourceName: by,
			})},
		}),
	})
}

// checkRole is the name of the role that checks a stage, of the pipeline's project or of GitHub's workflow; checkerRole that
// of the role which it assumes to do so. Role names are unique in an account, stacks are regional; hence the region in the
// name.
func (c *Config) checkRole(s awscdk.Stack, stage string) *string {
	if c.byGitHub(stage) {
		_, region := c.in(stackOf(stage), s)
		return jsii.String(c.Prefix + "-github-" + environmentOf(stage) + "-" + *region)
	}
	_, region := c.in(pipelineStack, s)
	return jsii.String(c.Prefix + "-pipeline-check-" + *region)
}

func (c *Config) checkerRole(s awscdk.Stack, stage string) *string {
	_, region := c.in(stackOf(stage), s)
	return jsii.String(c.Prefix + "-" + stage + "-checker-" + *region)
}
