package pdu

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"
)

// reasonOf turns an error of the transport into words that hold no secret: the
// library's own texts are never shown.
func reasonOf(err error, timeout time.Duration) string {
	var netErr net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "the question was cancelled"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at the address (connection refused)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to the device"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, gosnmp.ErrMaxRetriesExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "no answer within " + timeout.String() + " (lost, or the device is busy or silent)"
	case errors.Is(err, gosnmp.ErrUnknownUsername):
		return "the device does not know the SNMP v3 user"
	case errors.Is(err, gosnmp.ErrWrongDigest), strings.Contains(err.Error(), "not authentic"):
		return "the device refuses the SNMP v3 authentication (protocol or passphrase)"
	case errors.Is(err, gosnmp.ErrDecryption):
		return "the device refuses the SNMP v3 privacy (protocol or passphrase)"
	case errors.Is(err, gosnmp.ErrUnknownSecurityLevel):
		return "the device refuses the SNMP v3 security level"
	case errors.Is(err, errDevice):
		return errDevice.Error()
	case errors.Is(err, net.ErrClosed):
		return "the meter is closed"
	default:
		if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
			return "the name of the device could not be resolved"
		}
		return "the answer could not be read"
	}
}
