package asl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep a definition may nest; a real one stays far below.
const maxDepth = 200

// decodeDefinition reads a definition into map[string]any, []any, string, bool, nil and json.Number. Other than
// encoding/json it refuses a key that an object has twice: the last one would win, silently.
func (p *parser) decodeDefinition(data []byte) (any, bool) {
	if len(data) > MaxDefinition {
		p.problem("$", "the definition has %d bytes, allowed are %d", len(data), MaxDefinition)
		return nil, false
	}
	if !utf8.Valid(data) {
		p.problem("$", "the definition is not UTF-8")
		return nil, false
	}
	if err := checkSyntax(data); err != nil {
		p.problem("$", "%s", err)
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return p.decodeValue(dec, "$", 0)
}

func checkSyntax(data []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line, column := position(data, int(syntax.Offset))
		return fmt.Errorf("the definition is not JSON: line %d, column %d: %w", line, column, err)
	}
	return err
}

func position(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - (bytes.LastIndexByte(before, '\n') + 1)
}

func (p *parser) decodeValue(dec *json.Decoder, path string, depth int) (any, bool) {
	if depth > maxDepth {
		p.problem(path, "nested more than %d deep", maxDepth)
		return nil, false
	}
	token, err := dec.Token()
	if err != nil {
		p.problem(path, "%s", err)
		return nil, false
	}
	switch token {
	case json.Delim('{'):
		return p.decodeObject(dec, path, depth)
	case json.Delim('['):
		return p.decodeArray(dec, path, depth)
	}
	return token, true
}

func (p *parser) decodeObject(dec *json.Decoder, path string, depth int) (any, bool) {
	fields := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			p.problem(path, "%s", err)
			return nil, false
		}
		key, _ := token.(string)
		at := join(path, key)
		v, ok := p.decodeValue(dec, at, depth+1)
		if !ok {
			return nil, false
		}
		if _, twice := fields[key]; twice {
			p.problem(at, "the key is there twice; one of them would be lost")
		}
		fields[key] = v
	}
	_, err := dec.Token()
	return fields, err == nil
}

func (p *parser) decodeArray(dec *json.Decoder, path string, depth int) (any, bool) {
	elements := []any{}
	for dec.More() {
		v, ok := p.decodeValue(dec, at(path, len(elements)), depth+1)
		if !ok {
			return nil, false
		}
		elements = append(elements, v)
	}
	_, err := dec.Token()
	return elements, err == nil
}

// join is the JSON path of a field.
func join(path, field string) string {
	if isPlainName(field) {
		return path + "." + field
	}
	return path + "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(field) + "']"
}

// at is the JSON path of an array's element.
func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func isPlainName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
