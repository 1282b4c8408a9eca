//! What Prometheus' clients tell of any process: its memory, descriptors, processor time and start. Under the names that dashboards
//! look for, which do not begin with `chat`.

use procfs::ProcResult;
use procfs::process::{LimitValue, Process};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

/// The metrics as text; nothing if the system does not tell.
pub(super) fn text() -> String {
    let mut text = String::new();
    match registry() {
        Ok(registry) => prometheus_text::encode(&mut text, &registry).unwrap_or_default(),
        Err(problem) => tracing::debug!(%problem, "the system does not tell about this process"),
    }
    text
}

fn registry() -> ProcResult<Registry> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    let mut registry = Registry::with_prefix("process");
    let ticks = procfs::ticks_per_second() as f64;
    let used = ConstCounter::new((stat.utime + stat.stime) as f64 / ticks);
    registry.register_with_unit("cpu", "Processor time used", Unit::Seconds, used);
    let started = procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks;
    registry.register_with_unit("start_time", "When the process started", Unit::Seconds, ConstGauge::new(started));
    let (resident, virtual_) = (stat.rss * procfs::page_size(), stat.vsize);
    registry.register_with_unit("resident_memory", "Memory in use", Unit::Bytes, ConstGauge::new(resident));
    registry.register_with_unit("virtual_memory", "Address space", Unit::Bytes, ConstGauge::new(virtual_));
    registry.register("open_fds", "Open file descriptors", ConstGauge::new(process.fd_count()? as u64));
    if let LimitValue::Value(limit) = process.limits()?.max_open_files.soft_limit {
        registry.register("max_fds", "The most file descriptors that may be open", ConstGauge::new(limit));
    }
    Ok(registry)
}
