//! The log on stderr.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

/// Lines that may wait to be written: some 2 MB, half a second of a server at its busiest. Past that, lines are lost
/// and counted, for a server that waited for whoever reads its log could be stopped by them.
const LINES_WAITING: usize = 16_384;

/// How long the last line may take to be written.
const LAST_WORD: Duration = Duration::from_millis(300);

/// Writes what is logged, in a thread of its own.
pub(crate) struct Log {
    writer: WorkerGuard,
    lost: ErrorCounter,
}

impl Log {
    /// Logs what is as important as `level`, from here on.
    pub(crate) fn start(level: LevelFilter) -> Self {
        let (queue, writer) =
            NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_WAITING).finish(stderr());
        let lost = queue.error_counter();
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_target(false)
            .with_ansi(stderr().is_terminal())
            .with_writer(queue)
            .init();
        Self { writer, lost }
    }

    /// Writes what still waits, or as much of it as the reader takes within some two seconds.
    pub(crate) fn finish(self) {
        drop(self.writer);
        let lost = self.lost.dropped_lines();
        if lost == 0 {
            return;
        }
        // Whoever let lines get lost may still not read, and the process is to end.
        let (said, saying) = channel();
        thread::spawn(move || {
            say!("chat-server: {lost} lines of the log were lost, because stderr was read too slowly");
            said.send(())
        });
        saying.recv_timeout(LAST_WORD).ok();
    }
}
