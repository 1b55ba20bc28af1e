package collector

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// truth is what went over the wire.
type truth struct{ packets, bytes uint64 }

// traffic writes a capture of an office's afternoon: conversations over TCP,
// UDP and ICMP, both directions, packets of all sizes, in Ethernet frames.
func traffic(t *testing.T, name string, conversations int) (sum truth) {
	t.Helper()
	var file bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			if err := binary.Write(&file, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(uint32(0xa1b2c3d4), uint16(2), uint16(4), int32(0), uint32(0), uint32(65535), uint32(1))
	random := rand.New(rand.NewPCG(8, 787))
	at := uint64(noon.UnixMicro())
	for range conversations {
		proto := []byte{6, 6, 6, 17, 17, 1}[random.IntN(6)]
		inside, outside := 0xc0a85800+random.Uint32N(250), 0x5db80000+random.Uint32N(1<<16)
		near, far := uint16(32768+random.IntN(28000)), []uint16{443, 80, 53, 993}[random.IntN(4)]
		for range 1 + int(random.ExpFloat64()*15) {
			at += uint64(random.IntN(2000))
			payload := random.IntN(1400)
			length := 20 + 20 + payload
			from, to, source, target := inside, outside, near, far
			if random.IntN(2) == 0 {
				from, to, source, target = outside, inside, far, near
			}
			put(uint32(at/1e6), uint32(at%1e6), uint32(14+length), uint32(14+length))
			frame := make([]byte, 14+length)
			copy(frame, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00")
			ip := frame[14:]
			ip[0], ip[8], ip[9] = 0x45, 64, proto
			binary.BigEndian.PutUint16(ip[2:], uint16(length))
			binary.BigEndian.PutUint32(ip[12:], from)
			binary.BigEndian.PutUint32(ip[16:], to)
			if proto == 1 {
				ip[20] = 8
			} else {
				binary.BigEndian.PutUint16(ip[20:], source)
				binary.BigEndian.PutUint16(ip[22:], target)
				ip[32], ip[33] = 0x50, 0x10 // TCP: header of 20 bytes, ACK
			}
			if proto == 17 {
				binary.BigEndian.PutUint16(ip[24:], uint16(length-20))
			}
			file.Write(frame)
			sum.packets++
			sum.bytes += uint64(length)
		}
	}
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestSoftflowd has a real exporter send the flows of a capture, in every
// version: what arrives in the spool is what was on the wire, and as many
// records as softflowd says it sent.
func TestSoftflowd(t *testing.T) {
	capture := filepath.Join(t.TempDir(), "traffic.pcap")
	want := traffic(t, capture, 2000)
	for _, version := range []string{"5", "9", "10"} {
		t.Run("v"+version, func(t *testing.T) {
			r := start(t, testConfig(), t.TempDir())
			// No control socket: softflowd 1.1.0 now and then waits for somebody to
			// connect there and never reads the capture.
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, "softflowd", "-d", "-r", capture, "-n", r.Addrs()[0].String(), "-v", version,
				"-p", filepath.Join(t.TempDir(), "pid"), "-c", "none").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			said := regexp.MustCompile(`Flows exported: (\d+) \((\d+) records\) in (\d+) packets`).FindSubmatch(out)
			if said == nil {
				t.Fatalf("no statistics in:\n%s", out)
			}
			records, _ := strconv.Atoi(string(said[2]))
			datagrams, _ := strconv.Atoi(string(said[3]))
			s := r.await("all are stored", stored(datagrams))
			e := s.Exporters[0]
			if e.Records != uint64(records) || e.LostRecords+e.LostDatagrams+e.Restarts+e.NoTemplate != 0 || len(e.Rejects) > 0 {
				t.Errorf("softflowd sent %d records, the collector counts %+v", records, e)
			}
			r.finish()
			got, n := decodeSpool(t, r.folder)
			if got != want || n != records {
				t.Errorf("%d records of %+v in the spool, %d of %+v on the wire\n%s", n, got, records, want, out)
			}
		})
	}
}

// decodeSpool adds up all records of a spool.
func decodeSpool(t *testing.T, folder string) (sum truth, records int) {
	t.Helper()
	files, err := spool.ListSealed(folder)
	if err != nil {
		t.Fatal(err)
	}
	d := netflow.NewDecoder(netflow.Limits{})
	for _, file := range files {
		opened, err := spool.Open(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		for {
			packet, err := opened.Next()
			if err != nil {
				break
			}
			if packet.Carried {
				d.Learn(packet.Src, packet.Received, packet.Payload)
				continue
			}
			var decoded []flow.Record
			decoded, _ = d.Decode(decoded, packet.Src, packet.Received, packet.Payload)
			for _, record := range decoded {
				sum.packets += record.Packets
				sum.bytes += record.Bytes
				records++
			}
		}
		opened.Close()
	}
	return sum, records
}
