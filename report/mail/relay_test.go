package mail

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// relay stands before a mailpit without TLS, which bounds no size itself, and does.
type relay struct {
	most      int  // bytes of a message
	announces bool // SIZE; otherwise it says so only when it has the message
	refusal   string
	address   string
	messages  atomic.Int32 // that were transferred
}

// startRelay runs one that says 552 5.3.4 unless another refusal is set.
func startRelay(t *testing.T, server *mailServer, most int, announces bool) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	r := &relay{most: most, announces: announces, refusal: "552 5.3.4 message size exceeds fixed limit", address: listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.serve(conn, server.smtp)
		}
	}()
	return r
}

// serve passes on commands and replies one by one, and messages that are not too big.
func (r *relay) serve(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	commands, replies := bufio.NewReader(client), bufio.NewReader(server)
	reply := func() bool {
		for {
			line, err := replies.ReadString('\n')
			if err != nil {
				return false
			}
			if r.announces {
				line = strings.Replace(line, "SIZE 0", fmt.Sprintf("SIZE %d", r.most), 1)
			}
			io.WriteString(client, line)
			if len(line) < 4 || line[3] != '-' {
				return true
			}
		}
	}
	for ok := reply(); ok; ok = reply() {
		command, err := commands.ReadString('\n')
		if err != nil {
			return
		}
		if strings.EqualFold(strings.TrimSpace(command), "DATA") {
			io.WriteString(client, "354 go on\r\n")
			var message bytes.Buffer
			for !bytes.HasSuffix(message.Bytes(), []byte("\r\n.\r\n")) {
				line, err := commands.ReadString('\n')
				if err != nil {
					return
				}
				message.WriteString(line)
			}
			r.messages.Add(1)
			if message.Len() > r.most {
				io.WriteString(client, r.refusal+"\r\n")
				command = "RSET\r\n"
				io.WriteString(server, command)
				if _, err := replies.ReadString('\n'); err != nil {
					return
				}
				if command, err = commands.ReadString('\n'); err != nil {
					return
				}
				io.WriteString(server, command)
				continue
			}
			io.WriteString(server, command)
			if _, err := replies.ReadString('\n'); err != nil {
				return
			}
			server.Write(message.Bytes())
			continue
		}
		io.WriteString(server, command)
	}
}
