use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::OpenError;
use crate::{MAX_LINE_BYTES, Receipt, Sequence, VerifyErrorKind, line};

/// How every line begins, which tells a torn first line from a file that is something else.
const LINE_START: &[u8] = b"{\"specversion\":\"1.0\",\"id\":\"";

/// A torn line that was cut off the end of a file and set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Where its bytes are now: the file's path with `.torn-<sequence>` added.
    pub path: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// The sequence that it did not get, and that the next record will.
    pub sequence: Sequence,
}

/// Where a file ends: after its last whole line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) head: Option<Receipt>,
    pub(super) length: u64,
}

/// Finds the last whole line, checks it, and sets aside what comes after it.
pub(super) fn recover(
    file: &mut File,
    path: &Path,
) -> Result<(Tail, Option<Recovered>), OpenError> {
    let io = |error| OpenError::io(path, error);
    let size = file.metadata().map_err(io)?.len();
    // A whole line and a torn one, and the newline before them.
    let window = size.min(2 * MAX_LINE_BYTES as u64 + 1);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(size - window)).map_err(io)?;
    file.take(window).read_to_end(&mut bytes).map_err(io)?;

    let mut lines = bytes.rsplit(|byte| *byte == b'\n');
    let torn = lines.next().unwrap_or_default();
    let last = lines.next();
    let length = size - torn.len() as u64;
    let offset = length - last.map_or(0, |last| last.len() as u64 + 1);
    let damaged = |flaw| OpenError::damaged(path, offset, flaw);
    let begins_in_window = offset == 0 || lines.next().is_some();
    let head = match last {
        Some(last) if begins_in_window && last.len() < MAX_LINE_BYTES => {
            let link = line::read(last).map_err(|(flaw, _)| damaged(flaw))?;
            Some(link.receipt)
        }
        None if window == size && could_begin_a_line(torn) => None,
        None if window == size => return Err(damaged(VerifyErrorKind::NotARecord)),
        _ => return Err(damaged(VerifyErrorKind::TooLong)),
    };
    if torn.is_empty() {
        return Ok((Tail { head, length }, None));
    }
    let torn_at = |flaw| OpenError::damaged(path, length, flaw);
    if torn.len() >= MAX_LINE_BYTES {
        return Err(torn_at(VerifyErrorKind::TooLong));
    }
    match line::read(torn) {
        // All but its newline is there, so it may have been acknowledged.
        Ok(link) => {
            let receipt = link.follow(head).map_err(torn_at)?;
            file.write_all(b"\n")
                .and_then(|()| file.sync_all())
                .map_err(io)?;
            let tail = Tail {
                head: Some(receipt),
                length: size + 1,
            };
            return Ok((tail, None));
        }
        Err((VerifyErrorKind::Edited, _)) => return Err(torn_at(VerifyErrorKind::Edited)),
        Err(_) => {}
    }
    let sequence = match head {
        Some(head) => head.sequence.next(),
        None => Some(Sequence::FIRST),
    };
    let sequence = sequence.ok_or_else(|| damaged(VerifyErrorKind::NotARecord))?;
    let aside = set_aside(torn, path, sequence).map_err(io)?;
    file.set_len(length).map_err(io)?;
    file.sync_all().map_err(io)?;
    tracing::warn!(
        path = %path.display(),
        aside = %aside.display(),
        bytes = torn.len(),
        "a torn last line was never acknowledged and is set aside"
    );
    let recovered = Recovered {
        path: aside,
        bytes: torn.len() as u64,
        sequence,
    };
    Ok((Tail { head, length }, Some(recovered)))
}

fn could_begin_a_line(torn: &[u8]) -> bool {
    torn.starts_with(LINE_START) || LINE_START.starts_with(torn)
}

/// Copies the torn bytes out before they are cut off. A file already there is added to, a line each.
fn set_aside(torn: &[u8], path: &Path, sequence: Sequence) -> io::Result<PathBuf> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".torn-{sequence}"));
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&aside)?;
    file.write_all(torn)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(aside.into())
}
