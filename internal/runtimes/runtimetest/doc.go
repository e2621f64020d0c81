// Package runtimetest holds what every runtime is tested with: a conformance
// suite (Run), a scripted server (Fake, served as Ollama by ServeOllama), and a
// tiny model file whose answers are known (TinyGGUF).
package runtimetest
