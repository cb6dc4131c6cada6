use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{CertificateError, ClientCertificate, CredentialSource, file};
use crate::{Credential, TokenError};

/// A certificate in a PEM file that something else renews, such as a mounted Kubernetes secret.
///
/// The file is read anew for each token request. While it is gone or damaged, as it is between two halves of
/// a renewal, the certificate read last serves on, and the log has a warning.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use entra_auth::{CertificateFile, Credential};
///
/// let file = CertificateFile::open("/run/secrets/client.pem")?;
/// let credential = Credential::from_source(Arc::new(file));
/// # Ok::<(), entra_auth::CertificateError>(())
/// ```
pub struct CertificateFile {
    path: Arc<Path>,
    sends_chain: bool,
    last: Mutex<ClientCertificate>,
}

impl CertificateFile {
    /// Reads the file for the first time, as [`ClientCertificate::from_pem`] reads it.
    ///
    /// # Errors
    ///
    /// If it can't be read, or has no usable pair of certificate and key.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CertificateError> {
        let path: Arc<Path> = path.into().into();
        let last = Mutex::new(load(&path)?);
        Ok(Self {
            path,
            sends_chain: false,
            last,
        })
    }

    /// The same file, each certificate of which is
    /// [sent with its chain](ClientCertificate::with_subject_name_issuer).
    #[must_use]
    pub const fn with_subject_name_issuer(mut self) -> Self {
        self.sends_chain = true;
        self
    }

    /// The certificate read last.
    #[must_use]
    pub fn certificate(&self) -> ClientCertificate {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.sends_chain {
            true => last.clone().with_subject_name_issuer(),
            false => last.clone(),
        }
    }
}

fn load(path: &Path) -> Result<ClientCertificate, CertificateError> {
    let pem = file::read(path).map_err(|error| CertificateError::Unreadable(error.kind()))?;
    ClientCertificate::from_pem(&*pem)
}

#[async_trait]
impl CredentialSource for CertificateFile {
    async fn credential(
        &self,
        _rejected: Option<&TokenError>,
    ) -> Result<Credential, Box<dyn Error + Send + Sync>> {
        match file::apart(&self.path, load).await? {
            Ok(read) => *self.last.lock().unwrap_or_else(PoisonError::into_inner) = read,
            Err(error) => tracing::warn!(%error, "the client certificate read before serves on"),
        }
        Ok(Credential::certificate(self.certificate()))
    }
}

/// Shows what is public of the certificate, and not the path, into which a secret may have been pasted.
impl fmt::Debug for CertificateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateFile")
            .field("certificate", &self.certificate())
            .finish_non_exhaustive()
    }
}
