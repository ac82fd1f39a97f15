package lint

import (
	"slices"
	"strings"
	"testing"
)

func TestTheUneditedSagaHasNoFinding(t *testing.T) {
	if got := found(t, definition, booking()); len(got) != 0 {
		t.Errorf("%d findings: %v", len(got), got)
	}
}

// unsafe are edits of the saga, and all that Check finds then.
var unsafe = []struct {
	name  string
	edits []edit
	want  []string
}{
	{"an unknown hotel failure cancels the flight only",
		[]edit{set("ReserveHotel/Catch/1/Next", `"CancelFlight"`)},
		[]string{"own-undo $.States.ReserveHotel.Catch[1]"}},
	{"an unknown flight failure is recorded at once",
		[]edit{set("ReserveFlight/Catch/1/Next", `"FlightBookingFailed"`)},
		[]string{"own-undo $.States.ReserveFlight.Catch[1]"}},
	{"a sold out hotel is recorded at once",
		[]edit{set("ReserveHotel/Catch/0/Next", `"BookingFailed"`)},
		[]string{"earlier-undo $.States.ReserveHotel.Catch[0]"}},
	{"an error that is not known goes the way of the known",
		[]edit{set("ReserveHotel/Catch/0/ErrorEquals", `["HotelUnavailable","Conflict"]`)},
		[]string{"own-undo $.States.ReserveHotel.Catch[0]"}},
	{"the refund is never reached",
		[]edit{set("ProcessPayment/Catch/1/Next", `"CancelHotel"`),
			set("ReserveFlight/Catch/1/Next", `"RefundPayment"`)},
		[]string{"own-undo $.States.ProcessPayment.Catch[1]"}},
	{"the compensation leaves the flight out",
		[]edit{set("CancelHotel/Next", `"BookingFailed"`)},
		[]string{"earlier-undo $.States.ProcessPayment.Catch[0]", "earlier-undo $.States.ProcessPayment.Catch[1]",
			"earlier-undo $.States.ReserveHotel.Catch[1]"}},
	{"a Choice gives up without a failure",
		[]edit{set("Check", `{"Type":"Choice","Choices":[{"Variable":"$.ok","IsPresent":true,"Next":"ProcessPayment"}],"Default":"No"}`),
			set("No", `{"Type":"Fail","Error":"Odd"}`), set("ReserveHotel/Next", `"Check"`)},
		[]string{"earlier-undo $.States.Check.Default", "earlier-undo $.States.Check.Default", "unrecorded $.States.Check.Default"}},
	{"a Choice without Default",
		[]edit{set("Check", `{"Type":"Choice","Choices":[{"Variable":"$.ok","IsPresent":true,"Next":"ProcessPayment"}]}`),
			set("ReserveHotel/Next", `"Check"`)},
		[]string{"catch-all $.States.Check"}},
	{"a flight's unknown failure is not caught",
		[]edit{set("ReserveFlight/Catch", `[{"ErrorEquals":["FlightUnavailable"],"ResultPath":"$.failure","Next":"FlightBookingFailed"}]`)},
		[]string{"catch-all $.States.ReserveFlight"}},
	{"a hotel's time-out is not caught",
		[]edit{set("ReserveHotel/Catch/1/ErrorEquals", `["States.TaskFailed"]`)},
		[]string{"catch-all $.States.ReserveHotel"}},
	{"a known error is not told apart",
		[]edit{set("ReserveHotel/Catch", `[{"ErrorEquals":["States.ALL"],"ResultPath":"$.failure","Next":"CancelHotel"}]`)},
		[]string{"known-first $.States.ReserveHotel.Catch[0]"}},
	{"a confirmation that fails refunds",
		[]edit{set("BookingConfirmed/Catch", `[{"ErrorEquals":["States.ALL"],"ResultPath":"$.failure","Next":"RefundPayment"}]`)},
		[]string{"undo-after-pivot $.States.BookingConfirmed.Catch[0]"}},
	{"success leads on to an undo",
		[]edit{drop("BookingConfirmed/End"), set("BookingConfirmed/Next", `"CancelFlight"`)},
		[]string{"undo-after-pivot $.States.BookingConfirmed.Next"}},
	{"a confirmation that fails is recorded as failed",
		[]edit{set("BookingConfirmed/Catch", `[{"ErrorEquals":["States.ALL"],"ResultPath":"$.failure","Next":"BookingFailed"}]`)},
		[]string{"way-forward $.States.BookingConfirmed.Catch[0]"}},
	{"a confirmation that fails is passed over",
		[]edit{set("BookingConfirmed/Catch", `[{"ErrorEquals":["States.ALL"],"ResultPath":"$.failure","Next":"Over"}]`),
			set("Over", `{"Type":"Succeed"}`)},
		[]string{"unrecorded $.States.BookingConfirmed.Catch[0]", "way-forward $.States.BookingConfirmed.Catch[0]"}},
	{"an undo that fails is passed over",
		[]edit{set("CancelHotel/Catch", `[{"ErrorEquals":["States.ALL"],"ResultPath":"$.failure","Next":"CancelFlight"}]`)},
		[]string{"earlier-undo $.States.CancelHotel.Catch[0]"}},
	{"an undo that fails is swallowed",
		[]edit{set("CancelFlight/Catch", `[{"ErrorEquals":["States.ALL"],"ResultPath":"$.failure","Next":"Over"}]`),
			set("Over", `{"Type":"Pass","End":true}`)},
		[]string{"earlier-undo $.States.CancelFlight.Catch[0]", "unrecorded $.States.CancelFlight.Catch[0]"}},
	{"an undo without Retry", []edit{drop("CancelHotel/Retry")}, []string{"patience $.States.CancelHotel"}},
	{"an undo with little Retry",
		[]edit{set("RefundPayment/Retry/1/MaxAttempts", `9`)}, []string{"patience $.States.RefundPayment.Retry[1]"}},
	{"an undo that a time-out ends",
		[]edit{set("CancelFlight/Retry/0/ErrorEquals", `["InvalidRequest","IdempotencyMismatch","StepCancelled","NotFound","Conflict","States.Timeout"]`)},
		[]string{"patience $.States.CancelFlight.Retry[0]"}},
	{"a confirmation with little Retry",
		[]edit{drop("BookingConfirmed/Retry/1/MaxAttempts")}, []string{"patience $.States.BookingConfirmed.Retry[1]"}},
	{"a record of failure without Retry", []edit{drop("BookingFailed/Retry")}, []string{"patience $.States.BookingFailed"}},
	{"a final error is retried",
		[]edit{set("ReserveFlight/Retry/0/ErrorEquals", `["FlightUnavailable","InvalidRequest","IdempotencyMismatch","StepCancelled","NotFound"]`)},
		[]string{"final-retried $.States.ReserveFlight.Retry[2]"}},
	{"a final error is retried by name",
		[]edit{set("ReserveFlight/Retry/0/MaxAttempts", `1`)}, []string{"final-retried $.States.ReserveFlight.Retry[0]"}},
	{"a known error is retried",
		[]edit{set("ProcessPayment/Retry/0/ErrorEquals", `["InvalidRequest","IdempotencyMismatch","StepCancelled","NotFound","Conflict"]`)},
		[]string{"final-retried $.States.ProcessPayment.Retry[2]"}},
	{"the end of a failure is retried",
		[]edit{set("BookingFailed/Retry/0/ErrorEquals", `["InvalidRequest","IdempotencyMismatch","StepCancelled","NotFound","Conflict"]`)},
		[]string{"final-retried $.States.BookingFailed.Retry[1]"}},
	{"a failure ends unrecorded",
		[]edit{drop("CancelFlight/Next"), set("CancelFlight/End", `true`),
			set("ReserveFlight/Catch/0/Next", `"BookingFailed"`), drop("FlightBookingFailed")},
		[]string{"not-called $.States", "unrecorded $.States.ProcessPayment.Catch[0]", "unrecorded $.States.ProcessPayment.Catch[1]",
			"unrecorded $.States.ReserveFlight.Catch[1]", "unrecorded $.States.ReserveHotel.Catch[0]",
			"unrecorded $.States.ReserveHotel.Catch[1]"}},
	{"a task without TimeoutSeconds", []edit{drop("CancelHotel/TimeoutSeconds")}, []string{"timeout $.States.CancelHotel"}},
	{"a task whose time-out is in the input",
		[]edit{drop("CancelHotel/TimeoutSeconds"), set("CancelHotel/TimeoutSecondsPath", `"$.t"`)},
		[]string{"timeout $.States.CancelHotel.TimeoutSecondsPath"}},
	{"a function that outlasts its task",
		[]edit{set("ReserveHotel/TimeoutSeconds", `10`)}, []string{"function-timeout $.States.ReserveHotel.TimeoutSeconds"}},
	{"a function that outlasts its heartbeat",
		[]edit{set("ReserveHotel/HeartbeatSeconds", `10`)}, []string{"heartbeat $.States.ReserveHotel.HeartbeatSeconds"}},
	{"a function whose callback sends heartbeats", []edit{
		set("ReserveHotel/Resource", `"arn:aws:states:::lambda:invoke.waitForTaskToken"`), set("ReserveHotel/HeartbeatSeconds", `10`),
		set("ReserveHotel/Parameters", `{"FunctionName": "${ReserveHotel}", "Payload.$": "$$.Task.Token"}`)}, nil},
	{"a heartbeat in the input",
		[]edit{set("ReserveHotel/HeartbeatSecondsPath", `"$.h"`)}, []string{"not-followed $.States.ReserveHotel.HeartbeatSecondsPath"}},
	{"the machine times out while it compensates",
		[]edit{machine("TimeoutSeconds", 3600)}, []string{"machine-timeout $.TimeoutSeconds"}},
	{"a catcher behind one that takes its error",
		[]edit{set("ReserveFlight/Catch", `[{"ErrorEquals":["FlightUnavailable"],"ResultPath":"$.failure","Next":"FlightBookingFailed"},
				{"ErrorEquals":["States.Runtime","FlightUnavailable"],"ResultPath":"$.failure","Next":"Odd"},
				{"ErrorEquals":["States.ALL"],"ResultPath":"$.failure","Next":"CancelFlight"}]`),
			set("Odd", `{"Type":"Pass","Next":"CancelFlight"}`)},
		[]string{"unreachable $.States.Odd", "dead-catch $.States.ReserveFlight.Catch[1]"}},
	{"a loop of undo steps without an end",
		[]edit{set("CancelFlight/Next", `"CancelHotel"`),
			set("ReserveFlight/Catch/0/Next", `"BookingFailed"`), drop("FlightBookingFailed")},
		[]string{"not-called $.States", "endless $.States.CancelFlight", "endless $.States.CancelHotel",
			"round-again $.States.CancelHotel.Next", "endless $.States.RefundPayment"}},
	{"a compensation that leads back to a reservation",
		[]edit{set("CancelHotel/Next", `"ReserveFlight"`)},
		[]string{"do-after-undo $.States.CancelHotel.Next", "own-undo $.States.ReserveFlight.Catch[0]"}},
	{"a task of which the options know nothing",
		[]edit{set("ReserveCar", `{"Type":"Task","Resource":"${ReserveCar}","TimeoutSeconds":5,"Next":"ProcessPayment"}`),
			set("ReserveHotel/Next", `"ReserveCar"`)},
		[]string{"catch-all $.States.ReserveCar", "unknown-task $.States.ReserveCar"}},
	{"a task that the execution chooses",
		[]edit{set("CancelHotel/Resource", `"arn:aws:states:::lambda:invoke"`),
			set("CancelHotel/Parameters", `{"FunctionName.$":"$.f"}`)},
		[]string{"not-called $.States", "catch-all $.States.CancelHotel", "not-followed $.States.CancelHotel",
			"earlier-undo $.States.ProcessPayment.Catch[0]", "earlier-undo $.States.ProcessPayment.Catch[1]",
			"own-undo $.States.ReserveHotel.Catch[1]"}},
}

func TestWhatIsUnsafeIsFound(t *testing.T) {
	for _, c := range unsafe {
		t.Run(c.name, func(t *testing.T) {
			if got := found(t, editedBooking(t, c.edits...), booking()); !slices.Equal(got, c.want) {
				t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}
