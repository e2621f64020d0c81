// Package plug reads smart plugs over HTTP as cheap wall meters: Shelly of the
// first generation and of the later ones, and everything that runs Tasmota.
//
// A plug measures what one outlet feeds, losses of the power supply included.
// Its figures come about once a second and are good to a few percent; a plug is
// rated for 10 to 16 A and is no meter for a rack of GPUs at its limit.
//
// Readings are stamped at the midpoint of request and answer. An answer that
// does not come is a gap. The password is in no error and no reason.
package plug
