//! The policy file that the environment names.

use std::{fs::File, io::Read as _};

use crate::{Policies, PolicyError, PolicyFile, PolicyLayer};

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
