// Package ollama drives an Ollama server by its native API.
//
// The time stamps are the product, so the package reads the stream itself on
// net/http and bufio: no client library, no retry, no decompression, one warm
// connection for measured calls.
//
// # What a caller must know
//
// Load-time options (context, batch, GPU layers, threads) are the same in Load
// and Generate, because a server reloads a model whose options differ.
//
// A prompt cache is avoided by the nonce line that the caller puts at the very
// start of Request.Prompt when RuntimeConfig.PromptCache is false; when it is
// true the caller adds none, and the server may answer from a cached prefix.
// This package adds nothing to a prompt.
//
// A prompt that does not fit its context is shortened by the server, which
// answers 200 and reports the shortened count. See truncation.go for how that
// is found out.
//
// Ollama ends a stream without a last line when a model repeats one token more
// than 30 times; such a call is a bad answer, with its times.
package ollama
