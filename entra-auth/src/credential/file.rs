//! Small files with a secret in them, on whatever a container mounts.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use secrecy::{SecretString, zeroize::Zeroizing};

/// Far above any token or chain of certificates, far below what hurts.
const MAX_SIZE: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum TokenFileError {
    #[error("the token file can't be read")]
    Unreadable(#[source] io::Error),
    #[error(transparent)]
    NotAToken(#[from] NotAToken),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum NotAToken {
    #[error("the assertion is empty: is its issuer still to write it?")]
    Empty,
    #[error("the assertion is not one word of printable ASCII, as every JWT is")]
    NotAWord,
}

/// Reads a file of one token, away from the threads that drive the runtime.
pub(super) async fn token(path: &Arc<Path>) -> Result<SecretString, TokenFileError> {
    let bytes = apart(path, read).await;
    let bytes = bytes.flatten().map_err(TokenFileError::Unreadable)?;
    Ok(one_word(&bytes)?)
}

/// Runs `task` where it may block: the file may be on a network.
pub(super) async fn apart<T: Send + 'static>(
    path: &Arc<Path>,
    task: impl FnOnce(&Path) -> T + Send + 'static,
) -> io::Result<T> {
    let path = Arc::clone(path);
    let task = tokio::task::spawn_blocking(move || task(&path));
    task.await.map_err(io::Error::other)
}

/// Reads a file that is not too large.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for one byte too many, and for all at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SIZE + 1));
    let limit = bytes.capacity().try_into().unwrap_or(u64::MAX);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The one word in `text`: editors and shells end a file with a newline, which is no part of a token.
pub(super) fn one_word(text: &[u8]) -> Result<SecretString, NotAToken> {
    let word = text.trim_ascii();
    if word.is_empty() {
        return Err(NotAToken::Empty);
    }
    match str::from_utf8(word) {
        Ok(word) if word.bytes().all(|b| b.is_ascii_graphic()) => Ok(word.into()),
        _ => Err(NotAToken::NotAWord),
    }
}
