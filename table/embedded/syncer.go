package embedded

import "github.com/cockroachdb/pebble/v2"

// syncJob is an fsync that was asked for, or (without a batch) the wish to be told of one that was asked for before.
type syncJob struct {
	batch   *pebble.Batch
	number  uint64 // of the last group that it makes durable
	change  uint64 // the last change of the stream that it makes durable
	waiters []*request
}

// syncer waits for the fsyncs in the order in which they were asked for.
func (s *Store) syncer(jobs <-chan syncJob) {
	defer close(s.ended)
	for job := range jobs {
		err := s.await(job)
		for _, r := range job.waiters {
			if err != nil {
				r.err = err
			}
			r.answer()
		}
	}
}

func (s *Store) await(job syncJob) error {
	s.counters.waits.Add(uint64(len(job.waiters)))
	if job.batch != nil {
		if err := job.batch.SyncWait(); err != nil {
			s.fail(err)
		}
	}
	if err := s.Failed(); err != nil {
		return err
	}
	if job.batch != nil && s.water.file != nil {
		end := uint64(job.batch.SeqNum()) + uint64(job.batch.Count())
		if err := s.water.rise(s.record.lastLog(), end); err != nil {
			s.fail(err)
			return s.failure
		}
	}
	s.durable.Store(job.number)
	s.feed.advance(job.change)
	if job.batch == nil {
		return nil
	}
	s.onDisk.Store(uint64(job.batch.SeqNum()) + uint64(job.batch.Count()))
	s.counters.syncs.Add(1)
	return job.batch.Close()
}
