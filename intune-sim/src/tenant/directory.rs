//! The devices, in the order that Intune lists them.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use super::device::Device;

/// A place in the list: device name, then lower-case id.
pub(crate) type Position = (String, String);

/// All devices, by name and by id.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    names: HashMap<String, String>,
    rows: BTreeMap<Position, Arc<Device>>,
}

impl Directory {
    /// Adds a device, or replaces the one with its id.
    pub(crate) fn put(&mut self, device: Device) {
        self.remove(device.id());
        let (name, id) = position(&device);
        self.names.insert(id.clone(), name.clone());
        self.rows.insert((name, id), Arc::new(device));
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Arc<Device>> {
        let id = id.to_ascii_lowercase();
        let name = self.names.remove(&id)?;
        self.rows.remove(&(name, id))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Device>> {
        let id = id.to_ascii_lowercase();
        let name = self.names.get(&id)?.clone();
        self.rows.get(&(name, id))
    }

    /// The devices beyond a place, in order; all of them without one.
    pub(crate) fn beyond(&self, place: Option<Position>) -> impl Iterator<Item = &Arc<Device>> {
        let start = place.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows
            .range((start, Bound::Unbounded))
            .map(|(_, device)| device)
    }
}

/// Where a device stands in the list.
pub(crate) fn position(device: &Device) -> Position {
    (device.name().to_owned(), device.id().to_ascii_lowercase())
}
