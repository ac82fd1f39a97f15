// Package stepfunctions runs sagas on AWS Step Functions: it implements app.Starter and app.Executions over a client of
// the service. An execution is named by its trip's id, so that both know it by the one name.
package stepfunctions

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"tripsaga/shared/fault"
)

// StateMachine is the one that runs the sagas, of type STANDARD.
type StateMachine struct {
	client *sfn.Client
	arn    string
	// TraceHeader gives the X-Ray header under which an execution is traced, "" for none; nil is none.
	TraceHeader func(context.Context) string
}

// New takes an ARN that [CheckARN] accepts.
func New(client *sfn.Client, stateMachineARN string) *StateMachine {
	return &StateMachine{client: client, arn: stateMachineARN}
}

// CheckARN tells what is wrong with the ARN of a state machine; it may be qualified by a version or an alias.
func CheckARN(arn string) error {
	if !machineARN.MatchString(arn) || len(arn) > maxARN {
		return fmt.Errorf("%.200q is no ARN of a state machine, such as "+
			"arn:aws:states:eu-west-1:123456789012:stateMachine:booking", arn)
	}
	return nil
}

// The patterns bound no lengths: that would make them large, and slow to compile when a process starts.
var (
	machineARN = regexp.MustCompile(`^arn:[a-z0-9-]+:states:[a-z0-9-]+:[0-9]+:stateMachine:[^:\s]+(:[^:\s]+)?$`)
	// nameBytes is narrower than the service's rule: the names that every log and console shows as they are.
	nameBytes = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

const (
	maxARN  = 256 // characters
	maxName = 80
)

func isName(s string) bool { return len(s) <= maxName && nameBytes.MatchString(s) }

// IsOf tells whether arn names the state machine, whichever of its versions and aliases.
func (m *StateMachine) IsOf(arn string) bool { return unqualified(arn) == unqualified(m.arn) }

func unqualified(arn string) string {
	parts := strings.Split(arn, ":")
	return strings.Join(parts[:min(len(parts), 7)], ":")
}

// execution is the ARN of a trip's execution.
func (m *StateMachine) execution(tripID string) (*string, error) {
	if !isName(tripID) {
		return nil, fault.New(fault.NotFound, fault.NameNotFound,
			"%.100q names no saga, allowed are 1 to 80 letters, digits, - _ and .", tripID)
	}
	arn := strings.Replace(unqualified(m.arn), ":stateMachine:", ":execution:", 1) + ":" + tripID
	return &arn, nil
}
