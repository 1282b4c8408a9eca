//! When requests are made. In a closed loop, a connection makes the next one when an answer has come. In an open loop they are due
//! at times that do not depend on the server: a request that has to wait because earlier ones are not answered counts from the time
//! at which it was due, so that a server which stalls is not asked less ("coordinated omission").

use std::time::{Duration, Instant};

use super::words::grouped;

/// How long the load lasts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    Time(Duration),
    /// So many requests, without those of the warm-up.
    Requests(u64),
}

/// When requests are made, for all connections.
pub(super) struct Pace {
    length: Length,
    connections: usize,
    /// Requests per second of all connections together; `None` for a closed loop.
    rate: Option<f64>,
    begin: Instant,
    /// The end of the warm-up.
    pub(super) measured_from: Instant,
    /// When no more requests are made.
    until: Option<Instant>,
    /// How many requests a closed loop still makes after the warm-up.
    left: u64,
    /// How many requests of an open loop each connection has made, and there are in all.
    made: Vec<u64>,
    made_in_all: u64,
    total: u64,
    /// How many requests of an open loop were due when it was looked last.
    due: u64,
}

impl Pace {
    pub(super) fn new(
        connections: usize,
        rate: Option<f64>,
        warm_up: Duration,
        length: Length,
        begin: Instant,
    ) -> Self {
        let measured_from = begin + warm_up;
        let in_time = |time: Duration| rate.map_or(u64::MAX, |rate| (rate * time.as_secs_f64()).ceil() as u64);
        let (until, left, total) = match length {
            Length::Time(time) => (Some(measured_from + time), u64::MAX, in_time(warm_up + time)),
            Length::Requests(count) => (None, count, in_time(warm_up).saturating_add(count)),
        };
        Self {
            length,
            connections,
            rate,
            begin,
            measured_from,
            until,
            left,
            made: vec![0; connections],
            made_in_all: 0,
            total,
            due: 0,
        }
    }

    /// Whether a connection is to make a request at `now`. If so, its latency counts from the time that is returned.
    pub(super) fn next(&mut self, connection: usize, now: Instant) -> Option<Instant> {
        if self.is_over(now) {
            return None;
        }
        let Some(rate) = self.rate else {
            if now >= self.measured_from {
                self.left = self.left.checked_sub(1)?;
            }
            return Some(now);
        };
        let made = *self.made.get(connection)?;
        let number = made * self.connections as u64 + connection as u64;
        let due = self.due_at(number, rate);
        (number < self.total && due <= now).then(|| {
            self.made_in_all += 1;
            if let Some(made) = self.made.get_mut(connection) {
                *made += 1;
            }
            due
        })
    }

    /// Of an open loop, the next connection for which a request has become due.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<usize> {
        let connection = usize::try_from(self.due % self.connections.max(1) as u64).ok()?;
        self.due_time().filter(|due| *due <= now).map(|_| {
            self.due += 1;
            connection
        })
    }

    /// Of an open loop, when the next request becomes due.
    pub(super) fn due_time(&self) -> Option<Instant> {
        let rate = self.rate.filter(|_| self.due < self.total)?;
        Some(self.due_at(self.due, rate))
    }

    /// Whether the time for requests is over.
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Whether no more requests are made.
    pub(super) fn is_done(&self, now: Instant) -> bool {
        let all_made = || match self.rate {
            None => self.left == 0,
            Some(_) => self.made_in_all >= self.total,
        };
        self.is_over(now) || all_made()
    }

    /// Makes no more requests over a connection, which is lost.
    pub(super) fn give_up(&mut self, connection: usize) {
        let own = self.total.saturating_sub(connection as u64).div_ceil(self.connections.max(1) as u64);
        if let Some(made) = self.made.get_mut(connection).filter(|_| self.rate.is_some()) {
            self.made_in_all += own.saturating_sub(*made);
            *made = own.max(*made);
        }
    }

    /// Makes no more requests.
    pub(super) fn stop(&mut self, now: Instant) {
        self.until = Some(self.until.map_or(now, |until| until.min(now)));
    }

    /// How much is done, from 0 to 1, and in words. `measured` is how many requests were answered.
    pub(super) fn progress(&self, now: Instant, measured: u64) -> (f64, String) {
        match self.length {
            Length::Time(time) => {
                let (passed, all) = (now - self.begin, self.measured_from - self.begin + time);
                (passed.as_secs_f64() / all.as_secs_f64(), format!("{} s of {} s", passed.as_secs(), all.as_secs_f64()))
            }
            Length::Requests(count) => {
                (measured as f64 / count as f64, format!("{} of {}", grouped(measured), grouped(count)))
            }
        }
    }

    /// When the requests of an open loop were due that a connection has not made in time, in order.
    pub(super) fn missed(&self, connection: usize, now: Instant) -> impl Iterator<Item = Instant> {
        let end = self.until.map_or(now, |until| until.min(now));
        let made = self.made.get(connection).copied();
        let numbers = self.rate.zip(made).into_iter().flat_map(move |(rate, made)| {
            let numbers = (made..).map(move |made| made * self.connections as u64 + connection as u64);
            numbers.take_while(|number| *number < self.total).map(move |number| self.due_at(number, rate))
        });
        numbers.take_while(move |due| *due < end)
    }

    /// When no more requests were made, if that was a matter of time.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// When the request with a number is due, counted over all connections.
    fn due_at(&self, number: u64, rate: f64) -> Instant {
        self.begin + Duration::from_secs_f64(number as f64 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_closed_loop_makes_requests_until_its_time_is_over() {
        let begin = Instant::now();
        let mut pace = Pace::new(2, None, SECOND, Length::Time(SECOND), begin);
        assert_eq!(pace.next(1, begin), Some(begin));
        assert_eq!((pace.next_due(begin), pace.due_time()), (None, None));
        assert_eq!(pace.next(0, begin + 2 * SECOND), None);
        assert_eq!(pace.missed(0, begin + 2 * SECOND).count(), 0);
    }

    #[test]
    fn requests_of_the_warm_up_are_not_counted() {
        let begin = Instant::now();
        let mut pace = Pace::new(1, None, SECOND, Length::Requests(2), begin);
        assert!((0..5).all(|_| pace.next(0, begin).is_some()));
        assert_eq!((0..5).filter(|_| pace.next(0, begin + SECOND).is_some()).count(), 2);
        assert!(pace.is_done(begin + SECOND));
    }

    #[test]
    fn an_open_loop_does_not_wait_for_answers() {
        let begin = Instant::now();
        let tenth = SECOND / 10;
        let mut pace = Pace::new(2, Some(10.0), Duration::ZERO, Length::Time(SECOND), begin);
        assert_eq!((pace.next(0, begin), pace.next(0, begin)), (Some(begin), None));
        assert_eq!((pace.next_due(begin), pace.next_due(begin)), (Some(0), None));
        assert_eq!(pace.due_time(), Some(begin + tenth));
        // What was due long ago counts from then.
        let late = begin + 5 * tenth;
        assert_eq!((pace.next(0, late), pace.next(0, late)), (Some(begin + 2 * tenth), Some(begin + 4 * tenth)));
        assert_eq!(pace.next(1, late), Some(begin + tenth));
        assert_eq!(pace.missed(0, late).count(), 0, "all that were due are made");
        pace.give_up(0);
        pace.stop(late);
        assert_eq!(pace.next(1, late), None);
        assert!(pace.missed(1, late + tenth).eq([begin + 3 * tenth]));
        pace.give_up(1);
        assert!(pace.missed(1, late).next().is_none() && pace.made_in_all == pace.total);
    }

    #[test]
    fn an_open_loop_of_so_many_requests() {
        let begin = Instant::now();
        let mut pace = Pace::new(3, Some(10.0), SECOND, Length::Requests(5), begin);
        let much_later = begin + 10 * SECOND;
        let made: usize =
            (0..3).map(|connection| std::iter::from_fn(|| pace.next(connection, much_later)).count()).sum();
        let missed: usize = (0..3).map(|connection| pace.missed(connection, much_later).count()).sum();
        assert_eq!((made, pace.is_done(much_later), missed), (15, true, 0));
    }
}
