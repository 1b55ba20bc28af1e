package mail

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// A server that talks without end, in one line or in many, is left after 256 KiB; one
// that says nothing is left when the program is told to stop.
func TestTalkativeServer(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		want string
		stop time.Duration
	}{
		"one line":   {strings.Repeat("x", 64<<10), "256 KiB", time.Minute},
		"many lines": {strings.Repeat("220-welcome\r\n", 5000), "256 KiB", time.Minute},
		"silent":     {"", "", 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			sent := make(chan int, 1)
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				all := 0
				for c.says != "" && all < 1<<30 {
					n, err := conn.Write([]byte(c.says))
					if all += n; err != nil {
						break
					}
				}
				if c.says == "" {
					_, _ = conn.Read(make([]byte, 1))
				}
				sent <- all
			}()
			cfg := DefaultConfig()
			cfg.Server, cfg.From = listener.Addr().String(), "nfacct <nfacct@example.com>"
			transport, err := NewTransport(cfg)
			if err != nil {
				t.Fatal(err)
			}
			msg := gomail.NewMsg()
			if err := errors.Join(msg.From("nfacct@example.com"), msg.To("head@example.com")); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.stop)
			defer cancel()
			begun := time.Now()
			var before, m runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = transport.Send(ctx, msg)
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if all := <-sent; all > 64<<20 {
				t.Errorf("%d bytes were taken", all)
			}
			runtime.ReadMemStats(&m)
			if taken := m.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
				t.Errorf("%d MiB were taken in all", taken>>20)
			}
		})
	}
}
