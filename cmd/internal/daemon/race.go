//go:build race

package daemon

// raceFactor is how much more memory a program takes that looks for races: five to
// ten times, by Go's documentation of its race detector.
const raceFactor = 10
