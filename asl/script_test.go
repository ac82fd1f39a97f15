package asl

import (
	"strings"
	"time"
)

// script reads replies, one a line: "Function [after 5s] ok JSON", "Function fail Error cause…", "Function hang",
// "Function after 5s beat after 5s ok JSON". Of a callback task, "submit JSON" is the function's reply and "ok" or "fail" the
// callback; "early JSON" is an "ok" with more to follow. JSON that is followed has no spaces. Besides, "@stop 10s Error cause…". Lines "@redrive" are left to the caller.
func (d *driver) script(text string) (redrives int) {
	for _, line := range strings.Split(text, "\n") {
		function, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case function == "" || strings.HasPrefix(function, "#"):
		case function == "@redrive":
			redrives++
		case function == "@stop":
			after, rest, _ := strings.Cut(rest, " ")
			name, cause, _ := strings.Cut(rest, " ")
			d.push(d.now.Add(d.duration(after)), pendingEvent{event: Event{Stopped: &Stopped{Error: name, Cause: cause}}})
		default:
			d.replies[function] = append(d.replies[function], d.parseReply(rest))
		}
	}
	return redrives
}

func (d *driver) parseReply(text string) (r reply) {
	step := replyStep{after: time.Second}
	for text != "" {
		word, rest, _ := strings.Cut(text, " ")
		text = rest
		switch word {
		case "after":
			after, rest, _ := strings.Cut(text, " ")
			step.after, text = d.duration(after), rest
		case "beat", "hang":
			step.kind = word
			r.steps = append(r.steps, step)
		case "submit", "early":
			step.kind = word
			step.text, text, _ = strings.Cut(text, " ")
			r.steps = append(r.steps, step)
		case "ok":
			step.kind, step.text = word, text
			return reply{append(r.steps, step)}
		case "fail":
			step.kind = word
			step.text, step.cause, _ = strings.Cut(text, " ")
			return reply{append(r.steps, step)}
		default:
			d.t.Fatalf("script: %q", word)
		}
	}
	return r
}

func (d *driver) duration(text string) time.Duration {
	v, err := time.ParseDuration(text)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}
