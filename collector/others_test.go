package collector

import (
	"bytes"
	"encoding/hex"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nfacct/collector/spool"
	"nfacct/routeros/officetest"
)

// TestOthersReadSpool: tshark and nfcapd find in a spool file the records that
// we find. Debian's nfcapd reads no files, so what tshark takes out of the spool
// file is sent to it.
func TestOthersReadSpool(t *testing.T) {
	for _, format := range []officetest.Format{officetest.V5, officetest.V9, officetest.IPFIX} {
		t.Run(format.String(), func(t *testing.T) {
			r := start(t, testConfig(), t.TempDir())
			conn := r.dial()
			office, err := officetest.New(officetest.Config{IPv6: format != officetest.V5})
			if err != nil {
				t.Fatal(err)
			}
			const datagrams = 300
			if err := office.Datagrams(format, noon, datagrams, func(_ int64, payload []byte) error {
				r.send(conn, payload)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			s := r.await("all are stored", stored(datagrams))
			r.finish()
			want, records := decodeSpool(t, r.folder)
			if records < datagrams || s.Exporters[0].Records != uint64(records) {
				t.Fatalf("%d records in %d datagrams; the status counts %d", records, datagrams, s.Exporters[0].Records)
			}
			files, err := spool.ListSealed(r.folder)
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			_, port, _ := net.SplitHostPort(r.Addrs()[0].String())

			var bytesOf, packetsOf truth
			seen := 0
			var payloads [][]byte
			for _, row := range tsharkFields(t, files[0].Path, port, "udp.payload", "cflow.octets", "cflow.packets") {
				payload, err := hex.DecodeString(row[0])
				if err != nil {
					t.Fatal(err)
				}
				payloads = append(payloads, payload)
				n, sum := addUp(t, row[1])
				seen += n
				bytesOf.bytes += sum
				_, sum = addUp(t, row[2])
				packetsOf.packets += sum
			}
			got := truth{packetsOf.packets, bytesOf.bytes}
			if len(payloads) != datagrams || seen != records || got != want {
				t.Errorf("tshark reads %d datagrams, %d records, %+v; here it is %d of %+v", len(payloads), seen, got, records, want)
			}

			if flows, got := nfcapd(t, payloads); flows != records || got != want {
				t.Errorf("nfcapd reads %d records, %+v; here it is %d of %+v", flows, got, records, want)
			}
		})
	}
}

// tsharkFields lets tshark read the live datagrams of a spool file. Of a field
// that occurs several times in a datagram it prints all values, with commas.
func tsharkFields(t *testing.T, name, port string, fields ...string) (rows [][]string) {
	t.Helper()
	script := `zstdcat "$0" | tshark -r - -d "udp.port==$1,cflow" -Y 'frame.interface_id == 0' -T fields`
	for _, field := range fields {
		script += " -e " + field
	}
	var trouble bytes.Buffer
	cmd := exec.Command("sh", "-c", script, name, port)
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, trouble.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

func addUp(t *testing.T, values string) (n int, sum uint64) {
	t.Helper()
	for value := range strings.SplitSeq(values, ",") {
		if value == "" {
			continue
		}
		number, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n++
		sum += number
	}
	return n, sum
}

// nfcapd sends datagrams to nfcapd and asks nfdump what it kept.
func nfcapd(t *testing.T, payloads [][]byte) (flows int, sum truth) {
	t.Helper()
	folder := t.TempDir()
	probe, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := probe.LocalAddr().String()
	probe.Close()
	host, port, _ := net.SplitHostPort(address)
	receiver := exec.Command("nfcapd", "-b", host, "-p", port, "-B", "4000000", "-t", "3600", "-w", folder)
	var said bytes.Buffer
	receiver.Stdout, receiver.Stderr = &said, &said
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = receiver.Process.Kill() }()
	conn, err := net.Dial("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Until it listens, what is sent comes back as an error.
	for end := time.Now().Add(10 * time.Second); ; {
		_, err := conn.Write([]byte{0, 0})
		time.Sleep(20 * time.Millisecond)
		if err == nil {
			if _, err = conn.Write([]byte{0, 0}); err == nil {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatalf("nfcapd does not listen: %v\n%s", err, said.Bytes())
		}
	}
	for i, payload := range payloads {
		if _, err := conn.Write(payload); err != nil {
			t.Fatal(err)
		}
		if i%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(300 * time.Millisecond)
	_ = receiver.Process.Signal(unix.SIGTERM)
	_ = receiver.Wait()
	out, err := exec.Command("nfdump", "-I", "-R", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("nfdump: %v\n%s\n%s", err, out, said.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		n, _ := strconv.ParseUint(value, 10, 64)
		switch key {
		case "Flows":
			flows = int(n)
		case "Packets":
			sum.packets = n
		case "Bytes":
			sum.bytes = n
		}
	}
	return flows, sum
}
