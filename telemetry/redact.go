package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"tripsaga/shared/pattern"
)

// removed replaces personal data in a log.
const removed = "[redacted]"

// personalKeys are the attributes whose values are never written, in lower case with underscores: personal data and
// credentials. A group or an object under such a name is redacted as a whole.
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

// redact is the ReplaceAttr of every logger. It removes the values of personalKeys, and card tokens and e-mail addresses
// anywhere in a text.
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

var (
	token  = pattern.New(`tok_[A-Za-z0-9_]+|\b(?:pm|(?:sk|rk)_(?:test|live)|whsec)_[A-Za-z0-9_]+`)
	email  = pattern.New(`[^\s@<>"'(),;:=\[\]{}\\]+@[^\s@<>"'(),;:=\[\]{}\\]+`)
	module = pattern.New(`@v\d+\.\d+\.\d+[^/]*/`) // of a file in a stack trace
)

// tokens begin card tokens, and keys of a payment provider.
var tokens = []string{"tok_", "pm_", "sk_", "rk_", "whsec_"}

// scrub removes card tokens, keys and e-mail addresses from a text.
func scrub(s string) string {
	if slices.ContainsFunc(tokens, func(t string) bool { return strings.Contains(s, t) }) {
		s = token().ReplaceAllStringFunc(s, func(found string) string {
			kind, _, _ := strings.Cut(found, "_")
			return kind + "_***"
		})
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

// scrubAny redacts the JSON of a value. A value without JSON is replaced by its type, since its printed form cannot be
// checked.
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

// textOf is the error's text. Error may panic, as a method of a nil pointer does; logging must not.
func textOf(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("a %T without a text", err)
		}
	}()
	return err.Error()
}
