package importer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/collector/spool"
	"nfacct/importer/attribution"
	"nfacct/routeros/officetest"
)

// officeSpool fills a spool with a working day of a big office, from eight in
// the morning until so many records, a file each quarter-hour, as the collector
// writes them.
func officeSpool(t testing.TB, folder string, format officetest.Format, records uint64) Router {
	t.Helper()
	o, err := officetest.New(officetest.Config{Hosts: 500, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	w, err := spool.NewWriter(spool.Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []byte
	slot := time.Time{}
	send := func(at int64, payload []byte) error {
		now := time.Unix(at, 0)
		if start := now.Truncate(spool.SlotLength); start != slot || len(blocks) > 1<<20 {
			if err := w.Write(blocks); err != nil && len(blocks) > 0 {
				return err
			}
			blocks = blocks[:0]
			if start != slot {
				if err := w.Close(); err != nil {
					return err
				}
				slot = start
				if err := w.Begin(start, nil); err != nil {
					return err
				}
			}
		}
		blocks = spool.AppendPacket(blocks, spool.Live, now.UnixNano(), gateway, ours, payload)
		return nil
	}
	e, err := officetest.NewExporter(format, officetest.Boot(from), send)
	if err != nil {
		t.Fatal(err)
	}
	for r := range o.Records(from, from.Add(16*time.Hour)) {
		if err := e.Add(r); err != nil {
			t.Fatal(err)
		}
		if e.Records >= records {
			break
		}
	}
	err = w.Write(blocks)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return Router{Name: "gw", Export: []netip.Addr{gateway.Addr()}, Router: attribution.Router{
		WAN: []uint32{officetest.WAN, officetest.WAN2}, Inside: append(o.Inside, o.Server),
		Own: []netip.Addr{o.Gateway, o.Public}, Proxies: []netip.Addr{o.Proxy},
	}}
}

// shortSpool fills a spool with files of a million v5 records each, two to a
// conversation: as few to a row as there can be, but for scans.
func shortSpool(t testing.TB, folder string, files int) Router {
	t.Helper()
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for i := range files {
		from := start.Add(time.Duration(i) * spool.SlotLength)
		spoolFile(t, folder, from, office(1_000_000/30, from)...)
	}
	return v5Office()
}

// BenchmarkImport is from spool files to rows loaded: a busy office's records,
// four million as v9 and as v5, whose long conversations have a record a minute;
// as many of short conversations; and the predecessor's way beside it, a prepared
// INSERT for each record into its table with its nine indexes.
func BenchmarkImport(b *testing.B) {
	theirs := 0.0
	b.Run("predecessor", func(b *testing.B) { theirs = predecessor(b) })
	for _, kind := range []struct {
		name string
		fill func(folder string) Router
	}{
		{"v9", func(folder string) Router { return officeSpool(b, folder, officetest.V9, 4_000_000) }},
		{"v5", func(folder string) Router { return officeSpool(b, folder, officetest.V5, 4_000_000) }},
		{"short", func(folder string) Router { return shortSpool(b, folder, 4) }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			folder := b.TempDir()
			router := kind.fill(folder)
			var records, rows uint64
			var server, importer time.Duration
			for b.Loop() {
				b.StopTimer()
				im := real(b, time.UTC, router)
				im.cfg.Spool = folder
				before, own := serverTime(b, im), ownTime(b)
				b.StartTimer()
				s, err := im.Import(context.Background(), nil, Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				server, importer = server+serverTime(b, im)-before, importer+ownTime(b)-own
				records, rows = records+s.Records, rows+s.Rows
				bytes, err := strconv.ParseFloat(lines(b, im, "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'flows%' AND ENGINE <> 'MRG_MyISAM'"), 64)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(bytes/float64(s.Records), "bytes/record")
				if err := os.Remove(filepath.Join(folder, "imported")); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			ours := float64(records) / b.Elapsed().Seconds()
			b.ReportMetric(ours, "records/s")
			b.ReportMetric(float64(rows)/float64(records), "rows/record")
			b.ReportMetric(importer.Seconds()/float64(records)*1e6, "importer-s/Mrecords")
			b.ReportMetric(server.Seconds()/float64(records)*1e6, "server-s/Mrecords")
			if theirs > 0 {
				b.ReportMetric(ours/theirs, "times-predecessor")
			}
		})
	}
}

// serverProcess is the private server's folder in /proc.
func serverProcess(t testing.TB, im *Importer) string {
	t.Helper()
	pid, err := os.ReadFile(lines(t, im, "SELECT @@pid_file"))
	if err != nil {
		pid, err = os.ReadFile(filepath.Join(lines(t, im, "SELECT @@datadir"), lines(t, im, "SELECT @@pid_file")))
	}
	if err != nil {
		t.Fatal(err)
	}
	return "/proc/" + strings.TrimSpace(string(pid))
}

// serverTime is the processor time that the private server has used.
func serverTime(t testing.TB, im *Importer) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(serverProcess(t, im) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// ownTime is the processor time that this process has used.
func ownTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// predecessor loads records as the predecessor did, and says how many a second.
func predecessor(b *testing.B) float64 {
	db := real(b, time.UTC, v5Office()).archive.DB()
	if _, err := db.Exec(`CREATE TABLE 2026_11 (ip_from varchar(255), s_port varchar(128), ip_to varchar(255), d_port varchar(128),
	proto varchar(32), packets int(8), bytes bigint(20) default 0, date_ins varchar(32), time_ins time, host varchar(128), interface varchar(8),
	KEY (ip_from), KEY (ip_to), KEY (proto), KEY (packets), KEY (bytes), KEY (host), KEY (time_ins), KEY (date_ins), KEY (interface)) ENGINE=MyISAM`); err != nil {
		b.Fatal(err)
	}
	insert, err := db.Prepare("INSERT INTO 2026_11 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'm', 'g')")
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	var all [][]byte
	for _, d := range office(300, at) {
		for r := d.payload[24:]; len(r) > 0; r = r[48:] {
			all = append(all, r[:48])
		}
	}
	n := 0
	for b.Loop() {
		for range 10_000 {
			r := all[n%len(all)]
			n++
			if _, err := insert.Exec(netip.AddrFrom4([4]byte(r[0:4])).String(), fmt.Sprint(binary.BigEndian.Uint16(r[32:])),
				netip.AddrFrom4([4]byte(r[4:8])).String(), fmt.Sprint(binary.BigEndian.Uint16(r[34:])), fmt.Sprint(r[38]),
				binary.BigEndian.Uint32(r[16:]), binary.BigEndian.Uint32(r[20:]), "23-11-2026", "19:15"); err != nil {
				b.Fatal(err)
			}
		}
	}
	speed := float64(n) / b.Elapsed().Seconds()
	b.ReportMetric(speed, "records/s")
	return speed
}

// BenchmarkImportMemory imports records of one day, and says how much memory this
// process and the server took at most. NFACCT_BENCH_FILES is how many files of a
// million records there are, 96 at most.
func BenchmarkImportMemory(b *testing.B) {
	folder := b.TempDir()
	files := 16
	if text := os.Getenv("NFACCT_BENCH_FILES"); text != "" {
		var err error
		if files, err = strconv.Atoi(text); err != nil || files < 1 || files > 96 {
			b.Fatalf("NFACCT_BENCH_FILES is %q", text)
		}
	}
	shortSpool(b, folder, files)
	server := 0
	for b.Loop() {
		im := real(b, time.UTC, v5Office())
		im.cfg.Spool = folder
		debug.FreeOSMemory()
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // forget the peak
			b.Fatal(err)
		}
		if s, err := im.Import(context.Background(), nil, Options{}); err != nil || s.Loaded != files {
			b.Fatal(s, err)
		}
		server = max(server, peakMemory(b, serverProcess(b, im)))
		if err := os.Remove(filepath.Join(folder, "imported")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peakMemory(b, "/proc/self"))/(1<<20), "peak-MiB")
	b.ReportMetric(float64(server)/(1<<20), "server-peak-MiB")
}

// peakMemory is the most that a process had resident.
func peakMemory(t testing.TB, process string) int {
	t.Helper()
	status, err := os.ReadFile(process + "/status")
	if err != nil {
		t.Fatal(err)
	}
	var kib int
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
