// Package hwmon reads the power and energy that drivers show as hardware
// monitors: AMD's and Intel's GPUs, the ACPI power meters of NVIDIA Grace and of
// servers, and the INA3221 of Jetson boards. A monitor of no such driver is not
// read: a voltage regulator's power is nobody's figure.
//
// What a rail covers is told by its label alone, so the label is part of each
// channel's method. A sum that overlaps what other meters tell is marked as
// platform, which is shown and never added.
package hwmon
