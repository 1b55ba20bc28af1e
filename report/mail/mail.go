// Package mail makes letters of reports and hands them to a mail server: HTML
// with a text twin that is the whole report, charts as images inside, a workbook
// with every host attached. It renders what is in report.Usage and asks the
// archive for nothing but the ledger of what was sent to whom.
//
// The HTML keeps to what mail programs understand (caniemail.com, 2026): tables,
// inline styles, hexadecimal colours, padding on cells only, no text in images,
// and everything readable when images and style sheets are off. It stays under 90
// KB whatever the size of the office, since Gmail clips at 102 KB.
package mail
