//! Intune's place in a list: the name and id of the last row.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::errors::GraphError;
use crate::tenant::directory::Position;

/// `LastDeviceName='…',LastDeviceId='…'`, with quotes doubled.
#[derive(Debug)]
pub(crate) struct SkipToken(pub(crate) Position);

const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl SkipToken {
    pub(crate) fn parse(text: &str) -> Result<Self, GraphError> {
        let invalid = || GraphError::bad_request("Skip token is invalid.");
        let rest = text.strip_prefix("LastDeviceName='").ok_or_else(invalid)?;
        let (name, id) = rest.rsplit_once("',LastDeviceId='").ok_or_else(invalid)?;
        let id = id.strip_suffix('\'').ok_or_else(invalid)?;
        Ok(Self((
            name.replace("''", "'"),
            id.replace("''", "'").to_ascii_lowercase(),
        )))
    }

    /// The token in a query string; its escapes are in lower case, as Intune's are.
    pub(crate) fn encoded(&self) -> String {
        let (name, id) = &self.0;
        let token = format!(
            "LastDeviceName='{}',LastDeviceId='{}'",
            name.replace('\'', "''"),
            id.replace('\'', "''"),
        );
        utf8_percent_encode(&token, KEPT)
            .map(|piece| {
                if piece.starts_with('%') {
                    piece.to_lowercase()
                } else {
                    piece.to_owned()
                }
            })
            .collect()
    }
}
