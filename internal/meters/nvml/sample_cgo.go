//go:build cgo && linux

package nvml

// #cgo LDFLAGS: -ldl
// #cgo noescape ws_fields
// #cgo nocallback ws_fields
// #cgo noescape ws_power
// #cgo nocallback ws_power
// #cgo noescape ws_energy
// #cgo nocallback ws_energy
// #cgo noescape ws_read_use
// #cgo nocallback ws_read_use
// #cgo noescape ws_read_state
// #cgo nocallback ws_read_state
// #include <stdlib.h>
// #include "sample.h"
import "C"

import (
	"errors"
	"unsafe"
)

// Go's and C's layouts of what a read fills are the same size.
const (
	_ = uint(unsafe.Sizeof(field{})-unsafe.Sizeof(C.ws_field{})) + uint(unsafe.Sizeof(C.ws_field{})-unsafe.Sizeof(field{}))
	_ = uint(unsafe.Sizeof(use{})-unsafe.Sizeof(C.ws_use{})) + uint(unsafe.Sizeof(C.ws_use{})-unsafe.Sizeof(use{}))
	_ = uint(unsafe.Sizeof(state{})-unsafe.Sizeof(C.ws_state{})) + uint(unsafe.Sizeof(C.ws_state{})-unsafe.Sizeof(state{}))
)

// sharedObject is a loaded library. It is never unloaded: functions that were
// bound to it may be called at any later time.
type sharedObject struct{ lib *C.ws_library }

// loadObject loads the library at path, or by its name along the loader's path.
func loadObject(path string) (sharedObject, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var why [512]C.char
	lib := C.ws_open(name, &why[0], C.int(len(why)))
	if lib == nil {
		return sharedObject{}, errors.New(C.GoString(&why[0]))
	}
	return sharedObject{lib: lib}, nil
}

// has reports whether the library exports one of symbols.
func (s sharedObject) has(symbols ...string) bool {
	for _, symbol := range symbols {
		name := C.CString(symbol)
		found := C.ws_has(s.lib, name) != 0
		C.free(unsafe.Pointer(name))
		if found {
			return true
		}
	}
	return false
}

// sampler gives the reader of the GPU at index.
func (s sharedObject) sampler(index int) (*cSampler, ret) {
	one := &cSampler{lib: s.lib}
	r := again(func() ret { return ret(C.ws_board(s.lib, C.uint(index), &one.board)) }) //nolint:gocritic // cgo's own check of the pointer
	return one, r
}

// cSampler reads one GPU. Its methods are given memory of the caller's that
// holds no Go pointers.
type cSampler struct {
	lib   *C.ws_library
	board unsafe.Pointer
}

func (s *cSampler) fields(values []field) ret {
	return ret(C.ws_fields(s.lib, s.board, C.int(len(values)), (*C.ws_field)(unsafe.Pointer(unsafe.SliceData(values)))))
}

func (s *cSampler) power(mw *uint32) ret {
	return ret(C.ws_power(s.lib, s.board, (*C.uint)(unsafe.Pointer(mw))))
}

func (s *cSampler) energy(mj *uint64) ret {
	return ret(C.ws_energy(s.lib, s.board, (*C.ulonglong)(unsafe.Pointer(mj))))
}

func (s *cSampler) use(out *use) {
	C.ws_read_use(s.lib, s.board, (*C.ws_use)(unsafe.Pointer(out)))
}

func (s *cSampler) state(out *state, ecc bool) {
	with := C.int(0)
	if ecc {
		with = 1
	}
	C.ws_read_state(s.lib, s.board, with, (*C.ws_state)(unsafe.Pointer(out)))
}
