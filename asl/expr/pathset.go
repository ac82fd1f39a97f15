package expr

import (
	"fmt"
	"maps"
	"slices"
)

// Set returns root with value at the path, which must come from [ParseResultPath] (or be definite and start at $). Root
// itself stays as it is; the result shares all that is not on the path. Missing objects are created. An index can only
// replace an element that exists. The error says what is in the way.
func (p *Path) Set(root, value any) (any, error) {
	if p.root != rootData || p.prefix != len(p.segments) {
		return nil, fmt.Errorf("path %s: only a Reference Path into the data can be set", p.text)
	}
	return p.set(root, 0, value)
}

// set returns node, which segment i is applied to, with value in it.
func (p *Path) set(node any, i int, value any) (any, error) {
	if i == len(p.segments) {
		return value, nil
	}
	if p.segments[i].kind == kindIndex {
		return p.setElement(node, i, value)
	}
	return p.setMember(node, i, value)
}

func (p *Path) setMember(node any, i int, value any) (any, error) {
	object, ok := node.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("path %s: %q cannot be set in %s", p.text, p.segments[i].name, kindOf(node))
	}
	name := p.segments[i].name
	old, ok := object[name]
	if !ok && i+1 < len(p.segments) {
		old = map[string]any{}
	}
	child, err := p.set(old, i+1, value)
	if err != nil {
		return nil, err
	}
	changed := make(map[string]any, len(object)+1)
	maps.Copy(changed, object)
	changed[name] = child
	return changed, nil
}

func (p *Path) setElement(node any, i int, value any) (any, error) {
	index := p.segments[i].index
	array, ok := node.([]any)
	if !ok {
		return nil, fmt.Errorf("path %s: element %d cannot be set in %s", p.text, index, kindOf(node))
	}
	old, ok := at(array, index)
	if !ok {
		return nil, fmt.Errorf("path %s: the array has no element %d to replace, its length is %d", p.text, index, len(array))
	}
	child, err := p.set(old, i+1, value)
	if err != nil {
		return nil, err
	}
	changed := slices.Clone(array)
	if index < 0 {
		index += len(array)
	}
	changed[index] = child
	return changed, nil
}

// kindOf names a value's JSON type, for messages.
func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case nil:
		return "null"
	default:
		return "a number"
	}
}
