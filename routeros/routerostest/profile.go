package routerostest

// Profile is a RouterOS version: which menus and properties it has, how it logs
// in and answers.
type Profile uint8

const (
	// V6_42 is 6.42.3 of 2018: login by challenge, no sampling, 34 ipfix fields.
	V6_42 Profile = iota
	// V6_49 is the last long-term 6: login in one step, sampling, 36 fields.
	V6_49
	// V7_16 is a 7 that answers an empty print with nothing but !done.
	V7_16
	// V7_18 says !empty when there is nothing to print.
	V7_18
	// V7_24 has IPv6 targets.
	V7_24
	// V7_25 is the stable version from November 2026 on. Inferred: it does all as
	// V7_24 does, since no schema of it was at hand.
	V7_25
	profiles
)

// Profiles are all of them, oldest first.
func Profiles() []Profile { return []Profile{V6_42, V6_49, V7_16, V7_18, V7_24, V7_25} }

// String is the version's short form, as --profile of nfacct simulate takes it.
func (p Profile) String() string {
	return [profiles]string{"6.42", "6.49", "7.16", "7.18", "7.24", "7.25"}[p]
}

// version is what /system/resource says.
func (p Profile) version() string {
	return [profiles]string{"6.42.3 (current)", "6.49.7 (long-term)", "7.16.2 (stable)", "7.18.2 (stable)", "7.24.1 (stable)", "7.25.2 (stable)"}[p]
}

// board is a device of its time.
func (p Profile) board() string {
	return [profiles]string{"CRS226-24G-2S+", "951Ui-2HnD", "L009UiGS", "RB5009UG+S+", "RB5009UG+S+", "RB5009UG+S+"}[p]
}

func (p Profile) architecture() string {
	return [profiles]string{"mipsbe", "mipsbe", "arm", "arm64", "arm64", "arm64"}[p]
}

// cacheEntries is the default that was seen on devices of that time; it depends
// on their memory.
func (p Profile) cacheEntries() string {
	return [profiles]string{"16k", "32k", "128k", "256k", "256k", "256k"}[p]
}

// challenges: the password is sent as MD5 of a challenge (before 6.43).
func (p Profile) challenges() bool { return p < V6_49 }

// saysEmpty: there is an !empty before !done when there is nothing (from 7.18).
func (p Profile) saysEmpty() bool { return p >= V7_18 }

// dead is the value of .dead in what listen says of removed items.
func (p Profile) dead() string {
	if p < V7_16 {
		return "yes"
	}
	return "true"
}
