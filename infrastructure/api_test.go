package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tripsaga/aws/functions"
)

// checkRoutes holds every route against how it must be authorized.
func checkRoutes(t *testing.T, s *template, want map[string]any) {
	t.Helper()
	routes := s.ofType("AWS::ApiGatewayV2::Route")
	if len(routes) == 0 {
		t.Error("there are no routes")
	}
	for id, route := range routes {
		route.has(t, want)
		if kind := route.at("AuthorizationType"); kind == nil || kind == "NONE" {
			t.Errorf("%s is open: %v", id, kind)
		}
	}
}

func TestCallersSignWithIAM(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		checkRoutes(t, s, map[string]any{"AuthorizationType": "AWS_IAM", "AuthorizerId": nil})
		if n := len(s.ofType("AWS::ApiGatewayV2::Authorizer")); n != 0 {
			t.Errorf("%d authorizers, want none but IAM", n)
		}
	})
}

func TestTokensAreTakenInProductionAlone(t *testing.T) {
	all := customised(t)
	checkRoutes(t, all[stagingStack], map[string]any{"AuthorizationType": "AWS_IAM", "AuthorizerId": nil})
	checkRoutes(t, all[productionStack], map[string]any{"AuthorizationType": "JWT", "AuthorizerId": "${HttpApiJwtAuthorizer}"})
	all[productionStack].named(t, "HttpApiJwtAuthorizer").has(t, map[string]any{
		"AuthorizerType": "JWT", "IdentitySource": []string{"$request.header.Authorization"},
		"JwtConfiguration": map[string]any{"Issuer": "https://id.example.com/", "Audience": []string{"trips", "desk"}},
	})
}

// method finds the methods of the REST API's operations.
var method = regexp.MustCompile(`Method: http\.Method(\w+), Path: "`)

// Each method that the API serves has a route, and OPTIONS has none.
func TestARouteAMethod(t *testing.T) {
	sources, err := filepath.Glob("../trip/handlers/rest/*.go")
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, path := range sources {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range method.FindAllSubmatch(text, -1) {
			served[strings.ToUpper(string(m[1]))+" /{proxy+}"] = true
		}
	}
	eachStage(t, func(t *testing.T, _ string, s *template) {
		routed := map[string]bool{}
		for _, route := range s.ofType("AWS::ApiGatewayV2::Route") {
			routed[route.at("RouteKey").(string)] = true
		}
		if len(served) == 0 || len(served) != len(routed) {
			t.Errorf("served are %v, routed %v", served, routed)
		}
		for key := range served {
			if !routed[key] {
				t.Errorf("%s has no route", key)
			}
		}
	})
}

func TestTheGatewayCallsTheAlias(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		for _, integration := range s.ofType("AWS::ApiGatewayV2::Integration") {
			integration.has(t, map[string]any{
				"IntegrationType": "AWS_PROXY", "IntegrationUri": "${ApiLive}", "PayloadFormatVersion": "2.0",
			})
		}
		permitted := 0
		for _, p := range s.ofType("AWS::Lambda::Permission") {
			if p.at("Principal") != "apigateway.amazonaws.com" {
				continue
			}
			permitted++
			p.has(t, map[string]any{"Action": "lambda:InvokeFunction", "FunctionName": "${ApiLive}",
				"SourceArn": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/*/{proxy+}"})
		}
		if permitted == 0 {
			t.Error("the gateway may not call it")
		}
	})
}

func TestTheGatewaysStage(t *testing.T) {
	s := customised(t)[productionStack]
	stage := s.named(t, "ApiStage")
	stage.has(t, map[string]any{
		"ApiId": "${HttpApi}", "StageName": "$default", "AutoDeploy": true,
		"DefaultRouteSettings":             map[string]any{"ThrottlingRateLimit": 7.5, "ThrottlingBurstLimit": 9},
		"AccessLogSettings.DestinationArn": "${ApiAccessLog.Arn}",
	})
	stacks(t)[stagingStack].named(t, "ApiStage").has(t, map[string]any{
		"DefaultRouteSettings": map[string]any{"ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 200},
	})
	var line map[string]string
	if err := json.Unmarshal([]byte(stage.at("AccessLogSettings.Format").(string)), &line); err != nil {
		t.Fatal(err)
	}
	for field, variable := range line {
		for _, secret := range []string{"header", "uthorization", "querystring", "identity", "authorizer.claims", "authorizer.principalId", "$context.authorizer.jwt"} {
			if strings.Contains(variable, secret) {
				t.Errorf("the access log's %s is %s", field, variable)
			}
		}
	}
	for _, needed := range []string{"request_id", "time", "method", "path", "status", "latency_ms"} {
		if line[needed] == "" {
			t.Errorf("the access log lacks %s", needed)
		}
	}
}

func TestCORSIsOffUnlessAskedFor(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		s.named(t, "HttpApi").has(t, map[string]any{"CorsConfiguration": nil, "DisableExecuteApiEndpoint": nil})
	})
}

// With CORS a browser may send what the stage's callers need, and read what the API answers. The lists of the API's headers
// are held to its description by a test of the functions.
func TestCORS(t *testing.T) {
	token := []string{"authorization"}
	signature := []string{"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
	for stack, credentials := range map[string][]string{productionStack: token, stagingStack: signature} {
		customised(t)[stack].named(t, "HttpApi").has(t, map[string]any{
			"CorsConfiguration.AllowOrigins": []string{"https://example.com"}, "CorsConfiguration.AllowMethods": []string{"GET", "POST"},
			"CorsConfiguration.AllowHeaders":  append(credentials, functions.RequestHeaders()...),
			"CorsConfiguration.ExposeHeaders": functions.AnswerHeaders(), "CorsConfiguration.AllowCredentials": nil,
		})
	}
}

func TestTheCheckersRole(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		s.named(t, "Checker").has(t, map[string]any{
			"RoleName": "tripsaga-" + stage + "-checker-${AWS::Region}",
			"AssumeRolePolicyDocument.Statement": []any{map[string]any{
				"Effect": "Allow", "Action": "sts:AssumeRole",
				"Principal": map[string]any{"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"},
				"Condition": map[string]any{"ArnEquals": map[string]any{
					"aws:PrincipalArn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/tripsaga-pipeline-check-${AWS::Region}",
				}},
			}},
		})
	})
}

func TestOutputs(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		for name, want := range map[string]string{
			"ApiUrl": "${HttpApi.ApiEndpoint}", "CheckerRoleArn": "${Checker.Arn}", "TableName": "${Table}",
			"StateMachineArn": "${SagaLive}", "EventBusName": "${Bus}",
		} {
			if got := plain(s.Outputs[name]["Value"]); got != want {
				t.Errorf("%s is %v, want %s", name, got, want)
			}
		}
	})
}
