//! The policy file that the environment names.

use std::{fs::File, io::Read as _};

use super::GateConfig;
use crate::{
    Gate, Policies, PolicyError, PolicyFile, PolicyLayer, ReloadError, ReloadOrigin, Reloaded,
};

const MAX_BYTES: u64 = 1 << 20;

/// A policy file, its text, and where it is.
#[derive(Debug)]
pub(super) struct NamedFile {
    path: String,
    text: String,
    file: PolicyFile,
}

impl NamedFile {
    pub(super) fn read(path: &str) -> Result<Self, String> {
        let mut text = String::new();
        let file = File::open(path)
            .map_err(|error| format!("the file can't be opened: {}", error.kind()))?;
        file.take(MAX_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(|error| format!("the file can't be read: {}", error.kind()))?;
        if text.len() as u64 > MAX_BYTES {
            return Err("the file is larger than 1 MiB".to_owned());
        }
        let file = PolicyFile::parse(&text);
        Ok(Self {
            file: file.map_err(|error| format!("the file is no policy: {error}"))?,
            path: path.to_owned(),
            text,
        })
    }

    pub(super) fn into_path(self) -> String {
        self.path
    }
}

/// Puts the environment's layer and the file together. An error also says where in the file it is to be mended.
pub(super) fn build(
    layer: PolicyLayer,
    file: Option<&NamedFile>,
) -> Result<Policies, (PolicyError, String)> {
    let content = file.map(|named| named.file.clone()).unwrap_or_default();
    let policies = Policies::builder().global(layer).file(content).build();
    policies.map_err(|error| {
        let place = file.and_then(|named| PolicyFile::place_of(&named.text, &error));
        let told = match place {
            Some(place) => format!("{error}, at {place}"),
            None => error.to_string(),
        };
        (error, told)
    })
}

impl GateConfig {
    /// Reads the policy file again, and puts what it says in force at `gate`, as by [`Gate::reload`].
    ///
    /// For a host to call when it is told to, by a signal or by whoever watches the file: nothing watches it here. The
    /// file is read on the caller's thread. What the environment says stays as it was at the start.
    ///
    /// # Errors
    ///
    /// The file is wrong: what, and in which line and column; the gate is off, or never had a file; the change can't be
    /// recorded. The policy in force stays.
    ///
    /// # Cancel safety
    ///
    /// As of [`Gate::reload`].
    pub async fn reload_file(
        &self,
        gate: &Gate,
        requested_by: &str,
    ) -> Result<Reloaded, ReloadError> {
        if !self.enabled {
            return Err(ReloadError::Off);
        }
        let path = self.path.as_deref().ok_or(ReloadError::NoFile)?;
        let file = NamedFile::read(path).map_err(ReloadError::Wrong)?;
        let policies = build(self.layer, Some(&file));
        let policies = policies.map_err(|(_, told)| ReloadError::Wrong(told))?;
        let origin = ReloadOrigin {
            source: path,
            requested_by,
        };
        gate.reload(policies, origin).await
    }
}
