package main

import (
	"context"
	"fmt"
	"time"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/routeros"
)

// trusted is what --trust shows of a router.
type trusted struct {
	Router string `json:"router"`
	*routeros.Certificate
	Line  string `json:"line,omitempty"` // of the configuration
	Error string `json:"error,omitempty"`
}

// trust shows the certificates of routers, to be compared and pinned.
func (a *app) trust(ctx context.Context, cfg *config.Config, routers []config.Router) error {
	shown := make([]trusted, len(routers))
	routeros.Each(ctx, len(routers), cfg.Provision.Parallel, cfg.Provision.Deadline, func(ctx context.Context, i int) {
		shown[i].Router = routers[i].Name
		certificate, err := routeros.Trust(ctx, routers[i].Config)
		if err != nil {
			shown[i].Error = err.Error()
			return
		}
		shown[i].Certificate, shown[i].Line = certificate, fmt.Sprintf("fingerprint = %q", certificate.Fingerprint)
	})
	if a.json {
		if err := a.printJSON(shown); err != nil {
			return err
		}
	} else {
		for _, t := range shown {
			if t.Error != "" {
				fmt.Fprintf(a.errOut, "nfacct: %s\n", t.Error)
				continue
			}
			fmt.Fprintf(a.out, "# %s shows the certificate %s of %s, valid until %s. Compare it with\n# /certificate print detail on the router itself, then put the line into its [[router]]:\n%s\n",
				t.Router, t.Subject, t.Issuer, t.NotAfter.Format(time.DateOnly), t.Line)
		}
	}
	return stages.FailedRouters(len(shown), func(i int) (string, bool) { return shown[i].Router, shown[i].Error != "" })
}
