// Package choice is the rules of a Choice state: [Parse] compiles one rule of "Choices" when a definition is loaded,
// [Rule.Match] decides it against a state's input. Package asl calls both.
//
// Sources: https://states-language.net/spec.html#choice-state and the Step Functions developer guide. As AWS does, a
// comparison with a value of another type is false, whether the value stands in Variable or in the operand of a ...Path
// operator; only a path that selects nothing is an error.
package choice
