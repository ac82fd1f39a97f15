package model

// judgeMove holds a counter's move to its reasons: reservations that begin or end to hold, and the capacity.
func (w *world) judgeMove(s *stock) {
	moved := s.now.available - s.old.available
	due := s.now.capacity - s.old.capacity - (s.now.held - s.old.held)
	if moved != due {
		w.report(counterMoves, "%s: the counter moved by %d, by reservations and capacity it should by %d",
			s.partition, moved, due)
	}
}

func (w *world) judgeStock(s *stock) {
	n := s.now
	if n.available < 0 || n.available > n.capacity {
		w.report(counterBounds, "%s: %d available of %d", s.partition, n.available, n.capacity)
	}
	if n.capacity-n.available != n.held {
		w.report(heldIsReserved, "%s: %d of %d available, so that %d are taken; reservations hold %d",
			s.partition, n.available, n.capacity, n.capacity-n.available, n.held)
	}
}

// judgeNights asks that when a stay begins or ends to hold, the counters of all its nights move, or none does.
func (w *world) judgeNights(b *booking) {
	if b.wrote&partHotel == 0 {
		return
	}
	nights := b.nights(&b.now.hotel)
	if len(nights) == 0 {
		nights = b.nights(&b.old.hotel)
	}
	moved := 0
	for _, night := range nights {
		if s := w.stocks[night]; s != nil && s.now.available != s.old.available {
			moved++
		}
	}
	if moved > 0 && moved < len(nights) {
		w.report(everyNight, "%s: %d of its %d nights moved", b, moved, len(nights))
	}
}
