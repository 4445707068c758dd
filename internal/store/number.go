package store

import "sync"

// block is a run of numbers that this process may give out.
type block struct {
	mu        sync.Mutex
	from, end int64 // next to give; first that is not ours
}

// next gives a number, with more fetching the end of a new block when the old
// one is used up.
func (b *block) next(more func() (int64, error)) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.from == b.end {
		end, err := more()
		if err != nil {
			return 0, err
		}
		b.from, b.end = end-numberBlock, end
	}
	n := b.from
	b.from++
	return n, nil
}
