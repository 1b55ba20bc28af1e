package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// answerMost is how many bytes a server may send between two of ours: a certificate
// chain has some 10 KB, and a reply of RFC 5321 512 bytes a line.
const answerMost = 256 << 10

// errTalkative ends a conversation with a server that talks without end, which the
// library would keep in memory whole.
var errTalkative = errors.New("it sends more than 256 KiB without waiting for an answer: that is no mail server")

// boundedDialer connects to a server whose replies are bounded, and leaves it when
// ctx, which is that of the whole conversation, is done.
type boundedDialer struct {
	ctx    context.Context
	dialer net.Dialer
	tls    *tls.Config // not nil: from the first byte on
}

func (d *boundedDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := d.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	b := &bounded{Conn: raw, left: answerMost}
	b.stop = context.AfterFunc(d.ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)); raw.Close() })
	if d.tls == nil {
		return b, nil
	}
	conn := tls.Client(b, d.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return conn, nil
}

// bounded is a connection whose other end may say only so much at a time. It is read
// and written by one goroutine at a time.
type bounded struct {
	net.Conn
	left int
	stop func() bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalkative
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *bounded) Write(p []byte) (int, error) {
	b.left = answerMost
	return b.Conn.Write(p)
}

func (b *bounded) Close() error {
	b.stop()
	return b.Conn.Close()
}
