// Package app is the only wiring of wattsweep: settings become a database, a
// Temporal client, runtimes, meters, activities and workers here.
package app
