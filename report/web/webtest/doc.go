// Package webtest uses the page as people do, with Debian's Chromium. It is a module of
// its own, so that nobody who builds nfacct needs what drives a browser.
package webtest
