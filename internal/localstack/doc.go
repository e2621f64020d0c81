// Package localstack is the embedded default of wattsweep: a real Temporal
// server, a real Postgres and a real Ollama as child processes on free loopback
// ports, with all their data under one state folder.
//
// [Start] finds each server on the machine or builds it, starts what is not yet
// up, waits until each answers and gives the addresses as a [Stack].
// Stack.Stop takes down what that Start brought up. With Options.Detach the
// servers outlive the program; [Attach] finds them again, [Down] ends them,
// [Status] tells how they do, [Detect] tells what would be used, [Wipe] deletes
// everything.
//
// The folder holds
//
//	stack.json         who runs where: process ids with their start times, ports
//	lock               held while a program owns or changes the servers
//	id                 the mark that our children carry in their environment
//	temporal.db*       Temporal's SQLite file and its write-ahead log
//	postgres/          the database
//	postgres.password  its random password (mode 0600)
//	ollama/            the models and the server's home
//	logs/              one file per server
//
// A program that was killed leaves no orphan behind: the children of a program
// that owns them get a signal from the kernel where it can send one, and the
// next Start in the same folder ends whatever is left. It signals a process
// only when its id, start time, boot and executable are those on record, or
// when it carries this folder's mark, so an unrelated process that inherited a
// number is never touched.
package localstack
