package stripedouble

import (
	"net/http"
	"time"
)

// keyLife is how long an idempotency key is remembered.
const keyLife = 24 * time.Hour

// stored is an answer under an idempotency key.
type stored struct {
	request string // method, path and parameters
	answer  answer
	at      time.Time
}

// once repeats the first answer to a call with a key that was used before, including errors.
func (d *Double) once(r *http.Request, work func() answer) answer {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return work()
	}
	request := r.Method + " " + r.URL.Path + "?" + r.Form.Encode()
	if a, ok := d.enter(key, request); !ok {
		return a
	}
	a := work()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.active, key)
	if a.status < 400 || a.status == http.StatusPaymentRequired || a.status >= 500 { // others have not begun
		d.keys[key] = &stored{request, a, d.Now()}
	}
	return a
}

// enter reserves a key that is free. If it is not, ok is false and a is the answer.
func (d *Double) enter(key, request string) (a answer, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active[key] {
		return invalid("idempotency_key_in_use", "", "another request with this key is in progress").with(http.StatusConflict), false
	}
	before := d.keys[key]
	switch {
	case before == nil || d.Now().Sub(before.at) >= keyLife:
		d.active[key] = true
		return answer{}, true
	case before.request != request:
		return problem{Type: "idempotency_error", Message: "the key was used with other parameters"}.with(http.StatusBadRequest), false
	}
	a = before.answer
	a.replayed = true
	return a, false
}

// Forget forgets all idempotency keys, as Stripe may after 24 hours.
func (d *Double) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.keys)
}
