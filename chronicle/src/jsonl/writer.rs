use std::{fmt::Debug, fs::File, io, io::Write as _};

use super::{Durability, tail::Tail};
use crate::{AppendError, AppendErrorKind, Receipt, Record, line};

/// What the writer needs of a file, so that tests can make each step fail.
pub(super) trait Store: Debug {
    /// Writes at the end.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn set_len(&mut self, length: u64) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
}

impl Store for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self).write_all(bytes)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The one writer of a file. It knows how long the file is up to the last acknowledged line.
#[derive(Debug)]
pub(super) struct Writer<S> {
    store: S,
    tail: Tail,
    durability: Durability,
    closed: bool,
}

impl<S: Store> Writer<S> {
    pub(super) const fn new(store: S, tail: Tail, durability: Durability) -> Self {
        Self {
            store,
            tail,
            durability,
            closed: false,
        }
    }

    pub(super) const fn head(&self) -> Option<Receipt> {
        self.tail.head
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<Receipt, AppendError> {
        if self.closed {
            return Err(AppendError::new(AppendErrorKind::Closed));
        }
        let (receipt, line) = line::write(record, self.tail.head)?;
        if let Err(error) = self.store.write_all(&line).and_then(|()| self.settle()) {
            return Err(self.take_back(error));
        }
        self.tail.head = Some(receipt);
        self.tail.length += line.len() as u64;
        Ok(receipt)
    }

    fn settle(&mut self) -> io::Result<()> {
        match self.durability {
            Durability::PageCache => Ok(()),
            Durability::Disk => self.store.sync(),
        }
    }

    /// Cuts off what a failed append has written. If that fails as well, the file's end is unknown.
    fn take_back(&mut self, error: io::Error) -> AppendError {
        let cut = self.store.set_len(self.tail.length);
        self.closed = cut.and_then(|()| self.settle()).is_err();
        let kind = if self.closed {
            AppendErrorKind::Closed
        } else {
            AppendErrorKind::Unavailable
        };
        AppendError::with_source(kind, error)
    }
}

#[cfg(test)]
mod tests;
