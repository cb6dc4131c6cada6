use serde::Serialize;

/// Something that happened and that a record can hold as its `data`.
///
/// A host defines its own events without touching this crate:
///
/// ```
/// use chronicle::{Event, EventType};
///
/// #[derive(serde::Serialize)]
/// struct DoorOpened {
///     door: String,
/// }
///
/// impl Event for DoorOpened {
///     const TYPE: EventType = EventType::new("DOOR_OPENED").with_code(0x3001);
/// }
/// ```
///
/// What serialises here is kept for years and read by many: put no secret, token, PIN, e-mail address,
/// phone number or IMEI into it.
pub trait Event: Serialize {
    /// The event's name and code, the same for every value of the type.
    const TYPE: EventType;
}

/// An event's name, and its code if it has one.
///
/// The name's form is `[A-Z][A-Z0-9_]*`. [`Record::new`](crate::Record::new) does not compile for an
/// event whose name has another form:
///
/// ```compile_fail
/// # use chronicle::{Event, EventType, Record, RecordId, Source};
/// #[derive(serde::Serialize)]
/// struct DoorOpened;
///
/// impl Event for DoorOpened {
///     const TYPE: EventType = EventType::new("door opened");
/// }
/// # let source: Source = "urn:house".parse().unwrap();
/// # let now = clock::Timestamp::MIN;
/// let record = Record::new(&DoorOpened, &source, RecordId::generate(now), now);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventType {
    name: &'static str,
    code: Option<u16>,
}

impl EventType {
    /// Names an event type, such as `DOOR_OPENED`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, code: None }
    }

    /// Gives the type a code, which a record shows as `0x2801`.
    #[must_use]
    pub const fn with_code(self, code: u16) -> Self {
        Self {
            name: self.name,
            code: Some(code),
        }
    }

    /// The name, which a record shows as `eventname` and, in lower case, in `type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The code, which a record shows as `eventcode`.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        self.code
    }

    pub(crate) const fn is_well_formed(&self) -> bool {
        let [b'A'..=b'Z', rest @ ..] = self.name.as_bytes() else {
            return false;
        };
        let mut rest = rest;
        while let [first, others @ ..] = rest {
            if !matches!(first, b'A'..=b'Z' | b'0'..=b'9' | b'_') {
                return false;
            }
            rest = others;
        }
        true
    }
}
