// Package pdu reads rack PDUs and UPSs over SNMP (v1, v2c, v3): power, energy,
// current, voltage, power factor and apparent power of inlets, phases and
// outlets. What a family of devices tells, in which unit and how well, stands
// in a data file below profiles; a user may name another file, or objects of
// his own by OID, unit and scale.
//
// A value is taken for what it is or not at all. An object that the device
// lacks, a value that it marks as not available, an answer that does not come
// and a number below the device's floor are readings with a state and a
// reason, never 0. A sum is missing when any of its parts is.
//
// Plausibility, at every read: power above volt × ampere of the same outlet (or
// above its apparent power) by more than 5 % and the resolutions is out of
// range. Where it is not known which of two values is wrong (power against
// V × A × power factor, the inlet against the sum of outlets), both stand and
// Doubts tells it.
package pdu
