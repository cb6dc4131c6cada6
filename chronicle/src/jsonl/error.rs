use std::{
    io,
    path::{Path, PathBuf},
};

use crate::VerifyErrorKind;

/// A file that can't be opened as a [`JsonlSink`](crate::JsonlSink).
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {}", path.display(), kind)]
pub struct OpenError {
    path: PathBuf,
    kind: OpenErrorKind,
    source: Option<io::Error>,
}

/// Why a file can't be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// It can't be opened, locked, read or cut.
    #[error("can't be opened, read and appended to")]
    Io,
    /// Another sink, in this process or another one, has it open.
    #[error("another sink has it open, give each its own file")]
    Locked,
    /// Its last whole line, or all of it if it has none, is not what a sink wrote.
    #[error("can't be continued, verify it and move it aside; the line at byte {offset} is {flaw}")]
    Damaged {
        /// Where that line begins, in bytes from the file's start; if it is too long, how far back
        /// it was followed.
        offset: u64,
        /// What is wrong with it.
        flaw: VerifyErrorKind,
    },
}

impl OpenError {
    /// Why the file can't be opened.
    #[must_use]
    pub const fn kind(&self) -> OpenErrorKind {
        self.kind
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self {
            source: Some(error),
            ..Self::new(path, OpenErrorKind::Io)
        }
    }

    pub(super) fn locked(path: &Path) -> Self {
        Self::new(path, OpenErrorKind::Locked)
    }

    pub(super) fn damaged(path: &Path, offset: u64, flaw: VerifyErrorKind) -> Self {
        Self::new(path, OpenErrorKind::Damaged { offset, flaw })
    }

    fn new(path: &Path, kind: OpenErrorKind) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            source: None,
        }
    }
}
