//go:build !packaging

// Command nfacct accounts the traffic that goes past the proxy, directly
// through the NAT of Mikrotik routers.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
