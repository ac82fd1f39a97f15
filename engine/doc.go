// Package engine runs one state machine of package asl durably over a [table.Table]: the local counterpart of a
// STANDARD Step Functions state machine. A program that has a saga of its own gives it a definition and its tasks:
//
//	eng, err := engine.Open(ctx, engine.Options{Name: "order", Definition: def, Tasks: tasks, Table: t})
//	err = eng.Start(ctx, "order-17", input)
//	end, err := eng.Wait(ctx, "order-17")
//
// What an execution met from outside (a task's reply, a timer) is journalled as an event before its consequences are
// performed, and its state is what [asl.Step] makes of those events. Open therefore resumes every open execution where
// it stood, timers included. A task whose reply had not been journalled is delivered again: tasks must be idempotent.
//
// Durability: a start, an end, a redrive and a stop are durable before they are acknowledged. The events between are
// written with [table.Deferred]: the table keeps the order of writes, so a later durable one covers them, and what a
// crash may take back is at most the newest events, whose tasks are then delivered again.
//
// One engine owns the executions of its name on a table; a second one at the same time is found out by the journal's
// conditions and stops touching the execution.
package engine
