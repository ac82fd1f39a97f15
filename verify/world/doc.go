// Package world plays one schedule of faults against the real booking system: its definition, engine, handlers, barrier
// and table, in virtual time and on one thread, so that a schedule always gives the same bytes. Package verify calls it,
// hundreds of thousands of times.
//
// Nothing lists the places where something can go wrong. The world stands between the parts (the table through package
// table/faulty, the tasks, the bank) and gives a label to every operation as it comes by: a [Point]. A [Fault] names a
// point by its label, so that a schedule means the same when other faults are taken out of it.
//
// The process can be killed at any point. What it had written without waiting for durability is then cut back as far as
// the schedule says, and a new process goes on from there, as the table's contract has it: a prefix of the writes is
// left, and never less than what was waited for.
package world
