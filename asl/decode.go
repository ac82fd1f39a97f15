package asl

import (
	"errors"
	"fmt"
	"strings"

	"tripsaga/asl/expr"
	"tripsaga/shared/strictjson"
)

// maxDepth bounds how deep a definition may nest; a real one is far below.
const maxDepth = 200

// decodeDefinition reads a definition into map[string]any, []any, string, bool, nil and json.Number.
func (p *parser) decodeDefinition(data []byte) (any, bool) {
	if len(data) > MaxDefinition {
		p.problem("$", "the definition has %d bytes, allowed are %d", len(data), MaxDefinition)
		return nil, false
	}
	err := strictjson.Check(data)
	var e *strictjson.Error
	if errors.As(err, &e) {
		p.problem("$"+e.Path, "line %d, column %d: %s", e.Line, e.Column, e.Message)
		return nil, false
	}
	v, err := expr.Decode(data)
	if err != nil {
		p.problem("$", "%s", err)
	}
	return v, err == nil
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
