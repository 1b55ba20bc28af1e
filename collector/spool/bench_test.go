package spool

import (
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	benchSource = netip.MustParseAddrPort("192.0.2.1:2055")
	benchSocket = netip.MustParseAddrPort("192.0.2.2:8787")
)

// v5Datagram is a full v5 datagram of an office: few inside hosts, many servers,
// counters as they are.
func v5Datagram(random *rand.Rand, sequence uint32) []byte {
	b := make([]byte, 24+30*48)
	binary.BigEndian.PutUint16(b, 5)
	binary.BigEndian.PutUint16(b[2:], 30)
	uptime := 86400000 + sequence
	binary.BigEndian.PutUint32(b[4:], uptime)
	binary.BigEndian.PutUint32(b[8:], 1800000000+sequence/1000)
	binary.BigEndian.PutUint32(b[12:], random.Uint32N(1e9))
	binary.BigEndian.PutUint32(b[16:], sequence)
	for r := b[24:]; len(r) > 0; r = r[48:] {
		host, server := 0x0a000000+random.Uint32N(60), uint32(0x5db8d800)+uint32(random.ExpFloat64()*200)
		hostPort, serverPort := 32768+random.Uint32N(28000), []uint32{443, 443, 443, 80, 53, 993}[random.IntN(6)]
		in, out := uint16(2), uint16(1)
		if random.IntN(2) == 0 {
			host, server, hostPort, serverPort, in, out = server, host, serverPort, hostPort, out, in
		}
		packets := 1 + uint32(random.ExpFloat64()*12)
		end := uptime - random.Uint32N(15000)
		binary.BigEndian.PutUint32(r, host)
		binary.BigEndian.PutUint32(r[4:], server)
		binary.BigEndian.PutUint32(r[8:], 0xc0000201)
		binary.BigEndian.PutUint16(r[12:], in)
		binary.BigEndian.PutUint16(r[14:], out)
		binary.BigEndian.PutUint32(r[16:], packets)
		binary.BigEndian.PutUint32(r[20:], packets*(52+random.Uint32N(900)))
		binary.BigEndian.PutUint32(r[24:], end-uint32(random.ExpFloat64()*3000))
		binary.BigEndian.PutUint32(r[28:], end)
		binary.BigEndian.PutUint16(r[32:], uint16(hostPort))
		binary.BigEndian.PutUint16(r[34:], uint16(serverPort))
		r[37], r[38] = 0x1b, 6
	}
	return b
}

// benchBlocks is about size bytes of blocks and the records in them.
func benchBlocks(size int) (blocks []byte, records int) {
	random := rand.New(rand.NewPCG(1, 2))
	at := int64(1800000000e9)
	for len(blocks) < size {
		at += int64(random.ExpFloat64() * 20000)
		blocks = AppendPacket(blocks, Live, at, benchSource, benchSocket, v5Datagram(random, uint32(records)))
		records += 30
	}
	return blocks, records
}

func BenchmarkAppendPacket(b *testing.B) {
	payload := v5Datagram(rand.New(rand.NewPCG(1, 2)), 0)
	for name, from := range map[string]netip.AddrPort{"v4": benchSource, "v6": netip.MustParseAddrPort("[2001:db8::1]:2055")} {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, PacketRoom(len(payload)))
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				AppendPacket(dst[:0], Live, 1, from, benchSocket, payload)
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	cfg := DefaultConfig()
	cfg.Folder = b.TempDir()
	w, err := NewWriter(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	if err := w.Begin(time.Now(), nil); err != nil {
		b.Fatal(err)
	}
	blocks, records := benchBlocks(1 << 20)
	b.SetBytes(int64(len(blocks)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := w.Write(blocks); err != nil {
			b.Fatal(err)
		}
		n += records
	}
	b.ReportMetric(float64(w.Size())/float64(n), "B/record")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkRead(b *testing.B) {
	cfg := DefaultConfig()
	cfg.Folder = b.TempDir()
	w, err := NewWriter(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Begin(time.Unix(1800000000, 0), nil); err != nil {
		b.Fatal(err)
	}
	blocks, _ := benchBlocks(64 << 20)
	for rest := blocks; len(rest) > 0; {
		n := 0
		for n < 1<<20 && n < len(rest) {
			n += int(le.Uint32(rest[n+4:]))
		}
		if err := w.Write(rest[:n]); err != nil {
			b.Fatal(err)
		}
		rest = rest[n:]
	}
	name := filepath.Join(cfg.Folder, w.Name())
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	plain := filepath.Join(cfg.Folder, "plain")
	if err := os.WriteFile(plain, append(AppendHeader(nil), blocks...), 0o600); err != nil {
		b.Fatal(err)
	}
	for name, path := range map[string]string{"zstd": name, "plain": plain} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(blocks)))
			b.ReportAllocs()
			packets := 0
			for b.Loop() {
				r, err := Open(path)
				if err != nil {
					b.Fatal(err)
				}
				for {
					_, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					packets++
				}
				r.Close()
			}
			b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
