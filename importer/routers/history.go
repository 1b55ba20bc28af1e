package routers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"nfacct/importer"
	"nfacct/importer/attribution"
)

// UnknownError says that the networks of a router are not known, and that it could
// not be asked.
type UnknownError struct{ Err error }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("the networks of a router are not known yet, so nothing can be imported: write them to its inside, or: %v", e.Err)
}

func (e *UnknownError) Unwrap() error { return e.Err }

// Router is a managed router for the importer: what the configuration says of it
// comes before what it said itself, at each time. A router of which nothing is known
// is asked, and the error is an UnknownError if it does not answer.
func (k *Keeper) Router(ctx context.Context, r Router) (importer.Router, error) {
	router := r.Accounted
	history, err := k.history(ctx, &router)
	if err != nil {
		return router, err
	}
	if len(history) == 0 && len(router.Inside) == 0 {
		// The first import may come before the first reading.
		if err := k.Refresh(ctx, []Router{r})[0]; err != nil {
			return router, &UnknownError{err}
		}
		if history, err = k.history(ctx, &router); err != nil {
			return router, err
		}
		if len(history) == 0 {
			return router, fmt.Errorf("router %s does not say which of its networks are inside, having no default route: write them to its inside", router.Name)
		}
	}
	router.History = history
	return router, nil
}

// history is how a router's records are attributed over time. Times in which it told
// too little are left out.
func (k *Keeper) history(ctx context.Context, r *importer.Router) ([]importer.Since, error) {
	described, err := k.Archive.Routers().FactsOf(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	told := importer.Told{}
	for _, f := range described {
		era := importer.Since{From: f.ValidFrom, ActiveTimeout: cmp.Or[time.Duration](f.ActiveTimeout, r.ActiveTimeout), Router: attribution.Router{
			WAN: first(r.WAN, f.WAN), Inside: first(r.Inside, f.Inside), Own: first(r.Own, f.Own),
			InnerRouters: first(r.InnerRouters, f.InnerRouters), Proxies: r.Proxies, Sampling: r.Sampling,
		}}
		if era.Sampling == 0 {
			era.Sampling = f.Sampling
		}
		sound := true
		era.Check(func(key, problem, _ string) {
			sound = false
			k.Log.Debug("what the router said is left out", "router", r.Name, "from", f.ValidFrom, "key", key, "problem", problem)
		})
		if sound {
			told.Routers = append(told.Routers, era)
		}
	}
	names, err := k.Archive.Routers().InterfaceNames(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		told.Names = append(told.Names, importer.Named{From: n.From, Index: n.Index, Name: n.Name})
	}
	lists, err := k.Archive.Routers().InterfaceLists(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		told.Lists = append(told.Lists, importer.Listed{From: l.From, List: l.List, Members: l.Members})
	}
	return told.History(r.Uplinks), nil
}

// first is the configured list, or the told one when nothing is configured.
func first[T any](configured, told []T) []T {
	if len(configured) > 0 {
		return configured
	}
	return told
}
