//! What the server's metrics have beside the chat's: of the disk, the dumps and the certificate, and what Prometheus' clients tell of
//! any process, under the names that dashboards look for.

use std::path::PathBuf;
use std::time::SystemTime;

use chat_lib::server::TlsIdentity;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::data::{Disk, last_dump};

/// What a server stands on.
#[derive(Clone)]
pub(crate) struct Host {
    /// Where the data is; `None` if it is kept in memory.
    pub(crate) data: Option<PathBuf>,
    pub(crate) identity: Option<TlsIdentity>,
}

impl Host {
    /// The metrics as text, without those that the system does not tell.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        encode(&self.registry(), &mut text);
        #[cfg(target_os = "linux")]
        match process::registry() {
            Ok(registry) => encode(&registry, &mut text),
            Err(problem) => tracing::debug!(%problem, "the system does not tell about this process"),
        }
        text
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("chat");
        if let Some(disk) = self.data.as_deref().and_then(Disk::of) {
            let (free, size) = (ConstGauge::new(disk.free), ConstGauge::new(disk.size));
            registry.register_with_unit("disk_free", "Free space of the disk with the data", Unit::Bytes, free);
            registry.register_with_unit("disk_size", "Size of the disk with the data", Unit::Bytes, size);
        }
        let mut register_time = |name: &str, help: &str, time: Option<SystemTime>| {
            let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
            if let Some(since) = since {
                registry.register_with_unit(name, help, Unit::Seconds, ConstGauge::new(since.as_secs()));
            }
        };
        register_time("last_dump_timestamp", "When the last dump was made", self.data.as_deref().and_then(last_dump));
        let expires = self.identity.as_ref().map(TlsIdentity::expires);
        register_time("certificate_expiry_timestamp", "When the TLS certificate expires", expires);
        registry
    }
}

fn encode(registry: &Registry, text: &mut String) {
    // A string takes everything.
    prometheus_text::encode(text, registry).ok();
}

#[cfg(target_os = "linux")]
mod process {
    use procfs::ProcResult;
    use procfs::process::{LimitValue, Process};
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;
    use prometheus_client::registry::{Registry, Unit};

    pub(super) fn registry() -> ProcResult<Registry> {
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
}
