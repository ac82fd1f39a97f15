package asl

import "strings"

// resource is what a Resource field names.
type resource struct {
	text     string
	function string // "" when Parameters name it
	invoke   bool   // arn:aws:states:::lambda:invoke
}

// parseResource reads a Resource; why tells what is wrong, "" when nothing is.
func parseResource(text string) (r resource, why string) {
	r.text = text
	parts := strings.Split(text, ":")
	if parts[0] != "arn" {
		r.function = substituted(text)
		return r, ""
	}
	if len(parts) < 7 {
		return r, "is no complete ARN: a Lambda function's is arn:aws:lambda:REGION:ACCOUNT:function:NAME"
	}
	switch service := parts[2]; {
	case service == "lambda":
		return lambdaResource(r, parts)
	case service == "states" && parts[3] == "" && parts[4] == "":
		return integration(r, parts)
	case service == "states" && parts[5] == "activity":
		return r, "activities are not supported; allowed are Lambda functions"
	}
	return r, "is not supported; allowed are Lambda functions, by name or ARN, and arn:aws:states:::lambda:invoke"
}

func lambdaResource(r resource, parts []string) (resource, string) {
	if parts[5] != "function" || parts[6] == "" || len(parts) > 8 {
		return r, "is no function: a Lambda function's ARN is arn:aws:lambda:REGION:ACCOUNT:function:NAME"
	}
	r.function = substituted(parts[6])
	return r, ""
}

func integration(r resource, parts []string) (resource, string) {
	name := strings.Join(parts[5:], ":")
	for _, pattern := range []string{".waitForTaskToken", ".sync:2", ".sync"} {
		if strings.HasSuffix(name, pattern) {
			return r, "the pattern " + pattern + " is not supported; allowed is arn:aws:states:::lambda:invoke as it stands"
		}
	}
	if name != "lambda:invoke" {
		return r, "the integration \"" + name + "\" is not supported; allowed is lambda:invoke"
	}
	r.invoke = true
	return r, ""
}

// substituted takes the name out of a placeholder: "${ReserveFlight}" is what a deployment substitutes by the ARN of
// the function ReserveFlight.
func substituted(name string) string {
	if inner, ok := strings.CutPrefix(name, "${"); ok && strings.HasSuffix(inner, "}") {
		return strings.TrimSuffix(inner, "}")
	}
	return name
}

// functionName is the name in what FunctionName may hold: a name, "name:qualifier", an ARN or a part of one.
func functionName(text string) string {
	if strings.HasPrefix(text, "${") {
		return substituted(text)
	}
	parts := strings.Split(text, ":")
	for i, part := range parts {
		if part == "function" && i+1 < len(parts) {
			return substituted(parts[i+1])
		}
	}
	return parts[0]
}
