// Package rapl reads the energy counters that processors keep of themselves
// (Running Average Power Limit), through Linux' powercap files. Intel's and
// AMD's processors are served by the same driver.
//
// A package is a socket: cores, caches, memory controller and integrated
// graphics. Memory (dram) is counted apart where a processor has it. The
// domains core and uncore are inside the package and are not read. The
// platform (psys) overlaps both and is shown, never added. One package that is
// listed twice, by its registers and by memory-mapped registers
// (intel-rapl-mmio), counts once.
//
// What a processor tells covers the processor: never the machine.
package rapl
