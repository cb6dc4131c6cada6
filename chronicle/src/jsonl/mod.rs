mod error;
mod tail;
mod writer;

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

pub use error::{OpenError, OpenErrorKind};
pub use tail::Recovered;
use writer::Writer;

use crate::{AppendError, Receipt, Record, Sink};

/// When an append counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// The operating system has the line: it survives a crash of the process, not of the machine.
    #[default]
    PageCache,
    /// The disk has the line: it survives a crash of the machine too. An append takes milliseconds.
    Disk,
}

/// A sink that writes a file, one record a line.
///
/// The file has one writer at a time, held off by an advisory lock, and is readable by its owner only
/// when this creates it. Don't rename, rotate or edit it under a running sink.
///
/// An append writes the whole line at once. If that fails, the line is cut off again, so that a refused
/// record leaves neither a gap nor half a line; if it can't be cut off, the sink closes and takes no
/// more records until it is opened anew. Only a record refused as
/// [`Closed`](crate::AppendErrorKind::Closed) may be in the file all the same when it is.
///
/// Appending does blocking file I/O under a short-held mutex. With [`Durability::PageCache`] that takes
/// microseconds; with [`Durability::Disk`] it holds up a thread of the async runtime for as long as the
/// disk takes.
///
/// ```no_run
/// use chronicle::{Durability, JsonlSink};
///
/// let sink = JsonlSink::builder("/var/lib/broker/audit.jsonl")
///     .durability(Durability::Disk)
///     .open()?;
/// if let Some(torn) = sink.recovered() {
///     eprintln!("{} bytes of a torn line are kept in {}", torn.bytes, torn.path.display());
/// }
/// # Ok::<(), chronicle::OpenError>(())
/// ```
#[derive(Debug)]
pub struct JsonlSink {
    path: PathBuf,
    recovered: Option<Recovered>,
    writer: Mutex<Writer<File>>,
}

impl JsonlSink {
    /// Opens the file at `path`, or creates it, with [`Durability::PageCache`].
    ///
    /// # Errors
    ///
    /// As for [`JsonlBuilder::open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        Self::builder(path).open()
    }

    /// Starts to set up a sink that writes to `path`.
    pub fn builder(path: impl Into<PathBuf>) -> JsonlBuilder {
        JsonlBuilder {
            path: path.into(),
            durability: Durability::default(),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The torn line that opening found and set aside.
    #[must_use]
    pub const fn recovered(&self) -> Option<&Recovered> {
        self.recovered.as_ref()
    }

    /// The receipt of the last record in the file.
    #[must_use]
    pub fn head(&self) -> Option<Receipt> {
        self.lock().head()
    }

    fn lock(&self) -> MutexGuard<'_, Writer<File>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for JsonlSink {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        self.lock().append(&record)
    }
}

/// Sets up a [`JsonlSink`].
#[derive(Clone, Debug)]
#[must_use]
pub struct JsonlBuilder {
    path: PathBuf,
    durability: Durability,
}

impl JsonlBuilder {
    /// Chooses when an append counts as done.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Opens the file, or creates it, and continues its sequence and chain.
    ///
    /// Only the last whole line is checked; [`verify_file`](crate::verify_file) checks them all. A torn
    /// line after it, left by a crash, was never acknowledged: its bytes are moved to a file beside
    /// this one, named by the sequence that they did not get (see [`JsonlSink::recovered`]). A line that lacks
    /// nothing but its newline may have been acknowledged: it stays, and gets its newline.
    ///
    /// # Errors
    ///
    /// [`OpenError`], if the file can't be opened or read, is not a regular file, another sink holds it, or
    /// its end is not what a sink wrote.
    pub fn open(self) -> Result<JsonlSink, OpenError> {
        let Self { path, durability } = self;
        let io = |error| OpenError::io(&path, error);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(io(std::io::Error::other("not a regular file")));
        }
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::locked(&path),
            TryLockError::Error(error) => io(error),
        })?;
        let (tail, recovered) = tail::recover(&mut file, &path)?;
        if durability == Durability::Disk {
            file.sync_all().map_err(io)?;
            sync_directory(&path).map_err(io)?;
        }
        let writer = Mutex::new(Writer::new(file, tail, durability));
        Ok(JsonlSink {
            path,
            recovered,
            writer,
        })
    }
}

/// A new file is on disk only once the directory that names it is.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
