// Package activities is where the domain meets Temporal: each activity decodes
// its input, calls the domain, and encodes a small result. One struct per
// concern, its dependencies as fields. Every activity may run twice; what it
// writes goes under natural keys. Journal text, prompts and answers never
// enter a result, an error, a heartbeat or a log line.
package activities
