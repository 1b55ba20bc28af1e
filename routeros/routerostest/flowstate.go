package routerostest

import "time"

// flowsChanged is told of every change of traffic-flow.
func (d *Device) flowsChanged() {}

// Reboot starts the device anew: uptime, sequence numbers and interface counters
// begin again, and every session ends.
func (d *Device) Reboot() {
	d.mu.Lock()
	d.booted = d.cfg.Now().Truncate(time.Second)
	for _, t := range d.traffic {
		*t = traffic{}
	}
	d.mu.Unlock()
	d.hangUp()
}
