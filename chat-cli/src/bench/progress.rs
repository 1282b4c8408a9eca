//! What a person sees while the load runs: a bar on stderr, if that is a terminal.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::pace::Pace;
use super::tally::Tally;
use super::waiting::TICK;
use super::words::grouped;
use crate::style::is_dumb;

/// The bar, and the wish to end early.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// What the rate counts.
    unit: &'static str,
    /// Set by Ctrl-C.
    interrupted: Arc<AtomicBool>,
    /// When it was shown last, and how many answers there were.
    shown: Instant,
    answers: u64,
}

impl Progress {
    pub(super) fn new(unit: &'static str, interrupted: Arc<AtomicBool>) -> Self {
        let bar = (stderr().is_terminal() && !is_dumb()).then(|| {
            let bar = ProgressBar::new(STEPS);
            let style =
                ProgressStyle::with_template("[{bar:30}] {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.with_style(style.progress_chars("=> "))
        });
        Self { bar, unit, interrupted, shown: Instant::now(), answers: 0 }
    }

    /// A step before or after the load.
    pub(super) fn step(&self, done: usize, of: usize, what: &str) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(STEPS * done as u64 / (of as u64).max(1));
        bar.set_message(what.to_owned());
    }

    /// Shows how far the load is, if it is time to. Returns whether it is to end early.
    pub(super) fn tick(&mut self, now: Instant, pace: &Pace, tally: &Tally) -> bool {
        let passed = now.saturating_duration_since(self.shown);
        if passed < TICK {
            return false;
        }
        if let Some(bar) = &self.bar {
            let (part, what) = pace.progress(now, tally.requests);
            let rate = (tally.answers - self.answers) as f64 / passed.as_secs_f64();
            bar.set_position((part.clamp(0.0, 1.0) * STEPS as f64) as u64);
            bar.set_message(format!("{what}, {} {}/s", grouped(rate as u64), self.unit));
        }
        (self.shown, self.answers) = (now, tally.answers);
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// The length of the bar.
const STEPS: u64 = 1000;
