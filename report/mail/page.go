package mail

import (
	"encoding/base64"
	"strings"

	"nfacct/report"
	"nfacct/report/phrase"
)

// Page renders a usage as HTML that is a file of its own: it has its images inside,
// lists so many hosts, and says nothing of a mail or of what is attached to one.
func Page(u *report.Usage, words *phrase.Catalogue, hosts int) (string, error) {
	v := &view{Usage: u, words: words, rows: hosts, page: true}
	text, err := v.html("", "")
	if err != nil {
		return "", err
	}
	return inline(text, v.images), nil
}

// Page is a mail's HTML with its images inside, for a browser.
func (l *Letter) Page() string { return inline(l.HTML, l.Images) }

func inline(html string, images []Image) string {
	for _, image := range images {
		html = strings.ReplaceAll(html, "cid:"+image.cid(), "data:image/png;base64,"+base64.StdEncoding.EncodeToString(image.PNG))
	}
	return html
}
