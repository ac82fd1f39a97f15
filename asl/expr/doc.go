// Package expr is the expression side of the Amazon States Language in JSONPath mode: paths, payload templates and
// intrinsic functions. Package asl parses them once, when a definition is loaded, and evaluates them in every step;
// package choice builds the rules of a Choice state on them.
//
// Data are JSON values as Go values: map[string]any, []any, string, bool, nil and [json.Number], which keeps a number's
// text as it stood. Values are immutable: nothing changes one in place, and what is returned may share parts with what
// was given. [Decode] and [Encode] convert from and to JSON text.
//
// Sources: https://states-language.net/spec.html, the Step Functions developer guide, and the behaviour observed on
// AWS, which evaluates paths with Jayway JsonPath, written in Java. The known differences: Go maps keep no order, so
// wherever AWS shows an object's members in the order of the input (wildcards, States.JsonToString, States.Format),
// this package shows them sorted by name; and two numbers inside a filter are compared as float64.
//
// [Decode] is lenient where an execution is under way: task outputs and the text of States.StringToJson are not refused
// for a duplicate member (the last one counts) or half of a surrogate pair (U+FFFD), since the States Language and the
// developer guide make neither an error, and a saga that has taken money must not fail over the spelling of an answer.
// Definitions and the inputs of new executions are read strictly before they come here (package strictjson), and so is
// what a task of this program is given.
package expr
