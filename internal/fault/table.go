package fault

import (
	"slices"
	"time"
)

// How many failures of its own a step may have before it is given up.
const (
	// triesLoad is for a load: a model that fails to load does so for long.
	triesLoad = 3
	// triesUnload is for memory that does not come back.
	triesUnload = 5
	// triesOwn is for an error of no known kind, which is then taken to be a
	// mistake of ours and not of the moment, and for a runtime that is there and
	// fails.
	triesOwn = 10
	// triesDisk is for a host's disk: what fills it may be a file of the moment.
	triesDisk = 5
	// triesHook is for a hook; how far apart is the drift run's own.
	triesHook = 4
	// triesPerson is for how often a person's deed is waited for where other
	// cells of the host wait behind: an hour at personPace.
	triesPerson = 12
)

const (
	// personPace is between looks whether a person did something.
	personPace = 5 * time.Minute
	// databasePace is the same for the database, without which nothing goes on.
	databasePace = time.Minute
	// foundPace is for work that a worker finds when it starts.
	foundPace = time.Second
	// handOnPace is how long work that is handed on waits for a worker.
	handOnPace = 5 * time.Second
)

// Names of the activities that rows are narrowed to.
const (
	stepInspect     = "Inspect"
	stepPull        = "Pull"
	stepPrepare     = "Prepare"
	stepMeasureIdle = "MeasureIdle"
	stepLoad        = "Load"
	stepReclaim     = "Reclaim"
	stepInfer       = "Infer"
	stepUnload      = "Unload"
)

// Table is every trouble that is told by a code, with what is done about it: the
// only place where that is decided. Rows for a kind or a step of a code stand
// before its general row.
func Table() []Rule {
	return slices.Concat(ofMemory(), ofRuntimes(), ofTime(), ofUnloading(), ofModels(), ofHosts(), ofDatabase(), ofHooks(), ofKinds())
}

// ofMemory: the ladder answers.
func ofMemory() []Rule {
	return []Rule{
		{
			Code: CodeOutOfMemory, Meaning: "the model, or a request to it, does not fit into memory on this rung",
			Action: NextRung, Calm: true,
			Mend: "nothing: the next rung is tried, and a cell that fits on none is told as unfit; give the model more rungs to let it fit",
		},
		{
			Code: CodeRungRejected, Meaning: "the runtime refuses the rung's settings, or loads with others than asked",
			Action: NextRung, Calm: true, Mend: "nothing; check the rung's settings when it should have fitted",
		},
		{
			Code: CodeModelNotResident, Meaning: "the model is no longer in memory as it was loaded: runtime or host restarted, or something else unloaded it",
			Action: Reload, Calm: true, Mend: "nothing: it is loaded again and the run goes on as a new segment",
		},
		{
			Code: CodeUnstable, Meaning: "the model vanished from memory more often than a restart explains",
			Action: FailCell, Mend: "read the runtime's log, then wattsweep retry",
		},
	}
}

// ofRuntimes: a runtime that is away comes back, one that is there and fails
// has so many tries.
func ofRuntimes() []Rule {
	return slices.Concat(ofServerErrors(), []Rule{
		{
			Code: CodeUnreachable, Meaning: "a server does not answer: runtime, database, Temporal, or a network between",
			Action: Retry, Mend: "start the server; the sweep waits and goes on by itself",
		},
		{
			Code: CodeBadAnswer, Meaning: "an answer breaks the protocol; of a measured call it is the outcome, with its time and energy",
			Action: FailCell, Mend: "check that the address is the runtime and not a proxy, then wattsweep retry",
		},
		{
			Code: CodeRefused, Meaning: "the runtime refuses what it was asked, and would again; of a measured call it is the outcome",
			Action: FailCell, Mend: "check the model and the spec",
		},
		{
			Code: CodePromptTruncated, Meaning: "the server shortened the prompt; of a measured call it is the outcome",
			Action: FailCell, Mend: "give the model a larger context_tokens",
		},
	})
}

// ofServerErrors: what a runtime cannot take out of memory is in the way of every
// cell after, whichever step begins with taking it out.
func ofServerErrors() []Rule {
	rules := []Rule{
		{
			Code: CodeServerError, Kind: Corrupt, Meaning: "what the runtime holds contradicts itself: a model's file is not what its digest says",
			Action: FailCell, Mend: "remove the model from the runtime, then wattsweep retry",
		},
		{
			Code: CodeServerError, Step: stepPull, Meaning: "a registry fails, which it may for a while",
			Action: Retry, Mend: "nothing; check the registry when it lasts",
		},
		{
			Code: CodeServerError, Step: stepLoad, Meaning: "the runtime fails to load the model",
			Action: Retry, Tries: triesLoad, Then: FailCell, Mend: "read the runtime's log, then wattsweep retry",
		},
	}
	for _, at := range []struct{ step, meaning string }{
		{stepUnload, "the runtime fails to take the model out of memory"},
		{stepReclaim, "the runtime fails to give memory back"},
		{stepPrepare, "the runtime fails to empty its memory before a cell"},
		{stepMeasureIdle, "the runtime fails to empty its memory before a baseline"},
	} {
		rules = append(rules, Rule{
			Code: CodeServerError, Step: at.step, Meaning: at.meaning,
			Action: Retry, Tries: triesOwn, Then: FailHost, Mend: "restart the runtime, then wattsweep host resume",
		})
	}
	return append(rules, Rule{
		Code: CodeServerError, Meaning: "the runtime is there and fails; of a measured call it is the outcome, with its time and energy",
		Action: Retry, Tries: triesOwn, Then: FailCell, Mend: "read the runtime's log, then wattsweep retry",
	})
}

// ofTime: a measured call that runs into its timeout is an outcome and never
// comes here; what does is a request that a sound runtime answers at once, a
// load, or a warm-up call.
func ofTime() []Rule {
	const wedged = "the runtime accepts and never answers, not even what it knows at once"
	const mend = "restart the runtime, then wattsweep host resume"
	rules := []Rule{
		{
			Code: CodeTimeout, Kind: Internal, Meaning: "a server hangs, which is as good as away",
			Action: Retry, Mend: "look at the server that is named; the sweep waits and goes on by itself",
		},
		{
			Code: CodeTimeout, Step: stepPull, Meaning: "a pull gave no whole answer in time",
			Action: Retry, Mend: "nothing; it goes on where it stopped",
		},
		{
			Code: CodeTimeout, Step: stepLoad, Meaning: "a load took longer than it may",
			Action: Retry, Tries: triesLoad, Then: FailCell, Mend: "read the runtime's log, then wattsweep retry",
		},
	}
	for _, step := range []string{stepUnload, stepReclaim, stepPrepare} {
		rules = append(rules, Rule{
			Code: CodeTimeout, Step: step, Meaning: wedged + ": the model may still be in memory",
			Action: Retry, Tries: triesUnload, Then: FailHost, Mend: mend,
		})
	}
	for _, step := range []string{stepInspect, stepMeasureIdle, stepInfer} {
		rules = append(rules, Rule{
			Code: CodeTimeout, Step: step, Meaning: wedged, Action: Retry, Tries: triesOwn, Then: FailHost, Mend: mend,
		})
	}
	return append(rules,
		Rule{
			Code: CodeTimeout, Meaning: "a warm-up call, or another request, took longer than it may; of a measured call it is the outcome, with its time and energy",
			Action: Retry, Tries: triesOwn, Then: FailCell, Mend: "raise call_timeout, or cap the answers shorter",
		},
		Rule{
			Code: CodeTooSlow, Meaning: "several measured calls in a row were answered in part and ran into their timeout: the runtime works, the model is too slow for it",
			Action: FailCell, Mend: "raise call_timeout or lower max_output_tokens; the spec is then another sweep",
		},
	)
}

// ofUnloading: nothing can be measured honestly beside a model that stays in
// memory, and the next cell would find the same.
func ofUnloading() []Rule {
	return []Rule{
		{
			Code: CodeNotUnloaded, Meaning: "a model cannot be taken out of memory, or something else loads models there: baselines and loads would be wrong",
			Action: Retry, Tries: triesUnload, Then: FailHost,
			Mend: "restart the runtime, keep other users off it, then wattsweep host resume",
		},
		{
			Code: CodeServerStuck, Meaning: "the runtime answered warm-up calls and then not a token of several measured calls in a row: it is wedged, and every cell after would lose the same time",
			Action: FailHost, Mend: "restart the runtime, then wattsweep host resume: the cell goes on as a new segment; the calls that timed out stay, with their time and energy",
		},
	}
}

// ofModels: a cell that cannot be measured is told and left, since waiting
// would hold up the host's other cells and a retry costs nothing.
func ofModels() []Rule {
	return []Rule{
		{
			Code: CodeModelNotFound, Meaning: "neither runtime nor registry knows the model, or its file is not on this host: most often a misspelt name",
			Action: FailCell, Mend: "correct the name, or put the model there and wattsweep retry",
		},
		{
			Code: CodeUnauthorized, Meaning: "the registry does not let this host have the model; the right is often given for all models at once",
			Action: WaitForPerson, Tries: triesPerson, Then: FailCell, Pace: personPace,
			Mend: "give the runtime the right to the model; after an hour the cell is failed, so that others go on: then wattsweep retry",
		},
		{
			Code: CodeModelChanged, Meaning: "the model has another digest than the cell's calls were measured on; nobody but a person can say which is meant",
			Action: FailCell, Mend: "wattsweep remeasure the cell, or bring the old model back and wattsweep retry; its calls stay",
		},
		{
			Code: CodePromptChanged, Meaning: "this build asks in another way than the cell's calls were asked",
			Action: FailCell, Mend: "wattsweep remeasure the cell, or go on with the build that began it; its calls stay",
		},
		{
			Code: CodeDatasetChanged, Meaning: "the stored dataset is not what the plan was made of",
			Action: FailCell, Mend: "run the spec again, which stores the dataset anew, then wattsweep retry",
		},
		{
			Code: CodeNotFound, Meaning: "the database lacks a row that the work needs, and waiting brings none",
			Action: FailCell, Mend: "run the spec again; restore the database when rows were lost",
		},
		{
			Code: CodePayloadSize, Meaning: "a payload is larger than Temporal takes, which would be tried for ever",
			Action: FailCell, Mend: "tell the maintainers: payloads hold ids and small numbers only",
		},
	}
}

// ofHosts: what any cell on the host would suffer.
func ofHosts() []Rule {
	return []Rule{
		{
			Code: CodeDiskFull, Meaning: "a disk of the host is full: the runtime's models, or files of the worker",
			Action: Retry, Tries: triesDisk, Then: FailHost,
			Mend: "free space on the host, then wattsweep host resume",
		},
		{
			Code: CodeHostUnfit, Meaning: "a step by which a host is cleared failed until its tries were used up",
			Action: FailHost, Mend: "see to what the reason says, then wattsweep host resume",
		},
		{
			Code: CodeHostTaken, Meaning: "another worker measures under this host's name, or on this machine under another name",
			Action: FailHost, Mend: "stop the other worker; on another machine give this one another host name, or set worker.share_machine where each has devices of its own",
		},
		{
			Code: CodeLeaseLost, Meaning: "the worker's lease of the host name went to another worker while it was away: it writes nothing more and ends",
			Action: Retry, Pace: handOnPace, Calm: true, Mend: "nothing: the worker that holds the name goes on; stop one of the two if both run on purpose",
		},
		{
			Code: CodeWorkerLost, Meaning: "the worker that did the step ended in the middle of it; the one that holds the host now hands it on, so that nobody waits for a heartbeat",
			Action: Retry, Pace: foundPace, Calm: true, Mend: "nothing: the step goes on at once",
		},
		{
			Code: CodeDrain, Meaning: "the worker goes down and finished its present call",
			Action: Retry, Pace: handOnPace, Calm: true, Mend: "nothing: the work goes on when a worker is back",
		},
	}
}

// ofDatabase: without it no cell goes on and none can even be failed, so it is
// waited for as long as it takes; what is measured is held meanwhile.
func ofDatabase() []Rule {
	return []Rule{
		{
			Code: CodeDatabaseFull, Meaning: "the database's disk is full",
			Action: WaitForPerson, Pace: databasePace, Mend: "free space on the database's disk; the sweep goes on by itself",
		},
		{
			Code: CodeDatabaseRefused, Meaning: "the database refuses user, password or database name",
			Action: WaitForPerson, Pace: databasePace, Mend: "correct database.dsn or the role; the sweep goes on by itself, after a restart of the worker where its settings changed",
		},
		{
			Code: CodeDatabaseBehind, Meaning: "the database lacks a table or a column that this build needs",
			Action: WaitForPerson, Pace: databasePace, Mend: "run wattsweep up with this build, which applies the migrations",
		},
	}
}

// ofHooks: a comparison that is stored is not undone by who was not told.
func ofHooks() []Rule {
	return []Rule{
		{
			Code: CodeHookFailed, Meaning: "the hook that is told of drift was reached and refused, or took too long; the comparison is stored all the same",
			Action: Retry, Tries: triesHook, Then: GoOn,
			Mend: "try the hook by hand; wattsweep drift show tells what it answered",
		},
		{
			Code: CodeNoHook, Meaning: "the hook cannot be used as it is written",
			Action: GoOn, Mend: "correct drift.hook in the settings",
		},
	}
}

// ofKinds is for errors without a code.
func ofKinds() []Rule {
	return []Rule{
		{
			Code: Code(Invalid), Meaning: "a mistake in what was given: trying again cannot help",
			Action: FailCell, Mend: "correct what the message names",
		},
		{
			Code: Code(Unsupported), Meaning: "this host, runtime or build cannot do it",
			Action: FailCell, Mend: "see the message; take the cell out, or use another host or build",
		},
		{
			Code: Code(Corrupt), Meaning: "stored or received data contradicts itself",
			Action: FailCell, Mend: "see the message; nothing is made of such data",
		},
		{
			Code: Code(Unavailable), Meaning: "a server, disk or network does not answer now",
			Action: Retry, Mend: "see to what the message names; the sweep waits and goes on by itself",
		},
		{
			Code: Code(OutOfMemory), Meaning: "something does not fit into memory",
			Action: NextRung, Calm: true, Mend: "nothing: the next rung is tried",
		},
		{
			Code: Code(Internal), Meaning: "an error of no known kind: a mistake of ours, or of the moment",
			Action: Retry, Tries: triesOwn, Then: FailCell, Mend: "tell the maintainers what the message says, then wattsweep retry",
		},
	}
}
