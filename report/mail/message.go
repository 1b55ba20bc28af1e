package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Letter is a report as it is mailed, before it has a recipient.
type Letter struct {
	Subject string
	Text    string // the whole report for a terminal
	HTML    string
	Images  []Image
	// Workbook is the XLSX attached under the name File.
	Workbook []byte
	File     string
	light    func() (*Letter, error) // nil: nothing is said of the workbook
}

// Image is a chart that the HTML shows by its content id.
type Image struct {
	Name string // hours.png; the content id is made of it
	PNG  []byte
	SVG  []byte // the same, for pages
}

// contentDomain ends content ids. They only have to be unique within the message
// (RFC 2392), and the same each time.
const contentDomain = "nfacct.invalid"

// cid is the content id of an image, as cid: URLs write it.
func (i Image) cid() string { return i.Name + "@" + contentDomain }

// Envelope is who a letter is from and to.
type Envelope struct {
	From, ReplyTo string
	To            string
	MessageID     string // without <>
	Date          time.Time
}

// MessageID is the same for the same report, period, department, recipient and
// try at sending it again on purpose, so that whoever gets it twice can tell.
func MessageID(from, report, period, department, recipient string, again int) string {
	domain := "nfacct.invalid"
	if addr, err := ParseAddress(from); err == nil {
		domain = addr.Address[strings.LastIndexByte(addr.Address, '@')+1:]
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{report, period, department, strings.ToLower(recipient)}, "\x00")))
	suffix := ""
	if again > 0 {
		suffix = fmt.Sprintf(".%d", again)
	}
	return fmt.Sprintf("nfacct.%s.%s.%s%s@%s", report, period, hex.EncodeToString(sum[:8]), suffix, domain)
}

// Message is the letter with its envelope: multipart/mixed of the related
// alternatives text and HTML with the images, and of the workbook.
func (l *Letter) Message(e Envelope) (*gomail.Msg, error) {
	from, err := ParseAddress(e.From)
	if err != nil {
		return nil, fmt.Errorf("mail.from: %w", err)
	}
	to, err := ParseAddress(e.To)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	msg.FromMailAddress(from)
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, to)
	msg.EnvelopeFromMailAddress(&netmail.Address{Address: from.Address})
	if e.ReplyTo != "" {
		reply, err := ParseAddress(e.ReplyTo)
		if err != nil {
			return nil, fmt.Errorf("mail.reply_to: %w", err)
		}
		msg.ReplyToMailAddress(reply)
	}
	msg.SetDateWithValue(e.Date)
	msg.SetMessageIDWithValue(e.MessageID)
	msg.Subject(l.Subject)
	// Nobody's absence note answers it (RFC 3834; Exchange has its own word).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetGenHeader("Precedence", "bulk")
	msg.SetGenHeader("List-Id", fmt.Sprintf("nfacct reports <reports.nfacct.%s>", from.Address[strings.LastIndexByte(from.Address, '@')+1:]))
	msg.SetBodyString(gomail.TypeTextPlain, l.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	for _, image := range l.Images {
		// The library writes the id as it is given, and RFC 2045 wants the <>.
		err := msg.EmbedReader(image.Name, bytes.NewReader(image.PNG), gomail.WithFileContentID("<"+image.cid()+">"), gomail.WithFileContentType("image/png"))
		if err != nil {
			return nil, fmt.Errorf("embed %s: %w", image.Name, err)
		}
	}
	if len(l.Workbook) > 0 {
		err := msg.AttachReader(l.File, bytes.NewReader(l.Workbook), gomail.WithFileContentType(workbookType))
		if err != nil {
			return nil, fmt.Errorf("attach %s: %w", l.File, err)
		}
	}
	return msg, nil
}

// workbookType is the media type of XLSX.
const workbookType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
