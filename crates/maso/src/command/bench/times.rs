//! Times of many rounds, and what is said of them.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Sorted times of the same thing done again and again. Never empty.
#[derive(Clone, Debug)]
pub struct Times(Vec<Duration>);

/// What is reported of many times.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantiles {
    /// Half of all rounds took at most this.
    pub p50_us: f64,
    /// All but one in a hundred took at most this.
    pub p99_us: f64,
}

impl Times {
    /// Times that were taken elsewhere; `None` if there are none.
    pub fn of(mut taken: Vec<Duration>) -> Option<Self> {
        taken.sort_unstable();
        (!taken.is_empty()).then_some(Self(taken))
    }

    /// Times `run` alone, after a warm-up of a tenth of the rounds. What it consumes is made outside the clock; what it
    /// gives back is dropped inside, because whoever decides has to clean up too.
    pub fn taken<T, R>(rounds: usize, mut make: impl FnMut() -> T, mut run: impl FnMut(T) -> R) -> Self {
        let warm_up = rounds / 10;
        let mut taken = Vec::with_capacity(rounds);
        for round in 0..warm_up + rounds.max(1) {
            let input = make();
            let start = Instant::now();
            drop(std::hint::black_box(run(std::hint::black_box(input))));
            let took = start.elapsed();
            if round >= warm_up {
                taken.push(took);
            }
        }
        Self::of(taken).expect("at least one round was run")
    }

    /// Median and 99th percentile.
    pub fn quantiles(&self) -> Quantiles {
        Quantiles { p50_us: self.at(50), p99_us: self.at(99) }
    }

    fn at(&self, per_cent: usize) -> f64 {
        micros(self.0[(self.0.len() - 1) * per_cent / 100])
    }
}

/// A time in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
