// Package redfish reads power and energy from a BMC or a rack PDU by Redfish
// (DMTF DSP0266): a chassis' EnvironmentMetrics, its older Power resource, the
// metrics of a rack PDU and its outlets.
//
// What a BMC tells is what its power supplies tell: losses of the supplies may
// be outside, values come every one to ten seconds and in whole watts. It is a
// cheap wall meter and a good cross-check, not a substitute for one.
//
// A certificate that no authority signed is accepted only where its fingerprint
// is given. Passwords and session tokens are in no error and no reason.
package redfish
