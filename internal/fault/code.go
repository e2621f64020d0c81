package fault

// Code names one trouble within a kind. Codes are also the Temporal error
// types, so a researcher reads them in the UI. An error without a code goes by
// its kind. What is done about each stands in Table, and nowhere else.
type Code string

// Codes of what a cell, its model or its data suffers.
const (
	CodeModelNotFound    Code = "ModelNotFound"
	CodeOutOfMemory      Code = "OutOfMemory"
	CodeRungRejected     Code = "RungRejected"
	CodeRefused          Code = "Refused"
	CodePromptTruncated  Code = "PromptTruncated"
	CodeTimeout          Code = "Timeout"
	CodeTooSlow          Code = "TooSlow"
	CodeServerError      Code = "ServerError"
	CodeUnreachable      Code = "Unreachable"
	CodeBadAnswer        Code = "BadAnswer"
	CodeModelNotResident Code = "ModelNotResident"
	CodeUnstable         Code = "Unstable"
	CodeUnauthorized     Code = "Unauthorized"
	CodeDatasetChanged   Code = "DatasetChanged"
	CodeModelChanged     Code = "ModelChanged"
	CodePromptChanged    Code = "PromptChanged"
	CodeNotFound         Code = "NotFound"
	CodePayloadSize      Code = "payloadSizeError" // the SDK's own name
)

// Codes of what a host, its worker or the database suffers.
const (
	CodeServerStuck     Code = "ServerStuck"
	CodeNotUnloaded     Code = "NotUnloaded"
	CodeHostUnfit       Code = "HostUnfit"
	CodeDiskFull        Code = "DiskFull"
	CodeDatabaseFull    Code = "DatabaseFull"
	CodeDatabaseRefused Code = "DatabaseRefused"
	CodeDatabaseBehind  Code = "DatabaseBehind"
	CodeHostTaken       Code = "HostTaken"
	CodeLeaseLost       Code = "LeaseLost"
	CodeDrain           Code = "WorkerDrain"
	CodeWorkerLost      Code = "WorkerLost"
	CodeHookFailed      Code = "HookFailed"
	CodeNoHook          Code = "NoHook"
)
