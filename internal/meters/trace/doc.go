// Package trace keeps the samples of meters: it packs them into blocks of about
// a byte per sample, records them beside a running sampler so that a kill loses
// a second at most, and reads them back by time and resolution, as curves, and
// call by call. Parquet files are written by the package below it.
//
// A block holds consecutive ticks of one meter, all channels:
//
//	B7 77 01                 what it is, and the version of the format
//	uvarint × 3              channels, ticks, sampling interval in ns
//	part                     numbers of the ticks; lateness of each on the schedule that
//	                         the first sets, in µs, as the first channel stamped it
//	part for each channel    stamps as offsets from the channel before, in µs; states and
//	                         reasons, unless all are ok; values
//	4 bytes                  CRC-32C of all before, little endian
//
// A part is its length as uvarint and the bytes of an adaptive range coder, so a
// channel can be read without the values of the others. A column of integers is
// coded value by value: whether it stands still, in the light of how long it
// has, which learns a source's update period; and if not, how far it is from
// what was foretold from the column's middle, from the value before, or from
// its last rise. A common divisor of all steps is taken out first.
//
// Values are kept to the last bit. Most sources give whole numbers of some
// step, such as the milliwatts of NVML or the microjoules of RAPL, and those
// are coded as integers where each gives its value back exactly. Else the bits
// are coded as they are, by number where there are few distinct ones. Two
// things are not kept: the value of a missing reading, which reads back as 0
// beside its state, and the bits of an estimate (Channel.Estimated) below a ten
// thousandth of its unit. Stamps are kept to a microsecond.
//
// Bytes that no encoder made give one error. What a block can say of its size
// is bounded before memory is taken for it.
package trace
