package squid

import "time"

// clock reads times as 15/Apr/2005:11:46:35 +0300, and remembers the last hour,
// which the next line mostly is of too.
type clock struct {
	hour [14]byte // 15/Apr/2005:11
	zone [5]byte
	unix int64
}

func (c *clock) read(text []byte) (int64, bool) {
	if len(text) != 26 || text[14] != ':' || text[17] != ':' || text[20] != ' ' {
		return 0, false
	}
	minute, ok := number(text[15:17])
	second, too := number(text[18:20])
	if !ok || !too || minute > 59 || second > 60 {
		return 0, false
	}
	if string(text[:14]) != string(c.hour[:]) || string(text[21:]) != string(c.zone[:]) {
		t, err := time.Parse("02/Jan/2006:15 -0700", string(text[:14])+" "+string(text[21:]))
		if err != nil || t.Unix() <= 0 {
			return 0, false
		}
		copy(c.hour[:], text)
		copy(c.zone[:], text[21:])
		c.unix = t.Unix()
	}
	return c.unix + int64(minute*60+second), true
}
