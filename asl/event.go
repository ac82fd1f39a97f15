package asl

import (
	"encoding/json"
	"time"
)

// Event is what happens to an execution from outside; one field set is one kind. Events are what an engine journals, so
// their JSON form is a storage format: fields may be added, never renamed.
type Event struct {
	Started   *Started       `json:"started,omitempty"`
	Succeeded *TaskSucceeded `json:"succeeded,omitempty"`
	Failed    *TaskFailed    `json:"failed,omitempty"`
	Heartbeat *TaskHeartbeat `json:"heartbeat,omitempty"`
	Fired     *TimerFired    `json:"fired,omitempty"`
	Stopped   *Stopped       `json:"stopped,omitempty"`
	Redriven  *Redriven      `json:"redriven,omitempty"`
}

// Started begins the execution; it is the first event and comes once.
type Started struct {
	// ExecutionID, Name, RoleARN, StateMachineID and StateMachineName are what the context object shows.
	ExecutionID      string          `json:"execution_id"`
	Name             string          `json:"name"`
	RoleARN          string          `json:"role_arn,omitempty"`
	StateMachineID   string          `json:"state_machine_id,omitempty"`
	StateMachineName string          `json:"state_machine_name,omitempty"`
	Input            json.RawMessage `json:"input"`
	// Seed feeds every random choice of the execution: jitter, States.UUID, States.MathRandom.
	Seed uint64 `json:"seed"`
}

// TaskSucceeded reports a task's output, a JSON value.
type TaskSucceeded struct {
	Task   int64           `json:"task"`
	Output json.RawMessage `json:"output"`
}

// TaskFailed reports a task's error.
type TaskFailed struct {
	Task  int64  `json:"task"`
	Error string `json:"error"`
	Cause string `json:"cause,omitempty"`
}

// TaskHeartbeat tells that a task is alive; its heartbeat timer starts anew.
type TaskHeartbeat struct {
	Task int64 `json:"task"`
}

// TimerFired tells that a timer set by [SetTimer] is due.
type TimerFired struct {
	Timer int64 `json:"timer"`
}

// Stopped ends the execution as ABORTED.
type Stopped struct {
	Error string `json:"error,omitempty"`
	Cause string `json:"cause,omitempty"`
}

// Redriven resumes an execution that ended FAILED, TIMED_OUT or ABORTED at the states that did not succeed.
type Redriven struct{}

// Effect is what the driver must do; one field set is one kind. Effects of one Step are performed in order.
type Effect struct {
	StartTask   *StartTask
	SetTimer    *SetTimer
	CancelTask  int64 // the reply of this task is not wanted any more; a call still running may be left to end
	CancelTimer int64
	Ended       *Ended
}

// StartTask asks for one delivery of a task.
type StartTask struct {
	Task     int64  // names the delivery in TaskSucceeded, TaskFailed and TaskHeartbeat; unique within the execution
	State    string // the state's name
	Function string // what the resource names: for a Lambda ARN the function's name (without qualifier), else the resource as it stands
	Resource string // as in the definition
	Attempt  int    // 0 for the first delivery in this visit of the state, then the retry count
	Input    json.RawMessage
	Timeout  time.Duration // TimeoutSeconds, for the driver's information: the time-out itself comes as a timer
}

// SetTimer asks for a TimerFired at (or after) At. Setting a timer that is set moves it.
type SetTimer struct {
	Timer int64
	At    time.Time
}

// Ended tells that the execution is over.
type Ended struct {
	Status Status
	Output json.RawMessage // when SUCCEEDED
	Error  string          // else
	Cause  string
	// State is the state at which it failed, "" when that is not one state (the machine's time-out, a stop).
	State string
}

// Status is an execution's status, in Step Functions' words.
type Status string

// The statuses.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"
)

// The error names that the language reserves:
// https://states-language.net/spec.html#appendix-a
const (
	ErrAll                    = "States.ALL"
	ErrTimeout                = "States.Timeout"
	ErrHeartbeatTimeout       = "States.HeartbeatTimeout"
	ErrTaskFailed             = "States.TaskFailed"
	ErrPermissions            = "States.Permissions"
	ErrResultPathMatchFailure = "States.ResultPathMatchFailure"
	ErrParameterPathFailure   = "States.ParameterPathFailure"
	ErrBranchFailed           = "States.BranchFailed"
	ErrNoChoiceMatched        = "States.NoChoiceMatched"
	ErrIntrinsicFailure       = "States.IntrinsicFailure"
	ErrExceedToleratedFailure = "States.ExceedToleratedFailureThreshold"
	ErrItemReaderFailed       = "States.ItemReaderFailed"
	ErrResultWriterFailed     = "States.ResultWriterFailed"
	ErrDataLimitExceeded      = "States.DataLimitExceeded"
	ErrRuntime                = "States.Runtime"
)

// The limits of a STANDARD execution:
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const (
	MaxData       = 262144  // bytes of UTF-8 of one input or output
	MaxHistory    = 25000   // events of one execution
	MaxDefinition = 1 << 20 // bytes of a definition
	MaxName       = 80      // characters of a state's name or an execution's name
)
