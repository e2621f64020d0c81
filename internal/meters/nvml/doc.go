// Package nvml reads NVIDIA GPUs through the driver's own library: power,
// energy counter, utilisation, memory, clocks, temperature, throttling, ECC
// and processes, one fast and one slow meter per GPU.
//
// The library is loaded and asked for facts by go-nvml. What is read at every
// tick goes through a few lines of C in this package (sample.c) that call the
// same library: go-nvml allocates a little for each value, and it ends the
// process when the driver lacks a symbol. Nothing is called here before its
// symbol was looked up.
//
// Power is not one thing in NVML. Field 186 is instant power and field 185 its
// average; nvmlDeviceGetPowerUsage is one or the other, by architecture and
// driver. Each channel says which it is, over which window it averages and how
// often it is renewed, and on what these rest: watched at the start of a
// session (Fast.Characterise), else the published table of arXiv 2312.02741.
//
// Field ids above 250 mean different things in different drivers; none is used.
//
// One process can use one library: go-nvml binds its functions once. A second
// path is refused. Without cgo, or on other systems than Linux, Open gives a
// *meters.Missing and all else stays as it is.
package nvml
