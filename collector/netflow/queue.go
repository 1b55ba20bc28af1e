package netflow

// queue is a list in the order of last use, so that the least recently used
// element is found in constant time, whatever came before.
type queue[T any] struct{ newest, oldest *place[T] }

// place is an element's place in at most one queue.
type place[T any] struct {
	of           *T
	in           *queue[T]
	newer, older *place[T]
}

// use makes p the most recently used of q, and takes it out of another queue.
func (q *queue[T]) use(p *place[T]) {
	if q.newest == p {
		return
	}
	p.leave()
	p.in, p.older = q, q.newest
	if q.newest != nil {
		q.newest.newer = p
	} else {
		q.oldest = p
	}
	q.newest = p
}

func (p *place[T]) leave() {
	q := p.in
	if q == nil {
		return
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		q.newest = p.older
	}
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		q.oldest = p.newer
	}
	p.in, p.newer, p.older = nil, nil, nil
}

// first gives the least recently used element, or nil.
func (q *queue[T]) first() *T {
	if q.oldest == nil {
		return nil
	}
	return q.oldest.of
}
