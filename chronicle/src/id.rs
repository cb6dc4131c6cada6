use std::fmt;

use clock::Timestamp;
use serde::{Serialize, Serializer};
use uuid::{NoContext, Uuid};

/// A record's id: a UUID of version 7 ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562)).
///
/// It begins with the time, so that ids sort roughly by age; 74 random bits make it unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Uuid);

impl RecordId {
    /// Makes a new id that carries the time `now`. Times before 1970 count as 1970.
    #[must_use]
    pub fn generate(now: Timestamp) -> Self {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
        let time = uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos);
        Self(Uuid::new_v7(time))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
