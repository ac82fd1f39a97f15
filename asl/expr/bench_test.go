package expr

import (
	"math"
	"testing"
)

// booking is like the input of a booking's saga: about 300 bytes.
const booking = `{"trip_id":"trp_01J9Z3K8Q4W6Y2","traveler":{"name":"Ada Lovelace","email":"ada@example.com"},` +
	`"flight":{"number":"NH106","date":"2030-01-31","seats":2},"hotel":{"id":"htl_0042","check_in":"2030-01-31",` +
	`"check_out":"2030-02-03","rooms":1},"payment":{"card_token":"tok_ok","amount":184200},"currency":"JPY"}`

func BenchmarkDecode(b *testing.B) {
	data := []byte(booking)
	b.Run("expr", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := standardDecode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	v := decode(b, booking)
	dst := make([]byte, 0, 1024)
	b.Run("expr", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = AppendEncode(dst[:0], v)
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := standardEncode(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSize(b *testing.B) {
	v := decode(b, booking)
	b.ReportAllocs()
	for b.Loop() {
		Size(v, math.MaxInt)
	}
}

func BenchmarkGet(b *testing.B) {
	env := &Env{Data: decode(b, booking)}
	for _, path := range []string{"$.flight.number", "$.missing.x", "$.flight['number','seats']", "$..[?(@.seats>1)]"} {
		p, err := ParsePath(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = p.Get(env)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	root := decode(b, booking)
	p, err := ParseResultPath("$.results.flight")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Set(root, "reserved"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTemplate(b *testing.B) {
	env := &Env{Data: decode(b, booking)}
	for name, template := range map[string]string{
		"constant": `{"a":{"b":[1,2]},"c":"d"}`,
		"paths":    `{"trip.$":"$.trip_id","flight.$":"$.flight","who":{"name.$":"$.traveler.name"},"v":1}`,
		"format":   `{"key.$":"States.Format('{}/{}', $.trip_id, $.flight.number)"}`,
	} {
		compiled, err := ParseTemplate(decode(b, template))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compiled.Eval(env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
