// Package lint reads the definition of a saga and finds what makes it unsafe, without running it: an effect that a
// failure leaves behind, a compensation that is given up, an error that is retried in vain. The command tripsaga verify
// calls it before it explores anything; a test may call it on a saga of its own.
//
// A task is known by the function that its state calls, and [Options] say what each is to the saga. [Check] follows all
// paths, through loops, Choice, Parallel and Map states, and asks at each place what may have taken effect and is not
// yet taken back: a step that failed with an error that is not known may have taken effect. Which rule of a Choice holds
// is never asked, so that a finding may stand on a path that the data rule out.
//
// Not seen: States.Runtime, which no state can catch (a path that finds nothing in the input); what the handlers do; and
// whether a step after its own undo would be refused. What the lint cannot follow is a finding of the rule not-followed.
package lint
