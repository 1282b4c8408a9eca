//! The thread that an engine's asynchronous client runs on, so that callers need no runtime of their own.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A tokio runtime on a thread of its own. Dropping it cancels what runs on it, and waits for the thread to end.
pub(crate) struct Runtime {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Runtime {
    /// Starts a thread with that name, of which Linux shows 15 bytes.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs `work` on the thread and waits for its result, for up to `patience`. Then `work` is cancelled: what it has sent
    /// may still be done. Calling this from the thread itself would wait in vain.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let result = Arc::new(Mutex::new(None));
        let (done, waited) = mpsc::sync_channel(1);
        let answer = Arc::clone(&result);
        self.spawn(async move {
            if let Ok(result) = tokio::time::timeout(patience, work).await {
                *lock(&answer) = Some(result);
                let _ = done.send(());
            }
        });
        // The work ends without an answer when it is late, when it panics and when the thread ends.
        let _ = waited.recv_timeout(patience.saturating_add(MARGIN));
        lock(&result).take().ok_or(NoAnswer(patience))
    }

    /// Runs `work` on the thread, without waiting for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(erased(work));
    }
}

/// A future whose type is not known any more. Tokio's part of a task is compiled twice for each type of future that is spawned.
pub(crate) fn erased(
    work: impl Future<Output = ()> + Send + 'static,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
    Box::pin(work)
}

fn lock<T>(result: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    result.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Runtime {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The last handle may be dropped by something that runs on the thread.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// What was asked was not answered in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(crate) struct NoAnswer(Duration);

/// How much longer a caller waits than the work may take, in case the thread is busy.
const MARGIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_back() {
        let runtime = Runtime::start("test").unwrap();
        assert_eq!(
            runtime.wait(PATIENCE, async { thread::current().name().map(str::to_owned) }).unwrap().unwrap(),
            "test"
        );
    }

    #[test]
    fn late_work_is_cancelled() {
        let runtime = Runtime::start("test").unwrap();
        let (kept, dropped) = mpsc::channel::<()>();
        let late = runtime.wait(Duration::from_millis(10), async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        assert_eq!(late.unwrap_err().to_string(), "no answer within 10ms");
        assert_eq!(dropped.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_panic_is_no_answer() {
        let runtime = Runtime::start("test").unwrap();
        let asked = std::time::Instant::now();
        assert!(runtime.wait(PATIENCE, async { panic!("on purpose") }).is_err());
        assert!(asked.elapsed() < PATIENCE);
        runtime.wait(PATIENCE, async {}).unwrap();
    }

    #[test]
    fn it_ends_with_its_work() {
        let runtime = Runtime::start("test").unwrap();
        let (kept, dropped) = mpsc::channel::<()>();
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        drop(runtime);
        assert_eq!(dropped.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Disconnected));
    }

    #[test]
    fn its_own_thread_may_drop_it() {
        let runtime = std::sync::Arc::new(Runtime::start("test").unwrap());
        let (done, waited) = mpsc::channel();
        let (last, begin) = oneshot::channel::<std::sync::Arc<Runtime>>();
        runtime.spawn(async move {
            drop(begin.await);
            let _ = done.send(());
        });
        let handle = runtime.handle.clone();
        let _ = last.send(runtime);
        drop(handle);
        waited.recv_timeout(PATIENCE).unwrap();
    }

    const PATIENCE: Duration = Duration::from_secs(20);
}
