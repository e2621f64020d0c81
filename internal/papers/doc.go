// Package papers gives a cell's figures under the names that earlier works gave
// them, made the way those works made them, so that results compare.
//
// The white paper is "Benchmarking Large Language Models for ICD-10 Code
// Generation" (Aixia and Region Halland, 2025; its Appendices D and E): what a
// model takes to prepare, what it draws idle and per call, how right it is,
// where its layers lie, what 100 calls cost. The thesis is "The Hidden Cost of Intelligence" (Bologna, 2025): energy
// by phase as the GPU and the PDU saw it, energy per word, and what a billion
// queries a day would take.
//
// Where these ways differ from wattsweep's own, the figure here follows the
// work, and its basis says so; wattsweep's own figures stand beside it in the
// result. A figure that cannot be made is nil with its reason. All functions
// are pure.
package papers
