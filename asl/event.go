package asl

import (
	"encoding/json"
	"time"
)

// Event is an input of an execution. Exactly one field is set. Engines journal events, so their JSON is a storage format:
// fields may be added, never renamed.
type Event struct {
	Started   *Started       `json:"started,omitempty"`
	Submitted *TaskSubmitted `json:"submitted,omitempty"`
	Succeeded *TaskSucceeded `json:"succeeded,omitempty"`
	Failed    *TaskFailed    `json:"failed,omitempty"`
	Heartbeat *TaskHeartbeat `json:"heartbeat,omitempty"`
	Fired     *TimerFired    `json:"fired,omitempty"`
	Stopped   *Stopped       `json:"stopped,omitempty"`
	Redriven  *Redriven      `json:"redriven,omitempty"`
}

// Started starts the execution. It is the first event and occurs once.
type Started struct {
	// ExecutionID, Name, RoleARN, StateMachineID and StateMachineName appear in the context object.
	ExecutionID      string          `json:"execution_id"`
	Name             string          `json:"name"`
	RoleARN          string          `json:"role_arn,omitempty"`
	StateMachineID   string          `json:"state_machine_id,omitempty"`
	StateMachineName string          `json:"state_machine_name,omitempty"`
	Input            json.RawMessage `json:"input"`
	// Seed seeds every random choice of the execution: jitter, States.UUID, States.MathRandom.
	Seed uint64 `json:"seed"`
	// TokenKey is the secret from which the task tokens are derived: at least 16 bytes from an unpredictable source. Only a
	// machine that has [Machine.Callbacks] needs it.
	TokenKey []byte `json:"token_key,omitempty"`
}

// TaskSubmitted reports the output of the function of a callback task (see [StartTask]). The task itself ends by a
// [TaskSucceeded] or [TaskFailed] from the holder of its token, which may come before.
type TaskSubmitted struct {
	Task   int64           `json:"task"`
	Output json.RawMessage `json:"output"`
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

// TaskHeartbeat reports that a task is alive and restarts its heartbeat timer.
type TaskHeartbeat struct {
	Task int64 `json:"task"`
}

// TimerFired reports that a timer set by [SetTimer] is due.
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

// Effect is what the driver must do. Exactly one field is set. The effects of one Step are performed in order.
type Effect struct {
	StartTask   *StartTask
	SetTimer    *SetTimer
	CancelTask  int64 // the reply of this task is no longer wanted; a running call may be left to end
	CancelTimer int64
	Ended       *Ended
}

// StartTask requests one delivery of a task. The output of a callback task's function is reported by [TaskSubmitted].
type StartTask struct {
	Task     int64  // the delivery's id in the events about it; unique in the execution
	State    string // the state's name
	Function string // the function's name without qualifier if the resource is a Lambda ARN; else the resource as in the definition
	Resource string // as in the definition
	Attempt  int    // 0 for the first delivery in this visit of the state, then the retry count
	Input    json.RawMessage
	Timeout  time.Duration // TimeoutSeconds, for information only: the timeout itself is a timer
	Callback bool          // .waitForTaskToken
}

// SetTimer requests a TimerFired at or after At. Setting a timer again changes its time.
type SetTimer struct {
	Timer int64
	At    time.Time
}

// Ended reports that the execution has ended. It is the last effect of its Step.
type Ended struct {
	Status Status
	Output json.RawMessage // of SUCCEEDED
	Error  string          // of the other statuses
	Cause  string
	// State is the state that failed; "" if the end does not belong to one state (the machine's timeout, a stop).
	State string
}

// Status is an execution's status, as Step Functions names it.
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
