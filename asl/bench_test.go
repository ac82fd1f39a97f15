package asl

import (
	"encoding/json"
	"testing"
)

// booking is a saga of the usual shape: four tasks with Parameters, ResultSelector, ResultPath, Retry, Catch.
const booking = `{"StartAt":"ReserveFlight","TimeoutSeconds":3600,"States":{
"ReserveFlight":{"Type":"Task","Resource":"${ReserveFlight}","Parameters":{"trip.$":"$.trip","flight.$":"$.flight"},
  "ResultPath":"$.reservation","TimeoutSeconds":30,
  "Retry":[{"ErrorEquals":["ServiceUnavailable"],"JitterStrategy":"FULL","MaxDelaySeconds":30}],
  "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"Failed"}],"Next":"ReserveHotel"},
"ReserveHotel":{"Type":"Task","Resource":"${ReserveHotel}","Parameters":{"trip.$":"$.trip","hotel.$":"$.hotel"},
  "ResultPath":"$.room","TimeoutSeconds":30,"Retry":[{"ErrorEquals":["ServiceUnavailable"]}],
  "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"Failed"}],"Next":"ProcessPayment"},
"ProcessPayment":{"Type":"Task","Resource":"${ProcessPayment}","Parameters":{"trip.$":"$.trip","payment.$":"$.payment"},
  "ResultPath":"$.charge","TimeoutSeconds":30,"Retry":[{"ErrorEquals":["ServiceUnavailable"]}],
  "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"Failed"}],"Next":"BookingConfirmed"},
"BookingConfirmed":{"Type":"Task","Resource":"${ConfirmBooking}","Parameters":{"trip.$":"$.trip"},
  "ResultPath":null,"TimeoutSeconds":30,"Retry":[{"ErrorEquals":["States.ALL"]}],"End":true},
"Failed":{"Type":"Fail","Error":"BookingFailed","CausePath":"$.error.Cause"}}}`

const bookingInput = `{"trip":"trip-0123456789","flight":{"number":"LH123","date":"2030-01-31","seats":2},
"hotel":{"id":"h-1","check_in":"2030-01-31","check_out":"2030-02-03","rooms":1},"payment":{"token":"tok_ok","currency":"EUR"}}`

const bookingReply = `{"id":"r-0123456789","amount_minor":45900,"currency":"EUR"}`

// BenchmarkStep runs a whole booking without history: five events, the start and four replies.
func BenchmarkStep(b *testing.B) {
	benchmarkBooking(b, nil)
}

// BenchmarkStepWithHistory is the same with the history built.
func BenchmarkStepWithHistory(b *testing.B) {
	benchmarkBooking(b, func(HistoryEvent) {})
}

func benchmarkBooking(b *testing.B, rec func(HistoryEvent)) {
	m, err := Parse([]byte(booking))
	if err != nil {
		b.Fatal(err)
	}
	start := Event{Started: &Started{Name: "n", Input: json.RawMessage(bookingInput)}}
	reply := &TaskSucceeded{Output: json.RawMessage(bookingReply)}
	b.ReportAllocs()
	for b.Loop() {
		x, effects, err := Step(m, nil, start, epoch, rec)
		for err == nil && x.Status() == Running {
			reply.Task = taskOf(effects)
			x, effects, err = Step(m, x, Event{Succeeded: reply}, epoch, rec)
		}
		if err != nil || x.Status() != Succeeded {
			b.Fatal(err, x.Status())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5, "ns/event")
}

func taskOf(effects []Effect) int64 {
	for _, e := range effects {
		if e.StartTask != nil {
			return e.StartTask.Task
		}
	}
	return 0
}

// BenchmarkParse loads the same machine.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse([]byte(booking)); err != nil {
			b.Fatal(err)
		}
	}
}
