//! The streams that are in memory, by number. They may be many, so the table that finds them has only places.

use hashbrown::HashTable;
use slab::Slab;

use super::Stream;
use crate::store::hash::spread;
use crate::store::log::StreamId;

/// Streams by number.
#[derive(Default)]
pub(super) struct Streams {
    streams: Slab<Stream>,
    by_id: HashTable<u32>,
}

impl Streams {
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn get(&self, id: &StreamId) -> Option<&Stream> {
        self.streams.get(self.place(*id)?)
    }

    pub(super) fn get_mut(&mut self, id: &StreamId) -> Option<&mut Stream> {
        self.streams.get_mut(self.place(*id)?)
    }

    pub(super) fn contains_key(&self, id: &StreamId) -> bool {
        self.place(*id).is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&StreamId, &Stream)> {
        self.streams.iter().map(|(_, stream)| (&stream.id, stream))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &StreamId> {
        self.iter().map(|(id, _)| id)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().map(|(_, stream)| stream)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.streams.iter_mut().map(|(_, stream)| stream)
    }

    /// Puts a stream in, of which there must not be one.
    pub(super) fn insert(&mut self, stream: Stream) {
        let entry = self.streams.vacant_entry();
        // Numbers of streams are as short.
        let place = entry.key() as u32;
        let hash = spread(stream.id.0.into());
        entry.insert(stream);
        let streams = &self.streams;
        let rehash = |place: &u32| streams.get(*place as usize).map_or(0, |stream| spread(stream.id.0.into()));
        self.by_id.insert_unique(hash, place, rehash);
    }

    pub(super) fn remove(&mut self, id: &StreamId) -> Option<Stream> {
        let place = self.place(*id)?;
        if let Ok(entry) = self.by_id.find_entry(spread(id.0.into()), |other| *other as usize == place) {
            entry.remove();
        }
        self.streams.try_remove(place)
    }

    fn place(&self, id: StreamId) -> Option<usize> {
        let is = |place: &u32| self.streams.get(*place as usize).is_some_and(|stream| stream.id == id);
        self.by_id.find(spread(id.0.into()), is).map(|place| *place as usize)
    }
}
