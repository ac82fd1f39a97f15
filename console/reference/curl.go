package reference

import (
	"net/url"
	"regexp"
	"strings"
)

// curl is the command, for a POSIX shell, that makes the call with its required parameters and the example of its body.
func curl(o Operation, s Settings) string {
	address, query := s.Base+o.Path, url.Values{}
	var headers []string
	for _, p := range o.Parameters {
		if !p.Required {
			continue
		}
		switch v := value(o, p, s); p.In {
		case "path":
			address = strings.ReplaceAll(address, "{"+p.Name+"}", url.PathEscape(v))
		case "query":
			query.Set(p.Name, v)
		case "header":
			headers = append(headers, p.Name+": "+v)
		}
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	words := []string{"curl"}
	if o.Method != "GET" {
		words = append(words, "-i -X "+o.Method) // with the headers: some of these answers have no body
	} else if len(o.Answers) > 0 && o.Answers[0].Body != nil && o.Answers[0].Body.Type == "text/event-stream" {
		words = append(words, "-N")
	}
	words = append(words, quoted(address))
	if o.Body != nil {
		headers = append(headers, "Content-Type: "+o.Body.Type)
	}
	command := strings.Join(words, " ")
	for _, h := range headers {
		command += " \\\n  -H " + quoted(h)
	}
	if o.Body != nil {
		command += " \\\n  --data-binary " + quoted(o.Body.Example)
	}
	return command
}

// value is a required parameter's value: the caller's, or an example of the document, or its name.
func value(o Operation, p Parameter, s Settings) string {
	if s.Value != nil {
		if v := s.Value(o.ID, p.Name); v != "" {
			return v
		}
	}
	for _, given := range [][]string{p.Examples, {p.Default}, p.Enum} {
		if len(given) > 0 && given[0] != "" {
			return given[0]
		}
	}
	return p.Name
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quoted is s as one word of a POSIX shell.
func quoted(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
