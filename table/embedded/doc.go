// Package embedded is the table on one machine: a store in a folder, on Pebble, with group commit.
//
// # Writing
//
// Callers encode their own transactions and pass them to one committer goroutine. It takes what is waiting as a group,
// checks the conditions of one transaction after the other against the store and the group's own earlier writes, and
// applies the group as one Pebble batch. Deferred callers are answered there and then. Callers that need durability are
// passed on to the syncer goroutine, which answers them after the write-ahead log's next fsync, while the committer is
// busy with the next group. A transaction whose condition fails leaves the others of its group alone.
//
// # Durability
//
// Groups are numbered. The number of a group is published as written before Pebble shows the group to readers, and as
// durable after the fsync; a read that must not show what a crash could take back waits until durable has reached what
// written was after the read. There is one write-ahead log, so what is written earlier is durable no later. Deferred
// writes that nobody waits for are synced after 50 milliseconds.
//
// # Failure
//
// While the disk is nearly full writes are refused, and taken again when there is room; see room. When the log cannot be
// written all the same, or something is damaged, the store fails: it takes no more writes, and gives only such reads as need
// no wait. Nothing that was acknowledged is lost.
//
// Open refuses a folder in which something is missing, cut off, damaged or older than the rest; see record. After a power
// cut, damage in what the last fsync brought cannot be told from a write that was cut off, and counts as that.
package embedded
