use std::{
    error::Error,
    fmt,
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use crate::{
    Hash, MAX_LINE_BYTES, Receipt, Sequence,
    line::{self, Cause},
};

/// What a store that passed verification holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// The last record's sequence and hash: compare them with a receipt kept elsewhere.
    pub head: Option<(Sequence, Hash)>,
}

/// Checks that `reader` holds a whole chain of records, from the first on.
///
/// Any edit of a line, and any line removed, inserted, doubled or moved within the store, is found. Two
/// things leave nothing to find, because the result is a whole chain too: whole lines cut off the end,
/// and a store written anew from some line on. Against these, compare [`Verified::head`] with a receipt
/// kept where the store's owner can't write.
///
/// One line at a time is held in memory, at most [`MAX_LINE_BYTES`].
///
/// # Errors
///
/// [`VerifyError`] names the first line that is wrong, and what is wrong with it.
pub fn verify(mut reader: impl BufRead) -> Result<Verified, VerifyError> {
    let mut head: Option<Receipt> = None;
    let mut line = Vec::new();
    let mut records = 0;
    loop {
        let fail = |kind, source| VerifyError {
            line: records + 1,
            kind,
            source,
        };
        line.clear();
        let length = (&mut reader)
            .take(MAX_LINE_BYTES as u64 + 1)
            .read_until(b'\n', &mut line)
            .map_err(|error| fail(VerifyErrorKind::Io, Some(error.into())))?;
        if length == 0 {
            let head = head.map(|head| (head.sequence, head.hash));
            return Ok(Verified { records, head });
        }
        if length > MAX_LINE_BYTES {
            return Err(fail(VerifyErrorKind::TooLong, None));
        }
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(fail(VerifyErrorKind::TornLine, None));
        };
        let link = line::read(line).map_err(|(kind, source)| fail(kind, source))?;
        head = Some(link.follow(head).map_err(|kind| fail(kind, None))?);
        records += 1;
    }
}

/// Checks the file at `path` as [`verify`] does.
///
/// While a sink writes to the file, the last line may look torn.
///
/// # Errors
///
/// As for [`verify`]; a file that can't be opened is an error of kind [`VerifyErrorKind::Io`] at line 1.
pub fn verify_file(path: impl AsRef<Path>) -> Result<Verified, VerifyError> {
    let file = File::open(path).map_err(|error| VerifyError {
        line: 1,
        kind: VerifyErrorKind::Io,
        source: Some(error.into()),
    })?;
    verify(BufReader::new(file))
}

/// A line that is not what was appended there.
#[derive(Debug)]
pub struct VerifyError {
    line: u64,
    kind: VerifyErrorKind,
    source: Option<Cause>,
}

impl VerifyError {
    /// The line's number, counted from 1.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn kind(&self) -> VerifyErrorKind {
        self.kind
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// Its `hash` is not that of its bytes.
    Edited,
    /// Its `prevhash` is not the hash of the line before: a line was removed, inserted or moved here.
    BrokenChain,
    /// It is chained to the line before, but its `sequence` isn't the next one.
    Gap {
        /// The sequence that belongs here.
        expected: Sequence,
        /// The sequence that the line has.
        found: Sequence,
    },
    /// It is the last, and its end is missing.
    TornLine,
    /// It is not a record in the form in which this crate writes one.
    NotARecord,
    /// It exceeds [`MAX_LINE_BYTES`].
    TooLong,
    /// It can't be read.
    Io,
}

impl fmt::Display for VerifyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("edited, its hash is not that of its bytes"),
            Self::BrokenChain => {
                f.write_str("not chained to the line before, a line was removed, inserted or moved")
            }
            Self::Gap { expected, found } => {
                write!(f, "the sequence is {found} where {expected} belongs")
            }
            Self::TornLine => f.write_str("torn, its end is missing"),
            Self::NotARecord => f.write_str("not a record"),
            Self::TooLong => f.write_str("longer than 1 MiB"),
            Self::Io => f.write_str("can't be read"),
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

impl Error for VerifyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
