//! Snapshots in pieces. One can be seen once it has its digest, which is written last.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_postgres::error::SqlState;

use super::fault::Fault;
use super::line::Line;
use super::{PATIENCE, Postgres};
use crate::engine::SnapshotName;

impl Postgres {
    pub(super) fn list_snapshots(&self) -> Result<Vec<SnapshotName>, Fault> {
        let line = Arc::clone(&self.transfers);
        self.runtime.wait(PATIENCE, async move {
            let rows = line.session().await?.rows(LIST, &[]).await?;
            let mut names = Vec::with_capacity(rows.len());
            for row in &rows {
                names.extend(SnapshotName::parse(row.try_get(0)?));
            }
            names.sort_by(|one, other| other.cmp(one));
            Ok(names)
        })?
    }

    /// The file is read in the caller's thread, a piece at a time: the runtime's has appends to do.
    pub(super) fn upload(&self, name: &SnapshotName, file: &Path) -> Result<(), Fault> {
        let mut file = File::open(file)?;
        let id = self.begin_upload(name.to_string())?;
        let mut hasher = Sha256::new();
        let mut size = 0_i64;
        for piece in 0_i32.. {
            let mut bytes = Vec::with_capacity(PIECE_BYTES);
            let length = Read::by_ref(&mut file).take(PIECE_BYTES as u64).read_to_end(&mut bytes)?;
            if length == 0 {
                break;
            }
            hasher.update(&bytes);
            size = size.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
            self.upload_piece(id, piece, bytes)?;
        }
        self.end_upload(id, size, hasher.finalize().to_vec())
    }

    fn begin_upload(&self, name: String) -> Result<i64, Fault> {
        let line = Arc::clone(&self.transfers);
        self.runtime.wait(PATIENCE, async move {
            let mut session = line.session().await?;
            session.rows(FORGET, &[]).await?;
            let rows = session.rows(BEGIN, &[&name]).await?;
            let row = rows.first().ok_or_else(|| Fault::Damaged("a snapshot got no number".to_owned()))?;
            Ok(row.try_get(0)?)
        })?
    }

    fn upload_piece(&self, id: i64, piece: i32, bytes: Vec<u8>) -> Result<(), Fault> {
        let line = Arc::clone(&self.transfers);
        self.runtime.wait(PATIENCE, async move {
            line.session().await?.rows(PUT, &[&id, &piece, &bytes]).await?;
            Ok(())
        })?
    }

    fn end_upload(&self, id: i64, size: i64, digest: Vec<u8>) -> Result<(), Fault> {
        let line = Arc::clone(&self.transfers);
        self.runtime.wait(PATIENCE, async move { end_upload(&line, id, size, &digest).await })?
    }

    pub(super) fn download(&self, name: &SnapshotName, path: &Path) -> Result<(), Fault> {
        let mut file = File::options().write(true).create_new(true).open(path)?;
        let written = self.download_to(name.to_string(), &mut file).and_then(|()| Ok(file.sync_all()?));
        if written.is_err() {
            let _ = fs::remove_file(path);
        }
        written
    }

    fn download_to(&self, name: String, file: &mut File) -> Result<(), Fault> {
        let line = Arc::clone(&self.transfers);
        let (id, size, digest): (i64, i64, Vec<u8>) = self.runtime.wait(PATIENCE, async move {
            let rows = line.session().await?.rows(FIND, &[&name]).await?;
            let row = rows.first().ok_or(Fault::NoSnapshot)?;
            Ok::<_, Fault>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        })??;
        let mut hasher = Sha256::new();
        let mut left = u64::try_from(size).unwrap_or(0);
        for piece in 0_i32.. {
            if left == 0 {
                break;
            }
            let bytes = self.download_piece(id, piece)?;
            left = left.checked_sub(bytes.len() as u64).ok_or_else(|| damaged("is longer than it was"))?;
            hasher.update(&bytes);
            file.write_all(&bytes)?;
        }
        if hasher.finalize().as_slice() != digest.as_slice() {
            return Err(damaged("has another content than it had"));
        }
        Ok(())
    }

    fn download_piece(&self, id: i64, piece: i32) -> Result<Vec<u8>, Fault> {
        let line = Arc::clone(&self.transfers);
        self.runtime.wait(PATIENCE, async move {
            let rows = line.session().await?.rows(GET, &[&id, &piece]).await?;
            Ok(rows.first().ok_or_else(|| damaged("lacks a piece, or has just been removed"))?.try_get(0)?)
        })?
    }

    pub(super) fn drop_snapshot(&self, name: &SnapshotName) -> Result<(), Fault> {
        let (line, name) = (Arc::clone(&self.transfers), name.to_string());
        self.runtime.wait(PATIENCE, async move {
            line.session().await?.rows("DELETE FROM snapshot WHERE name = $1 AND digest IS NOT NULL", &[&name]).await?;
            Ok(())
        })?
    }
}

async fn end_upload(line: &Line, id: i64, size: i64, digest: &[u8]) -> Result<(), Fault> {
    let mut session = line.session().await?;
    match session.rows(END, &[&id, &size, &digest]).await {
        Ok(rows) if rows.is_empty() => Err(damaged("was dropped while it was written")),
        Ok(_) => Ok(()),
        // Somebody else was faster.
        Err(Fault::Statement(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            session.rows("DELETE FROM snapshot WHERE id = $1", &[&id]).await?;
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

fn damaged(what: &str) -> Fault {
    Fault::Damaged(format!("a snapshot {what}"))
}

/// What is sent in one statement: small enough not to delay appends on the same network for long.
const PIECE_BYTES: usize = 1024 * 1024;

const LIST: &str = "SELECT name FROM snapshot WHERE digest IS NOT NULL";

/// Whoever wrote it has gone.
const FORGET: &str =
    "DELETE FROM snapshot WHERE digest IS NULL AND touched < clock_timestamp() - interval '10 minutes'";

const BEGIN: &str = "INSERT INTO snapshot (name, touched) VALUES ($1, clock_timestamp()) RETURNING id";

const PUT: &str = "WITH touched AS (\
                       UPDATE snapshot SET touched = clock_timestamp() WHERE id = $1 RETURNING id\
                   ) INSERT INTO snapshot_piece (snapshot, piece, bytes) VALUES ($1, $2, $3)";

const END: &str = "UPDATE snapshot SET size = $2, digest = $3 WHERE id = $1 RETURNING id";

const FIND: &str = "SELECT id, size, digest FROM snapshot WHERE name = $1 AND digest IS NOT NULL";

const GET: &str = "SELECT bytes FROM snapshot_piece WHERE snapshot = $1 AND piece = $2";
