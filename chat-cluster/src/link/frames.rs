//! Packets as bytes: a length of four bytes, big-endian, and the packet.

use std::io;
use std::time::Duration;

use chat_lib::server::PACKET_BYTES;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Writes a packet, without flushing.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), packet: &[u8]) -> io::Result<()> {
    stream.write_u32(u32::try_from(packet.len()).map_err(io::Error::other)?).await?;
    stream.write_all(packet).await
}

/// Shows that this side is alive.
pub(super) async fn write_alive(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    stream.write_u32(ALIVE).await?;
    stream.flush().await
}

/// Reads a packet into `packet`; `false` if it was a sign of life.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), packet: &mut Vec<u8>) -> io::Result<bool> {
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "the other server says nothing anymore");
    let length = timeout(SILENCE, stream.read_u32()).await.map_err(silent)??;
    if length == ALIVE {
        return Ok(false);
    }
    let length = usize::try_from(length).map_err(io::Error::other)?;
    if length > PACKET_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the other server has sent a packet that is too long"));
    }
    packet.clear();
    let mut rest = stream.take(length as u64);
    while packet.len() < length {
        if timeout(SILENCE, rest.read_buf(packet)).await.map_err(silent)?? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(true)
}

/// Instead of a length.
const ALIVE: u32 = u32::MAX;

/// How often each side shows that it is alive.
pub(super) const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// How long nothing may come from a side: two signs of life may be late.
const SILENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn packets_come_back() {
        block_on(async {
            let mut bytes = Vec::new();
            for packet in [&b"one"[..], b"", &vec![7; PACKET_BYTES]] {
                write(&mut bytes, packet).await.unwrap();
                write_alive(&mut bytes).await.unwrap();
            }
            let (mut stream, mut packet) = (bytes.as_slice(), Vec::new());
            for length in [3, 0, PACKET_BYTES] {
                assert!(read(&mut stream, &mut packet).await.unwrap());
                assert_eq!(packet.len(), length);
                assert!(!read(&mut stream, &mut packet).await.unwrap());
            }
            assert_eq!(read(&mut stream, &mut packet).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        });
    }

    #[test]
    fn long_and_short_ones_are_refused() {
        block_on(async {
            let mut packet = Vec::new();
            let long = u32::try_from(PACKET_BYTES + 1).unwrap().to_be_bytes();
            assert_eq!(read(&mut &long[..], &mut packet).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(packet.capacity(), 0, "nothing is kept for it");
            let short = [0, 0, 0, 9, 1];
            assert_eq!(read(&mut &short[..], &mut packet).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        });
    }
}
