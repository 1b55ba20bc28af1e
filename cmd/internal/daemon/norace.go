//go:build !race

package daemon

// raceFactor is 1 in a program that users have.
const raceFactor = 1
