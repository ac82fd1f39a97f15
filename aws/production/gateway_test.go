package production

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/aws/emulator/rie"
)

func TestRequestEvent(t *testing.T) {
	r := httptest.NewRequest("POST", "http://trips.example/trips/a%20b?limit=3&status=A&status=B", nil)
	r.Header.Add("Accept", "text/html")
	r.Header.Add("Accept", "application/json")
	r.Header.Set("Cookie", "a=1; b=2")
	r.Header.Set("Content-Type", "application/json")
	e := requestEvent(r, []byte(`{"a":1}`), time.Unix(1_800_000_000, 0))
	if e.Version != "2.0" || e.RawPath != "/trips/a%20b" || e.RawQueryString != "limit=3&status=A&status=B" ||
		e.QueryStringParameters["status"] != "A,B" || e.Headers["accept"] != "text/html,application/json" ||
		e.Headers["host"] != "trips.example" || e.Headers["cookie"] != "" || !slices.Equal(e.Cookies, []string{"a=1", "b=2"}) ||
		e.Body != `{"a":1}` || e.IsBase64Encoded {
		t.Errorf("the event is %+v", e)
	}
	c := e.RequestContext
	if c.HTTP.Method != "POST" || c.HTTP.Path != "/trips/a b" || c.HTTP.SourceIP != "192.0.2.1" || c.Stage != "$default" ||
		c.DomainName != "trips.example" || c.TimeEpoch != 1_800_000_000_000 || c.Time != "15/Jan/2027:08:00:00 +0000" || c.RequestID == "" {
		t.Errorf("its context is %+v", c)
	}
}

func TestBodyThatIsNoText(t *testing.T) {
	for contentType, body := range map[string]string{"application/octet-stream": "abc", "text/csv": "\xff"} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Content-Type", contentType)
		e := requestEvent(r, []byte(body), time.Now())
		if !e.IsBase64Encoded || e.Body != base64.StdEncoding.EncodeToString([]byte(body)) {
			t.Errorf("%s: body %q, base64 %v", contentType, e.Body, e.IsBase64Encoded)
		}
	}
}

func TestAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	reply := `{"statusCode":202,"headers":{"Location":"/trips/1"},"cookies":["a=1","b=2"],"body":"/w==","isBase64Encoded":true}`
	if err := answer(w, []byte(reply)); err != nil {
		t.Fatal(err)
	}
	if w.Code != 202 || w.Header().Get("Location") != "/trips/1" || len(w.Header()["Set-Cookie"]) != 2 || w.Body.String() != "\xff" {
		t.Errorf("the answer is %d %v %q", w.Code, w.Header(), w.Body)
	}
	for _, bad := range []string{`{`, `{}`, `"text"`, `{"statusCode":200,"body":"*","isBase64Encoded":true}`} {
		if err := answer(httptest.NewRecorder(), []byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestFailuresOfTheFunction(t *testing.T) {
	for want, err := range map[int]error{503: rie.ErrClosed, 500: errors.New("no")} {
		w := httptest.NewRecorder()
		gatewayFailure(w, err)
		if w.Code != want || !strings.HasPrefix(w.Body.String(), `{"message":`) {
			t.Errorf("%v: %d %s, want %d", err, w.Code, w.Body, want)
		}
	}
}

func TestBuildOutsideOfTheSource(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Build(t.Context(), t.TempDir()); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("the error is %v, want %v", err, ErrNotBuilt)
	}
}
