// Package dataset holds the journals that a sweep asks about, the codes that
// are right for them, and the lists that say which codes exist.
//
// It is a domain package: readers and file systems go in, values come out. It
// knows no database, no queue and no configuration.
//
// Journals are personal data. No error, problem or report of this package
// holds a piece of a journal's text: it names the file, the row, the field,
// the journal's id where that has the shape of an id, lengths and hashes.
//
// Open reads a whole set and refuses it whole: it returns either a set that
// keeps every promise of the Dataset type or an error that lists what is wrong,
// where, and how to mend it. Nothing is repaired in silence.
package dataset
