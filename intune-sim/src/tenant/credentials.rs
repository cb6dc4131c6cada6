//! What an application proves its identity with. Several secrets and certificates at once let a client rotate.

use super::{
    Tenant,
    apps::{App, RegistrationError, Secret, SubjectNameIssuer},
};
use crate::entra::{certificate::Certificate, federated::Federated};

impl Tenant {
    /// Adds a secret to an application; those it has stay.
    ///
    /// # Errors
    ///
    /// A client id that no application has.
    pub fn add_secret(
        &self,
        client_id: &str,
        secret: impl Into<String>,
    ) -> Result<(), RegistrationError> {
        self.change(client_id, |app| {
            app.secrets.push(Secret::new(secret));
            Ok(())
        })
    }

    /// Removes a secret of an application: `AADSTS7000215` from now on.
    ///
    /// # Errors
    ///
    /// A client id that no application has, or a secret that the application doesn't have.
    pub fn remove_secret(&self, client_id: &str, secret: &str) -> Result<(), RegistrationError> {
        self.change(client_id, |app| {
            remove(&mut app.secrets, "secret", |known| known.value == secret)
        })
    }

    /// Lets a secret of an application expire: `AADSTS7000222` from now on.
    ///
    /// # Errors
    ///
    /// A client id that no application has, or a secret that the application doesn't have.
    pub fn expire_secret(&self, client_id: &str, secret: &str) -> Result<(), RegistrationError> {
        self.change(client_id, |app| {
            let mut secrets = app.secrets.iter_mut();
            let known = secrets.find(|known| known.value == secret);
            let known = known.ok_or(RegistrationError::UnknownCredential("secret"))?;
            known.expired = true;
            Ok(())
        })
    }

    /// Registers a certificate, PEM or DER, and returns its thumbprint: SHA-256 in upper-case hex.
    ///
    /// Client assertions signed with its key are accepted while it is valid; those it has stay.
    ///
    /// # Errors
    ///
    /// A client id that no application has, or what isn't a certificate with an RSA key.
    pub fn register_certificate(
        &self,
        client_id: &str,
        pem_or_der: impl AsRef<[u8]>,
    ) -> Result<String, RegistrationError> {
        let certificate = read(pem_or_der.as_ref())?;
        let thumbprint = certificate.thumbprint();
        self.change(client_id, |app| {
            app.certificates
                .retain(|known| known.sha256 != certificate.sha256);
            app.certificates.push(certificate);
            Ok(())
        })?;
        Ok(thumbprint)
    }

    /// Removes a certificate by its thumbprint: `AADSTS700027` from now on.
    ///
    /// # Errors
    ///
    /// A client id that no application has, or a certificate that the application doesn't have.
    pub fn remove_certificate(
        &self,
        client_id: &str,
        thumbprint: &str,
    ) -> Result<(), RegistrationError> {
        self.change(client_id, |app| {
            remove(&mut app.certificates, "certificate", |known| {
                known.thumbprint().eq_ignore_ascii_case(thumbprint)
            })
        })
    }

    /// Revokes a certificate, PEM or DER: `AADSTS7000214` from now on, also by subject name and issuer.
    ///
    /// # Errors
    ///
    /// A client id that no application has, or what isn't a certificate with an RSA key.
    pub fn revoke_certificate(
        &self,
        client_id: &str,
        pem_or_der: impl AsRef<[u8]>,
    ) -> Result<(), RegistrationError> {
        let certificate = read(pem_or_der.as_ref())?;
        self.change(client_id, |app| {
            app.revoked.insert(certificate.sha256);
            Ok(())
        })
    }

    /// Trusts whatever certificate an issuer, PEM or DER, gives to a subject: subject name and issuer (SNI).
    ///
    /// The client sends the certificate along, in `x5c`. The subject is its common name or a DNS name.
    ///
    /// # Errors
    ///
    /// A client id that no application has, or what isn't a certificate with an RSA key.
    pub fn trust_subject_name_issuer(
        &self,
        client_id: &str,
        issuer: impl AsRef<[u8]>,
        subject: impl Into<String>,
    ) -> Result<(), RegistrationError> {
        let issuer = read(issuer.as_ref())?;
        self.change(client_id, |app| {
            let subject = subject.into();
            app.subject_name_issuers
                .push(SubjectNameIssuer { issuer, subject });
            Ok(())
        })
    }

    /// Registers a federated identity: tokens of an issuer for a subject and an audience, all three exact.
    ///
    /// Signatures are verified for [`kubernetes_issuer`](Self::kubernetes_issuer) alone: no other issuer's
    /// keys are fetched.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sim = intune_sim::Sim::start(intune_sim::SimConfig::default()).await?;
    /// use intune_sim::UserToken;
    ///
    /// let (issuer, subject) = (sim.kubernetes_issuer(), "system:serviceaccount:prod:gate");
    /// sim.register_federated(sim.client_id(), issuer, subject, "api://AzureADTokenExchange")?;
    /// let assertion = sim.mint(UserToken::service_account("prod", "gate"));
    /// # let _ = assertion;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A client id that no application has.
    pub fn register_federated(
        &self,
        client_id: &str,
        issuer: impl Into<String>,
        subject: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<(), RegistrationError> {
        self.change(client_id, |app| {
            app.federated.push(Federated {
                issuer: issuer.into(),
                subject: subject.into(),
                audience: audience.into(),
            });
            Ok(())
        })
    }

    /// Changes a registration.
    fn change(
        &self,
        client_id: &str,
        change: impl FnOnce(&mut App) -> Result<(), RegistrationError>,
    ) -> Result<(), RegistrationError> {
        let mut state = self.state();
        let mut apps = state.apps.iter_mut();
        let app = apps.find(|app| app.client_id.eq_ignore_ascii_case(client_id));
        change(app.ok_or_else(|| RegistrationError::UnknownApp(client_id.to_owned()))?)
    }
}

fn read(pem_or_der: &[u8]) -> Result<Certificate, RegistrationError> {
    Certificate::read(pem_or_der).ok_or(RegistrationError::Certificate)
}

fn remove<T>(
    all: &mut Vec<T>,
    what: &'static str,
    meant: impl Fn(&T) -> bool,
) -> Result<(), RegistrationError> {
    let before = all.len();
    all.retain(|one| !meant(one));
    if all.len() == before {
        return Err(RegistrationError::UnknownCredential(what));
    }
    Ok(())
}
