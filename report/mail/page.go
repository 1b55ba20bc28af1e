package mail

import (
	"encoding/base64"
	"strings"
)

// Page is the HTML with its images inside, for a browser: of a mail's HTML they
// are parts of their own.
func (l *Letter) Page() string {
	html := l.HTML
	for _, image := range l.Images {
		html = strings.ReplaceAll(html, "cid:"+image.cid(), "data:image/png;base64,"+base64.StdEncoding.EncodeToString(image.PNG))
	}
	return html
}
