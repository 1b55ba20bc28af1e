package netflow

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"nfacct/collector/flow"
)

// TestSoftflowd lets a real exporter send a capture in each version: all traffic
// must arrive, and no loss be seen, although softflowd numbers its IPFIX
// messages in a way of its own.
func TestSoftflowd(t *testing.T) {
	capture, octets, packets := writeCapture(t)
	for _, test := range []struct {
		name    string
		version flow.Version
		more    []string
	}{{"v5", flow.V5, nil}, {"v9", flow.V9, nil}, {"IPFIX", flow.IPFIX, nil}, {"IPFIX, both directions", flow.IPFIX, []string{"-b"}}} {
		version := test.version
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetReadBuffer(4 << 20); err != nil {
				t.Fatal(err)
			}
			// Reading a file, softflowd 1.1.0 waits for its control socket for ever if
			// it has one.
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, "softflowd", append(test.more, "-d", "-r", capture, "-n", conn.LocalAddr().String(), "-v", fmt.Sprint(uint16(version)),
				"-t", "maxlife=20", "-c", "none", "-p", filepath.Join(t.TempDir(), "pid"))...).CombinedOutput()
			if err != nil {
				t.Fatalf("softflowd: %v\n%s", err, out)
			}

			d := NewDecoder(Limits{})
			var records []flow.Record
			var gotOctets, gotPackets uint64
			var loss Loss
			datagrams, backward := 0, 0
			buffer := make([]byte, 65535)
			for {
				if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
					t.Fatal(err)
				}
				n, src, err := conn.ReadFromUDPAddrPort(buffer)
				if err != nil {
					break
				}
				datagrams++
				var g Datagram
				records, g = d.Decode(records[:0], src, time.Now().UnixNano(), buffer[:n])
				backward += g.Reverse
				for _, r := range records {
					gotOctets += r.Bytes
					gotPackets += r.Packets
				}
				if got := g.Rejects.Total() + g.NoTemplate + g.Other + g.NATEvents; got != 0 {
					t.Errorf("datagram %d: %s", datagrams, summary(&g))
				}
				loss.Lost += g.Loss.Lost - g.Loss.Late
				loss.Reordered = loss.Reordered || g.Loss.Reordered
				loss.Duplicate = loss.Duplicate || g.Loss.Duplicate
				loss.Restart = loss.Restart || g.Loss.Restart
			}
			if gotOctets != octets || gotPackets != packets {
				t.Errorf("%d octets, %d packets in %d datagrams; sent were %d and %d\n%s", gotOctets, gotPackets, datagrams, octets, packets, out)
			}
			if (backward > 0) != (test.more != nil) {
				t.Errorf("%d records of reverse directions", backward)
			}
			if loss != (Loss{}) {
				t.Errorf("on the loopback, in order: %+v", loss)
			}
		})
	}
}

// writeCapture makes a pcap file of UDP between many hosts.
func writeCapture(t *testing.T) (file string, octets, packets uint64) {
	random := rand.New(rand.NewPCG(5, 6))
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint32(b, 2|4<<16)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(b, 65535)
	b = le.AppendUint32(b, 1) // Ethernet
	at := testTime
	var last []string
	var lastPorts []byte
	for range 3000 {
		at = at.Add(time.Duration(random.IntN(50)) * time.Millisecond)
		size := 28 + random.IntN(1400)
		src, dst := fmt.Sprintf("10.0.%d.%d", random.IntN(4), 1+random.IntN(250)), fmt.Sprintf("8.8.8.%d", 1+random.IntN(20))
		ports := values(n{2, uint64(1024 + random.IntN(50))}, n{2, 53})
		if len(last) > 0 && random.IntN(3) == 0 { // an answer
			src, dst, ports = last[1], last[0], values(ports[2:], lastPorts[:2])
		}
		last, lastPorts = []string{src, dst}, ports
		ip := values(n{2, 0x4500}, n{2, uint64(size)}, n{4, 0}, n{2, 64<<8 | 17}, n{2, 0},
			src, dst)
		sum := uint32(0)
		for i := 0; i < len(ip); i += 2 {
			sum += uint32(be.Uint16(ip[i:]))
		}
		be.PutUint16(ip[10:], ^uint16(sum&0xffff+sum>>16))
		frame := values(make([]byte, 12), n{2, 0x0800}, ip, ports, n{2, uint64(size - 20)}, n{2, 0}, make([]byte, size-28))
		b = le.AppendUint32(b, uint32(at.Unix()))
		b = le.AppendUint32(b, uint32(at.Nanosecond()/1000))
		b = le.AppendUint32(b, uint32(len(frame)))
		b = le.AppendUint32(b, uint32(len(frame)))
		b = append(b, frame...)
		octets += uint64(size)
		packets++
	}
	file = filepath.Join(t.TempDir(), "traffic.pcap")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return file, octets, packets
}
