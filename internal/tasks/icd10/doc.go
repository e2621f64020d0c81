// Package icd10 is the coding task: what a model is asked about a patient
// journal, how ICD-10 codes are read out of its answer, and how right they are.
//
// # Rules
//
// A code is a letter and two digits, with up to four more characters after a
// dot that may be left out. Codes are compared in one form: upper case, a dot
// after the third character (I21.4, R56.8X), or the bare category (I10).
// Comparison is exact: I10 and I10.9 are two codes, although ICD-10-SE pads
// some three-character codes with a 9; such a pair earns the category's share
// of the weighted score. What a dataset holds is the truth, and its code system
// is a field of it, so nothing is padded or cut here.
//
// Reading is described at [ReadCodes], scoring at [Score].
package icd10
