package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// removed stands in a log for what was taken out of it.
const removed = "[redacted]"

// personalKeys are the attributes whose values are never written, in lower case with underscores: personal data and
// what gives access. A group or an object under such a name goes with all that it holds.
var personalKeys = map[string]bool{
	"name": true, "full_name": true, "traveler": true, "traveler_name": true,
	"email": true, "e_mail": true, "mail": true,
	"card": true, "card_token": true, "cardtoken": true, "card_number": true, "payment_method": true,
	"authorization": true, "proxy_authorization": true, "cookie": true, "set_cookie": true,
	"token": true, "password": true, "secret": true, "api_key": true, "x_api_key": true,
	"x_amz_security_token": true, "session_token": true,
}

func personal(key string) bool {
	return personalKeys[strings.ReplaceAll(strings.ToLower(key), "-", "_")]
}

// redact is the ReplaceAttr of every logger: personal data go by the attribute's name, and card tokens and e-mail
// addresses wherever they stand in a text.
func redact(groups []string, a slog.Attr) slog.Attr {
	if personal(a.Key) || slices.ContainsFunc(groups, personal) {
		return slog.String(a.Key, removed)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(scrub(a.Value.String()))
	case slog.KindAny:
		a.Value = scrubAny(a.Value.Any())
	}
	return a
}

// The patterns are compiled when they are first needed: a function's process begins without.
var (
	cardToken = pattern(`tok_[A-Za-z0-9_]+`)
	email     = pattern(`[^\s@<>"'(),;:=\[\]{}\\]+@[^\s@<>"'(),;:=\[\]{}\\]+`)
	module    = pattern(`@v\d+\.\d+\.\d+[^/]*/`) // of a file in a stack trace
)

func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// scrub takes card tokens and e-mail addresses out of a text.
func scrub(s string) string {
	if strings.Contains(s, "tok_") {
		s = cardToken().ReplaceAllString(s, "tok_***")
	}
	if !strings.Contains(s, "@") {
		return s
	}
	return email().ReplaceAllStringFunc(s, func(found string) string {
		if module().MatchString(found) {
			return found
		}
		return removed
	})
}

// scrubAny makes a value of its JSON, less what is personal in it. What has no JSON is not shown: nobody knows what
// would be printed.
func scrubAny(v any) slog.Value {
	switch v := v.(type) {
	case slog.Level, nil:
		return slog.AnyValue(v)
	case error:
		return slog.StringValue(scrub(textOf(v)))
	case []byte:
		return slog.StringValue(scrub(string(v)))
	}
	data, err := json.Marshal(v)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("a %T, which has no JSON", v))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return slog.StringValue(removed)
	}
	if s, ok := tree.(string); ok {
		return slog.StringValue(scrub(s))
	}
	return slog.AnyValue(scrubTree(tree))
}

func scrubTree(v any) any {
	switch v := v.(type) {
	case string:
		return scrub(v)
	case []any:
		for i := range v {
			v[i] = scrubTree(v[i])
		}
	case map[string]any:
		for key := range v {
			if personal(key) {
				v[key] = removed
				continue
			}
			v[key] = scrubTree(v[key])
		}
	}
	return v
}

// textOf is the error's text; an error that is a nil pointer may have none.
func textOf(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("a %T without a text", err)
		}
	}()
	return err.Error()
}
