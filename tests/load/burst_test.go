package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// tally is what came of a load.
type tally struct {
	accepted []booked
	waited   []time.Duration // of the accepted, from the moment at which they were to be sent
	refused  []time.Duration // the same of the shed
	unsent   int             // arrivals that met no free connection
	wrong    []error         // answers that must not be
	took     time.Duration
}

// booked is a booking that was accepted.
type booked struct {
	trip   string
	number int
}

// arrival is a booking to be sent at a moment.
type arrival struct {
	number int
	at     time.Time
}

// drive lets conns connections send what arrives.
func drive(addr string, conns int, arrivals <-chan arrival) *tally {
	began := time.Now()
	var all tally
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range conns {
		workers.Go(func() {
			c := rawClient{addr: addr}
			defer c.close()
			var mine tally
			for a := range arrivals {
				mine.send(&c, a)
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(&mine)
		})
	}
	workers.Wait()
	all.took = time.Since(began)
	return &all
}

func (t *tally) send(c *rawClient, a arrival) {
	trip, err := c.book(a.number)
	switch wait := time.Since(a.at); {
	case err != nil:
		t.wrong = append(t.wrong, err)
		c.close()
	case trip == "":
		t.refused = append(t.refused, wait)
	default:
		t.accepted, t.waited = append(t.accepted, booked{trip, a.number}), append(t.waited, wait)
	}
}

func (t *tally) add(o *tally) {
	t.accepted = append(t.accepted, o.accepted...)
	t.waited = append(t.waited, o.waited...)
	t.refused = append(t.refused, o.refused...)
	t.wrong = append(t.wrong, o.wrong...)
}

// closed sends n bookings, each connection the next one as soon as it has the answer to the last.
func closed(addr string, conns, n int) *tally {
	arrivals := make(chan arrival)
	go func() {
		defer close(arrivals)
		for i := range n {
			arrivals <- arrival{i, time.Now()}
		}
	}()
	return drive(addr, conns, arrivals)
}

// open sends bookings at the times of a Poisson clock, whatever the server answers and however long it takes. An arrival
// that meets no free connection is not sent: that bounds the generator, not the server.
func open(ctx context.Context, addr string, conns int, rate float64, seed uint64) *tally {
	arrivals := make(chan arrival)
	unsent := make(chan int, 1)
	go func() {
		defer close(arrivals)
		unsent <- poisson(ctx, rate, seed, arrivals)
	}()
	t := drive(addr, conns, arrivals)
	t.unsent = <-unsent
	return t
}

func poisson(ctx context.Context, rate float64, seed uint64, arrivals chan<- arrival) (unsent int) {
	rng := rand.New(rand.NewPCG(seed, 0))
	at := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		at = at.Add(time.Duration(rng.ExpFloat64() / rate * float64(time.Second)))
		time.Sleep(time.Until(at))
		select {
		case arrivals <- arrival{i, at}:
		default:
			unsent++
		}
	}
	return unsent
}
