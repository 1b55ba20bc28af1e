package netflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	goflow "github.com/netsampler/goflow2/v2/decoders/netflow"
	legacy "github.com/netsampler/goflow2/v2/decoders/netflowlegacy"

	"nfacct/collector/flow"
)

// opinion is what goflow2 reads in a record: addresses, ports and counters.
type opinion struct {
	src, dst         netip.Addr
	srcPort, dstPort uint64
	bytes, packets   uint64
}

// goflow2 is a second opinion, of another author's decoder.
type goflow2 struct{ templates goflow.NetFlowTemplateSystem }

func newGoflow2() *goflow2 { return &goflow2{goflow.CreateTemplateSystem()} }

// decode gives the flow records of a datagram and how many records of options
// templates it has.
func (g *goflow2) decode(payload []byte) (all []opinion, options int, err error) {
	if version := be.Uint16(payload); version == 5 {
		var p legacy.PacketNetFlowV5
		if err := legacy.DecodeMessageVersion(bytes.NewBuffer(payload), &p); err != nil {
			return nil, 0, err
		}
		for _, r := range p.Records {
			all = append(all, opinion{
				netip.AddrFrom4([4]byte(be.AppendUint32(nil, uint32(r.SrcAddr)))),
				netip.AddrFrom4([4]byte(be.AppendUint32(nil, uint32(r.DstAddr)))),
				uint64(r.SrcPort), uint64(r.DstPort), uint64(r.DOctets), uint64(r.DPkts),
			})
		}
		return all, 0, nil
	}
	var v9 goflow.NFv9Packet
	var ipfix goflow.IPFIXPacket
	err = goflow.DecodeMessageVersion(bytes.NewBuffer(bytes.Clone(payload)), g.templates, &v9, &ipfix)
	for _, set := range append(v9.FlowSets, ipfix.FlowSets...) {
		switch set := set.(type) {
		case goflow.OptionsDataFlowSet:
			options += len(set.Records)
		case goflow.DataFlowSet:
			for _, r := range set.Records {
				all = append(all, judge(r.Values))
			}
		}
	}
	return all, options, err
}

// only decodes and does nothing with it.
func (g *goflow2) only(payload []byte) {
	if be.Uint16(payload) == 5 {
		var p legacy.PacketNetFlowV5
		_ = legacy.DecodeMessageVersion(bytes.NewBuffer(payload), &p)
		return
	}
	var v9 goflow.NFv9Packet
	var ipfix goflow.IPFIXPacket
	_ = goflow.DecodeMessageVersion(bytes.NewBuffer(payload), g.templates, &v9, &ipfix)
}

// judge picks what is compared, by our rules of which element counts: the first
// one of a kind, and another family's address only when it is not zero.
func judge(values []goflow.DataField) (o opinion) {
	find := func(element uint16) (uint64, bool) {
		for _, v := range values {
			if b := v.Value.([]byte); v.Type == element && !v.PenProvided && len(b) > 0 && len(b) <= 8 {
				return number(b), true
			}
		}
		return 0, false
	}
	// The first element that is there, or a later one instead of its zero.
	first := func(mask uint64, elements []uint16, instead ...uint16) (x uint64) {
		for _, element := range elements {
			if v, ok := find(element); ok {
				x = v & mask
				break
			}
		}
		for _, element := range instead {
			if x == 0 {
				x, _ = find(element)
				x &= mask
			}
		}
		return x
	}
	addr := func(elements ...uint16) (best netip.Addr) {
		for _, v := range values {
			a, ok := netip.AddrFromSlice(v.Value.([]byte))
			if ok && !v.PenProvided && (v.Type == elements[0] && a.Is4() || v.Type == elements[1] && a.Is6()) &&
				(!best.IsValid() || best.IsUnspecified() && !a.IsUnspecified()) {
				best = a.Unmap()
			}
		}
		return best
	}
	o.src, o.dst = addr(8, 27), addr(12, 28)
	o.srcPort, o.dstPort = first(0xffff, []uint16{7}, 180, 182), first(0xffff, []uint16{11}, 181, 183)
	o.bytes, o.packets = first(1<<64-1, []uint16{1, 85, 231}, 23), first(1<<64-1, []uint16{2, 86, 298}, 24)
	return o
}

func ours(r *flow.Record) opinion {
	o := opinion{r.Src, r.Dst, uint64(r.SrcPort), uint64(r.DstPort), r.Bytes, r.Packets}
	if r.Has&flow.RepairedDst != 0 {
		o.dst = r.Src
	}
	return o
}

// Where goflow2 counts otherwise, and why.
var goflow2Differs = map[string]string{
	"netflow5_test_invalid01.dat": "makes 55582 records, nearly all of them empty",
	"netflow5_test_invalid02.dat": "makes 163 records of 30",
	"netflow9_test_invalid01.dat": "takes the header's count for the number of sets, and stops after two of six",
}

// TestGoflow2 decodes every real datagram with both.
func TestGoflow2(t *testing.T) {
	files, err := filepath.Glob(logstash + "/golden/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var sequences [][]string
	for _, file := range files {
		sequences = append(sequences, inputs(t, file))
	}
	sequences = append(sequences,
		[]string{"testdata/goflow2/TestDecodeNetFlowV5_L11.bin"},
		[]string{"testdata/goflow2/TestDecodeNetFlowV9_L14.bin", "testdata/goflow2/TestDecodeNetFlowV9_L118.bin"},
		[]string{logstash + "/ipfix_test_ixia_tpldata271.dat"},
	)
	met := make(map[string]bool)
	records := 0
	for _, sequence := range sequences {
		d, second := NewDecoder(Limits{}), newGoflow2()
		for _, file := range sequence {
			payload := read(t, file)
			got, g := d.Decode(nil, testSource, 0, payload)
			want, options, err := second.decode(payload)
			problem := compareOpinions(got, g.Options, want, options)
			if problem == "" {
				records += len(got)
				continue
			}
			if name := filepath.Base(file); goflow2Differs[name] != "" {
				met[name] = true
			} else {
				t.Errorf("%s: %s (%v)", file, problem, err)
			}
		}
	}
	for name := range goflow2Differs {
		if !met[name] {
			t.Errorf("%s does not differ", name)
		}
	}
	if records < 400 {
		t.Errorf("only %d records compared", records)
	}
}

// forward leaves out the records of reverse directions, which other decoders leave
// in the forward one's.
func forward(records []flow.Record) []flow.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r flow.Record) bool { return r.Has&flow.Reverse != 0 })
}

func compareOpinions(got []flow.Record, options int, want []opinion, wantOptions int) string {
	got = forward(got)
	if len(got) != len(want) || options != wantOptions {
		return fmt.Sprintf("%d records and %d options records, goflow2 has %d and %d", len(got), options, len(want), wantOptions)
	}
	for i := range got {
		if o := ours(&got[i]); o != want[i] {
			return fmt.Sprintf("record %d is %+v, goflow2 has %+v", i, o, want[i])
		}
	}
	return ""
}

// TestGoflow2Generated does the same with random templates and data.
func TestGoflow2Generated(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		s := newSender(flow.V9)
		if random.IntN(2) == 0 {
			s = newSender(flow.IPFIX)
		}
		d, second := NewDecoder(Limits{}), newGoflow2()
		for range 1 + random.IntN(3) {
			var sets [][]byte
			for id := range uint16(1 + random.IntN(3)) {
				fields, record := generate(random, s.version)
				sets = append(sets, s.template(256+id, fields...))
				var records [][]byte
				for range random.IntN(5) {
					records = append(records, record())
				}
				if len(records) > 0 {
					sets = append(sets, set(256+id, records...))
				}
			}
			payload := s.message(sets...)
			got, g := d.take(s, payload)
			want, options, err := second.decode(payload)
			if problem := compareOpinions(got, g.Options, want, options); problem != "" || err != nil {
				t.Fatalf("%s (%v): %x", problem, err, payload)
			}
			s.sequence++
		}
	}
}

// generate makes a template, in which every record is longer than any padding,
// and a maker of its records.
func generate(random *rand.Rand, version flow.Version) (fields []f, record func() []byte) {
	usable := []f{
		{1, 4, 0}, {1, 8, 0}, {2, 3, 0}, {2, 4, 0}, {23, 5, 0}, {24, 2, 0}, {85, 8, 0}, {86, 8, 0}, {4, 1, 0}, {5, 1, 0}, {6, 2, 0}, {7, 2, 0}, {11, 2, 0},
		{8, 4, 0}, {12, 4, 0}, {15, 4, 0}, {27, 16, 0}, {28, 16, 0}, {10, 4, 0}, {14, 2, 0}, {21, 4, 0}, {22, 4, 0},
		{152, 8, 0}, {153, 8, 0}, {56, 6, 0}, {80, 6, 0}, {225, 4, 0}, {226, 4, 0}, {61, 1, 0}, {95, 9, 0}, {300, 40, 0},
	}
	if version == flow.IPFIX {
		usable = append(usable, f{1, 8, 29305}, f{2, 8, 29305}, f{8, 4, 9}, f{82, variable, 0}, f{1, variable, 637})
	}
	fields = append(fields, f{4, 1, 0}, f{5, 1, 0}, f{60, 1, 0}, f{61, 1, 0})
	seen := map[uint16]bool{}
	for range 1 + random.IntN(12) {
		if field := usable[random.IntN(len(usable))]; !seen[field.element] || field.enterprise != 0 {
			fields = append(fields, field)
			seen[field.element] = true
		}
	}
	return fields, func() []byte {
		var b []byte
		for _, field := range fields {
			length := int(field.length)
			if length == variable {
				if length = random.IntN(300); length < 255 && random.IntN(2) == 0 {
					b = append(b, byte(length))
				} else {
					b = append(b, 255, byte(length>>8), byte(length))
				}
			}
			zero := random.IntN(3) == 0
			for range length {
				if zero {
					b = append(b, 0)
				} else {
					b = append(b, byte(random.Uint32()))
				}
			}
		}
		return b
	}
}

func inputs(t testing.TB, file string) (all []string) {
	var g golden
	if err := json.Unmarshal(read(t, file), &g); err != nil {
		t.Fatal(err)
	}
	for _, name := range g.Inputs {
		all = append(all, filepath.Join(logstash, name))
	}
	return all
}
