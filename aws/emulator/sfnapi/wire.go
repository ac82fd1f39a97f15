package sfnapi

import (
	"errors"
	"io"
	"net/http"
	"time"

	"tripsaga/shared/strictjson"
)

// seconds is a time as JSON 1.0 has it: seconds since 1970, with milliseconds.
type seconds float64

func at(t time.Time) seconds { return seconds(float64(t.UnixMilli()) / 1e3) }

// maybeAt is nil for no time.
func maybeAt(t time.Time) *seconds {
	if t.IsZero() {
		return nil
	}
	s := at(t)
	return &s
}

// included tells that data is not left out.
type included struct {
	Included bool `json:"included"`
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &problem{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", err.Error()}
	}
	if err != nil {
		return nil, invalid("SerializationException", "reading the request: %v", err)
	}
	return body, nil
}

func decode(body []byte, into any) error {
	if err := strictjson.Decode(body, into); err != nil {
		return invalid("ValidationException", "the request: %v", err)
	}
	return nil
}

// limit is a page's size: 100 for 0, at most 1,000.
func limit(maxResults int) (int, error) {
	switch {
	case maxResults < 0 || maxResults > 1000:
		return 0, invalid("ValidationException", "maxResults %d, allowed are 0 to 1000", maxResults)
	case maxResults == 0:
		return 100, nil
	}
	return maxResults, nil
}
