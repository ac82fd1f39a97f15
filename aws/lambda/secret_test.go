package lambda

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// vault is a secret in whose place a test puts others, and a provider that takes only one key.
type vault struct {
	secret
	stored  string
	fails   error
	reads   int
	time    time.Time
	valid   string
	asked   []string // "key body" of each request that the provider got
	logged  strings.Builder
	allowed string // what check accepts begins with it
}

func newVault(t *testing.T, stored string) *vault {
	v := &vault{stored: stored, valid: stored, time: time.Unix(1_800_000_000, 0), allowed: "rk_test_"}
	v.secret = secret{
		now: func() time.Time { return v.time }, log: slog.New(slog.NewTextHandler(&v.logged, nil)),
		read: func(context.Context) (string, error) {
			v.reads++
			return v.stored, v.fails
		},
		check: func(key string) error {
			if !strings.HasPrefix(key, v.allowed) {
				return errors.New("the key is none")
			}
			return nil
		},
	}
	if err := v.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	v.asked = append(v.asked, key+" "+string(body))
	status := http.StatusOK
	if key != v.valid {
		status = http.StatusUnauthorized
	}
	return &http.Response{StatusCode: status, Body: http.NoBody}, nil
}

func (v *vault) call(t *testing.T) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://stripe.example/", strings.NewReader("a=1"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer of-the-client")
	answer, err := keyed{&v.secret, v}.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("Authorization") != "Bearer of-the-client" {
		t.Error("the caller's request was changed")
	}
	return answer.StatusCode
}

// TestAKeyThatWasReplaced is read again when it is refused, and the call is sent once more, whole.
func TestAKeyThatWasReplaced(t *testing.T) {
	v := newVault(t, "rk_test_1")
	if got := v.call(t); got != 200 || v.reads != 1 {
		t.Fatalf("status %d after %d readings", got, v.reads)
	}
	v.stored, v.valid, v.time = "rk_test_2", "rk_test_2", v.time.Add(time.Hour)
	if got := v.call(t); got != 200 || v.reads != 2 {
		t.Errorf("status %d after %d readings", got, v.reads)
	}
	if want := "rk_test_1 a=1, rk_test_1 a=1, rk_test_2 a=1"; strings.Join(v.asked, ", ") != want {
		t.Errorf("sent %q, want %s", v.asked, want)
	}
}

// TestARefusedKeyIsReadOnceAMinute, however many calls it spoils, and whether the reading succeeds or not.
func TestARefusedKeyIsReadOnceAMinute(t *testing.T) {
	v := newVault(t, "rk_test_1")
	v.valid = "rk_test_2"
	for _, fails := range []error{nil, errors.New("access denied")} {
		v.fails, v.reads = fails, 0
		v.time = v.time.Add(time.Minute)
		for range 5 {
			if got := v.call(t); got != 401 {
				t.Errorf("status %d", got)
			}
			v.time = v.time.Add(10 * time.Second)
		}
		if v.reads != 1 {
			t.Errorf("%v: %d readings within a minute", fails, v.reads)
		}
	}
	if !strings.Contains(v.logged.String(), "access denied") || strings.Contains(v.logged.String(), "rk_test_") {
		t.Errorf("logged %s", v.logged.String())
	}
}

// TestAKeyThatMayNotBeUsed is not taken later either, such as one of live mode in place of one of test mode.
func TestAKeyThatMayNotBeUsed(t *testing.T) {
	v := newVault(t, "rk_test_1")
	v.stored, v.valid, v.time = "rk_live_9", "rk_live_9", v.time.Add(time.Hour)
	if got := v.call(t); got != 401 || v.current() != "rk_test_1" || len(v.asked) != 1 {
		t.Errorf("status %d, sent %q", got, v.asked)
	}
	if strings.Contains(v.logged.String(), "rk_live_9") {
		t.Errorf("the key was logged: %s", v.logged.String())
	}
}
